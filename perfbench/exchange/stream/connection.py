"""Stream connection: authentication, subscriptions and the send loop, in a thread of its own."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from contextlib import suppress

from perfbench.exchange.context import ExchangeContext
from perfbench.exchange.metrics import ConnectionReport, DelayHistogram, Frame
from perfbench.exchange.stream import response_messages
from perfbench.exchange.stream.market_data_filter import resolve_fields
from perfbench.exchange.stream.market_subscription import MarketSubscription, MarketSubscriptionConfig, StreamMessage
from perfbench.exchange.stream.order_cache import OrderStreamOptions
from perfbench.exchange.stream.order_subscription import OrderSubscription, OrderSubscriptionConfig
from perfbench.exchange.stream.request_messages import (
    CONFLATE_MS_BOUNDS,
    HEARTBEAT_MS_BOUNDS,
    AuthenticationRequest,
    HeartbeatRequest,
    MarketFilter,
    MarketSubscriptionRequest,
    OrderFilter,
    OrderSubscriptionRequest,
    StreamRequest,
    StreamRequestError,
    clamp_milliseconds,
    decode_request,
)
from perfbench.exchange.stream.transport import ConnectionClosed, TlsTransport

POSITION_PATTERN = re.compile("[0-9]{1,18}")

MARKET_STREAM, ORDER_STREAM = "markets", "orders"
"""Subscriptions of a connection, at most one of each."""

MAX_LISTEN_SECONDS = 0.1
"""Interval at which a connection checks whether the exchange is closing."""


class StreamConnection:
    """Stream connection of one client."""

    def __init__(self, context: ExchangeContext, transport: TlsTransport, name: str, *, accepted: bool = True) -> None:
        self._context, self._transport, self._name, self._accepted = context, transport, name, accepted
        self._session: str | None = None
        self._subscriptions: dict[str, MarketSubscription | OrderSubscription] = {}
        self._wake: Callable[[], None] | None = None
        self._opened_at = time.monotonic()
        self._writable_at = 0.0
        self._is_behind = False
        self._blocked = 0.0
        self._conflated = 0
        self._frames = 0
        self._size = 0
        self.delays = DelayHistogram()
        self.log: list[Frame] = []

    def run(self) -> ConnectionReport:
        """Serve the client until one side ends the connection."""
        try:
            self._transport.perform_handshake()
            self._send_bytes(response_messages.build_connection_message(self._name))
            while not self._context.closing.is_set():
                for line in self._transport.read_lines(self._compute_listen_timeout()):
                    self._handle_line(line)
                self._send_due()
                self._enforce_timeout()
                if self._context.close_when_done and MARKET_STREAM in self._subscriptions and self._is_complete():
                    raise ConnectionClosed("all updates sent")
            ended = "the exchange closed"
        except ConnectionClosed as closed:
            ended = str(closed)
        finally:
            if self._wake and self._context.order_manager:
                self._context.order_manager.remove_listener(self._wake)
            self._transport.close()
        lateness = self.delays.lateness()
        return ConnectionReport(self._name, self._frames, self._size, self._conflated, self._blocked, lateness, ended)

    def _is_complete(self) -> bool:
        return all(subscription.is_complete for subscription in self._subscriptions.values())

    def _compute_listen_timeout(self) -> float:
        due = min((subscription.next_due() for subscription in self._subscriptions.values()), default=math.inf)
        return min(due - time.monotonic(), MAX_LISTEN_SECONDS)

    def _enforce_timeout(self) -> None:
        """End a connection that sends nothing, or leaves a request incomplete for too long."""
        timeout = self._context.limits.timeout
        idle = 0.0 if self._session else time.monotonic() - self._opened_at
        if max(idle, self._transport.seconds_incomplete) > timeout:
            self._send_failure(StreamRequestError("TIMEOUT", f"no complete request within {timeout:g} s"))

    # Requests -------------------------------------------------------------------------------------------------------------

    def _handle_line(self, line: bytes) -> None:
        request = None
        try:
            request = decode_request(line)
            self._handle_request(request)
        except StreamRequestError as error:
            self._send_failure(error, request.id if request else error.request_id)

    def _send_failure(self, error: StreamRequestError, request_id: int | None = None) -> None:
        self._send_bytes(
            response_messages.build_failure_status(
                request_id, error.code, str(error), self._name, connection_closed=error.closes_connection
            )
        )
        if error.closes_connection:
            raise ConnectionClosed(f"rejected: {error.code}")

    def _handle_request(self, request: StreamRequest) -> None:
        if isinstance(request, AuthenticationRequest):
            self._authenticate(request)
        elif isinstance(request, HeartbeatRequest):
            self._send_bytes(
                response_messages.build_success_status(request.id, self._context.count_available_connections())
            )
        elif not self._session:
            raise StreamRequestError("NOT_AUTHORIZED", "authenticate first")
        elif isinstance(request, OrderSubscriptionRequest):
            self._subscribe_to_orders(request, self._session)
        else:
            self._subscribe(request)

    def _authenticate(self, request: AuthenticationRequest) -> None:
        for code, is_rejected, text in (
            (
                "MAX_CONNECTION_LIMIT_EXCEEDED",
                not self._accepted,
                f"the limit is {self._context.limits.max_connections} connections",
            ),
            ("NO_APP_KEY", not request.app_key, "appKey is missing"),
            ("NO_SESSION", request.session is None, "session is missing"),
            (
                "INVALID_SESSION_INFORMATION",
                not self._context.sessions.is_valid(request.session or ""),
                "session is empty or was not issued by a login",
            ),
        ):
            if is_rejected:
                raise StreamRequestError(code, text)
        self._session = request.session
        self._send_bytes(
            response_messages.build_success_status(request.id, self._context.count_available_connections())
        )

    def _subscribe(self, request: MarketSubscriptionRequest) -> None:
        limits, definitions = self._context.limits, self._context.timeline.definitions
        market_filter = request.market_filter or MarketFilter()
        market_ids = frozenset(
            market for market, definition in definitions.items() if market_filter.matches(market, definition)
        )
        if len(market_ids) > limits.max_markets:
            text = f"subscription matches {len(market_ids)} markets; the limit is {limits.max_markets}"
            raise StreamRequestError("SUBSCRIPTION_LIMIT_EXCEEDED", text, closes_connection=False)
        resume_position = self._resolve_resume_position(request, len(self._context.timeline.updates))
        feed = self._context.feed(resolve_fields(request.market_data_filter))
        config = MarketSubscriptionConfig(
            request.id or 0,
            market_ids,
            clamp_milliseconds(request.conflate_ms, CONFLATE_MS_BOUNDS, CONFLATE_MS_BOUNDS[0]),
            clamp_milliseconds(request.heartbeat_ms, HEARTBEAT_MS_BOUNDS, HEARTBEAT_MS_BOUNDS[1]),
            bool(request.segmentation_enabled),
        )
        self._start_subscription(
            MARKET_STREAM,
            request.id,
            MarketSubscription(config, feed, self._context.clock, self._context.initial_clk),
            resume_position,
        )
        self._context.on_subscription(self._name)

    def _start_subscription(
        self,
        kind: str,
        request: int | None,
        subscription: MarketSubscription | OrderSubscription,
        resume_position: int | None,
    ) -> None:
        self._send_bytes(response_messages.build_success_status(request, self._context.count_available_connections()))
        for message in subscription.build_opening_messages(resume_position):
            self._send_bytes(message)
        self._subscriptions[kind] = subscription

    def _subscribe_to_orders(self, request: OrderSubscriptionRequest, session: str) -> None:
        order_manager = self._context.order_manager
        if order_manager is None:
            raise StreamRequestError(
                "SUBSCRIPTION_LIMIT_EXCEEDED",
                "no order stream: the exchange runs without its API",
                closes_connection=False,
            )
        order_filter = request.order_filter or OrderFilter()
        refs = order_filter.customer_strategy_refs
        options = OrderStreamOptions(
            frozenset(refs) if refs else None,
            order_filter.include_overall_position is not False,
            bool(order_filter.partition_matched_by_strategy_ref),
        )
        config = OrderSubscriptionConfig(
            request.id or 0,
            self._context.sessions.get_account(session),
            options,
            clamp_milliseconds(request.conflate_ms, CONFLATE_MS_BOUNDS, CONFLATE_MS_BOUNDS[0]),
            clamp_milliseconds(request.heartbeat_ms, HEARTBEAT_MS_BOUNDS, HEARTBEAT_MS_BOUNDS[1]),
        )
        resume_position = self._resolve_resume_position(request, len(order_manager.journal))
        if self._wake is None:
            self._wake = self._transport.create_waker()
            order_manager.add_listener(self._wake)
        self._start_subscription(
            ORDER_STREAM,
            request.id,
            OrderSubscription(config, order_manager.journal, self._context.initial_clk),
            resume_position,
        )

    def _resolve_resume_position(
        self, request: MarketSubscriptionRequest | OrderSubscriptionRequest, last_position: int
    ) -> int | None:
        """Return the position to resume from; None for a new subscription."""
        if request.initial_clk is None and request.clk is None:
            return None
        is_own = request.initial_clk == self._context.initial_clk and POSITION_PATTERN.fullmatch(request.clk or "")
        position = int(request.clk or 0) if is_own else -1
        if not 0 <= position <= last_position:
            text = "initialClk/clk were not issued by this server"
            raise StreamRequestError("INVALID_CLOCK", text, closes_connection=False)
        return position

    # Updates --------------------------------------------------------------------------------------------------------------

    def _send_due(self) -> None:
        """Send the due message of each subscription."""
        for subscription in self._subscriptions.values():
            message = subscription.build_next_message(time.monotonic(), behind=self._is_behind)
            if message is not None:
                self._send(message)

    def _send(self, message: StreamMessage) -> None:
        reset_every = self._context.reset_every
        if message.updates and reset_every and self._frames >= reset_every:
            with suppress(ConnectionClosed):
                self._send_bytes(message.data[: len(message.data) // 2])
            self._transport.reset()
            raise ConnectionClosed(f"reset after {self._frames} frames, in the middle of the next")
        sent_at = time.monotonic()
        seconds = self._send_bytes(message.data)
        if message.updates:
            self.delays.add(max(sent_at - max(message.due, self._writable_at), 0.0))
            self._frames += 1
            if self._context.record_frames:
                self.log.append(Frame(message.position, message.due, sent_at, len(message.data)))
            self._conflated += message.conflated
        self._writable_at = sent_at + seconds
        self._is_behind = seconds > self._context.limits.conflate_after

    def _send_bytes(self, message: bytes) -> float:
        seconds = self._transport.send(message)
        self._size += len(message)
        if seconds > MAX_LISTEN_SECONDS:
            self._blocked += seconds
        return seconds
