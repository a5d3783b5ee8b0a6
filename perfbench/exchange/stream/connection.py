"""Stream connection: authentication, subscriptions and the send loop, in a thread of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from perfbench.exchange.context import ExchangeContext
from perfbench.exchange.metrics import ConnectionReport, DelayHistogram, Frame
from perfbench.exchange.stream import response_messages
from perfbench.exchange.stream.market_subscription import StreamMessage
from perfbench.exchange.stream.request_messages import (
    AuthenticationRequest,
    HeartbeatRequest,
    MarketSubscriptionRequest,
    OrderSubscriptionRequest,
    StreamRequest,
    StreamRequestError,
    decode_request,
)
from perfbench.exchange.stream.subscriptions import (
    Subscription,
    create_market_subscription,
    create_order_subscription,
)
from perfbench.exchange.stream.transport import ConnectionClosed, TlsTransport

MARKET_STREAM, ORDER_STREAM = "markets", "orders"
"""Subscriptions of a connection, at most one of each."""

MAX_LISTEN_SECONDS = 0.1
"""Interval at which a connection checks whether the exchange is closing."""


class StreamConnection:
    """Stream connection of one client."""

    def __init__(self, context: ExchangeContext, transport: TlsTransport, name: str, *, accepted: bool = True) -> None:
        self._context, self._transport, self._name, self._accepted = context, transport, name, accepted
        self._session: str | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._wake: Callable[[], None] | None = None
        self._has_delayed_data = False
        self._opened_at = time.monotonic()
        self._authenticated_at = self._opened_at
        self._writable_at = 0.0
        self._is_behind = False
        self._blocked = 0.0
        self._conflated = 0
        self._frames = 0
        self._size = 0
        self.delays = DelayHistogram()

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
        """End a connection that takes too long to authenticate, to subscribe or to complete a request."""
        timeout, now = self._context.limits.timeout, time.monotonic()
        unauthenticated = 0.0 if self._session else now - self._opened_at
        unsubscribed = 0.0 if self._subscriptions or not self._session else now - self._authenticated_at
        if max(unauthenticated, self._transport.seconds_incomplete) > timeout:
            self._send_failure(StreamRequestError("TIMEOUT", f"no complete request within {timeout:g} s"))
        if unsubscribed > timeout:
            text = f"no subscription within {timeout:g} s of the authentication"
            self._send_failure(StreamRequestError("TIMEOUT", text))
        if self._session and not self._context.sessions.is_valid(self._session):
            self._send_failure(StreamRequestError("INVALID_SESSION_INFORMATION", "the session has ended"))

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
            self._send_bytes(response_messages.build_success_status(request.id))
        elif not self._session:
            raise StreamRequestError("NOT_AUTHORIZED", "authenticate first")
        elif isinstance(request, OrderSubscriptionRequest):
            self._subscribe_to_orders(request, self._session)
        else:
            self._subscribe_to_markets(request)

    def _authenticate(self, request: AuthenticationRequest) -> None:
        for code, is_rejected, text in (
            (
                "MAX_CONNECTION_LIMIT_EXCEEDED",
                not self._accepted,
                f"the limit is {self._context.limits.max_connections} connections",
            ),
            ("NO_APP_KEY", not request.app_key, "appKey is missing"),
            (
                "INVALID_APP_KEY",
                not self._context.app_keys.is_valid(request.app_key or ""),
                "appKey is not one of this exchange",
            ),
            ("NO_SESSION", request.session is None, "session is missing"),
            (
                "INVALID_SESSION_INFORMATION",
                not self._context.sessions.is_valid(request.session or ""),
                "session is empty or was not issued by a login",
            ),
        ):
            if is_rejected:
                raise StreamRequestError(code, text)
        if self._session is None:
            self._authenticated_at = time.monotonic()
        self._session = request.session
        self._has_delayed_data = self._context.app_keys.is_delayed(request.app_key or "")
        self._send_bytes(
            response_messages.build_success_status(request.id, self._context.count_available_connections())
        )

    def _subscribe_to_markets(self, request: MarketSubscriptionRequest) -> None:
        subscription = create_market_subscription(self._context, request, delayed=self._has_delayed_data)
        self._send_bytes(response_messages.build_success_status(request.id))
        # Market time may start now: before the image, which then has the final times, and after its position is fixed.
        self._context.on_subscription(self._name)
        self._start_subscription(MARKET_STREAM, subscription)

    def _subscribe_to_orders(self, request: OrderSubscriptionRequest, session: str) -> None:
        subscription = create_order_subscription(self._context, request, session)
        if self._wake is None and self._context.order_manager is not None:
            self._wake = self._transport.create_waker()
            self._context.order_manager.add_listener(self._wake)
        self._send_bytes(response_messages.build_success_status(request.id))
        self._start_subscription(ORDER_STREAM, subscription)

    def _start_subscription(self, kind: str, subscription: Subscription) -> None:
        for message in subscription.build_opening_messages():
            self._send_bytes(message)
        self._subscriptions[kind] = subscription

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
            if self._context.record_frame:
                self._context.record_frame(self._name, Frame(message.position, message.due, sent_at, len(message.data)))
            self._conflated += message.conflated
        self._writable_at = sent_at + seconds
        self._is_behind = seconds > self._context.limits.conflate_after

    def _send_bytes(self, message: bytes) -> float:
        started_at = time.monotonic()
        try:
            self._transport.send(message)
        finally:  # also if the client never reads again
            seconds = time.monotonic() - started_at
            if seconds > MAX_LISTEN_SECONDS:
                self._blocked += seconds
        self._size += len(message)
        return seconds
