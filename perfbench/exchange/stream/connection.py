"""What one client and the exchange say to each other, from the handshake to the end, in a thread of its own."""

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
"""What a connection may be subscribed to, each once."""

MAX_LISTEN_SECONDS = 0.1
"""Seconds after which a thread looks whether the exchange is closing, at the latest."""


class StreamConnection:
    """One connection."""

    def __init__(self, house: ExchangeContext, wire: TlsTransport, name: str, *, welcome: bool = True) -> None:
        self._house, self._wire, self._name, self._welcome = house, wire, name, welcome
        self._session: str | None = None
        self._subscriptions: dict[str, MarketSubscription | OrderSubscription] = {}
        self._ring: Callable[[], None] | None = None
        self._began = time.monotonic()
        self._free = 0.0
        self._behind = False
        self._blocked = 0.0
        self._conflated = 0
        self._frames = 0
        self._size = 0
        self.delays = DelayHistogram()
        self.log: list[Frame] = []

    def run(self) -> ConnectionReport:
        """Talk until one side ends it."""
        try:
            self._wire.shake_hands()
            self._say(response_messages.build_connection_message(self._name))
            while not self._house.closing.is_set():
                for line in self._wire.lines(self._seconds_to_listen()):
                    self._answer(line)
                self._send_due()
                self._demand_patience()
                if self._house.hangs_up and MARKET_STREAM in self._subscriptions and self._over():
                    raise ConnectionClosed("everything was told")
            ended = "the exchange closed"
        except ConnectionClosed as gone:
            ended = str(gone)
        finally:
            if self._ring and self._house.desk:
                self._house.desk.forget(self._ring)
            self._wire.close()
        lateness = self.delays.lateness()
        return ConnectionReport(self._name, self._frames, self._size, self._conflated, self._blocked, lateness, ended)

    def _over(self) -> bool:
        return all(subscription.over for subscription in self._subscriptions.values())

    def _seconds_to_listen(self) -> float:
        due = min((subscription.next_due() for subscription in self._subscriptions.values()), default=math.inf)
        return min(due - time.monotonic(), MAX_LISTEN_SECONDS)

    def _demand_patience(self) -> None:
        """End a connection that says nothing, or half a request for too long."""
        patience = self._house.limits.patience
        idle = 0.0 if self._session else time.monotonic() - self._began
        if max(idle, self._wire.waiting) > patience:
            self._refuse(StreamRequestError("TIMEOUT", f"no whole request within {patience:g} s"))

    # Requests -------------------------------------------------------------------------------------------------------------

    def _answer(self, line: bytes) -> None:
        request = None
        try:
            request = decode_request(line)
            self._obey(request)
        except StreamRequestError as refused:
            self._refuse(refused, request.id if request else refused.request)

    def _refuse(self, refused: StreamRequestError, request: int | None = None) -> None:
        self._say(
            response_messages.build_failure_status(
                request, refused.code, str(refused), self._name, closed=refused.closes
            )
        )
        if refused.closes:
            raise ConnectionClosed(f"refused: {refused.code}")

    def _obey(self, request: StreamRequest) -> None:
        if isinstance(request, AuthenticationRequest):
            self._authenticate(request)
        elif isinstance(request, HeartbeatRequest):
            self._say(response_messages.build_success_status(request.id, self._house.available()))
        elif not self._session:
            raise StreamRequestError("NOT_AUTHORIZED", "authenticate first")
        elif isinstance(request, OrderSubscriptionRequest):
            self._subscribe_to_orders(request, self._session)
        else:
            self._subscribe(request)

    def _authenticate(self, request: AuthenticationRequest) -> None:
        for code, wrong, text in (
            (
                "MAX_CONNECTION_LIMIT_EXCEEDED",
                not self._welcome,
                f"{self._house.limits.connections} connections are the most",
            ),
            ("NO_APP_KEY", not request.app_key, "appKey is missing"),
            ("NO_SESSION", request.session is None, "session is missing"),
            (
                "INVALID_SESSION_INFORMATION",
                not self._house.sessions.valid(request.session or ""),
                "session is empty, or not one that a login gave",
            ),
        ):
            if wrong:
                raise StreamRequestError(code, text)
        self._session = request.session
        self._say(response_messages.build_success_status(request.id, self._house.available()))

    def _subscribe(self, request: MarketSubscriptionRequest) -> None:
        limits, definitions = self._house.limits, self._house.timeline.definitions
        wanted = request.market_filter or MarketFilter()
        markets = frozenset(market for market, definition in definitions.items() if wanted.fits(market, definition))
        if len(markets) > limits.markets:
            text = f"{len(markets)} markets are asked for, {limits.markets} are the most"
            raise StreamRequestError("SUBSCRIPTION_LIMIT_EXCEEDED", text, closes=False)
        since = self._resumed(request, len(self._house.timeline.updates))
        feed = self._house.feed(resolve_fields(request.market_data_filter))
        terms = MarketSubscriptionConfig(
            request.id or 0,
            markets,
            clamp_milliseconds(request.conflate_ms, CONFLATE_MS_BOUNDS, CONFLATE_MS_BOUNDS[0]),
            clamp_milliseconds(request.heartbeat_ms, HEARTBEAT_MS_BOUNDS, HEARTBEAT_MS_BOUNDS[1]),
            bool(request.segmentation_enabled),
        )
        self._open(
            MARKET_STREAM, request.id, MarketSubscription(terms, feed, self._house.clock, self._house.token), since
        )
        self._house.subscribed(self._name)

    def _open(
        self, kind: str, request: int | None, subscription: MarketSubscription | OrderSubscription, since: int | None
    ) -> None:
        self._say(response_messages.build_success_status(request, self._house.available()))
        for message in subscription.opening(since):
            self._say(message)
        self._subscriptions[kind] = subscription

    def _subscribe_to_orders(self, request: OrderSubscriptionRequest, session: str) -> None:
        desk = self._house.desk
        if desk is None:
            raise StreamRequestError(
                "SUBSCRIPTION_LIMIT_EXCEEDED", "there are no orders: the exchange has no API", closes=False
            )
        said = request.order_filter or OrderFilter()
        refs = said.customer_strategy_refs
        terms = OrderStreamOptions(
            frozenset(refs) if refs else None,
            said.include_overall_position is not False,
            bool(said.partition_matched_by_strategy_ref),
        )
        agreed = OrderSubscriptionConfig(
            request.id or 0,
            self._house.sessions.account(session),
            terms,
            clamp_milliseconds(request.conflate_ms, CONFLATE_MS_BOUNDS, CONFLATE_MS_BOUNDS[0]),
            clamp_milliseconds(request.heartbeat_ms, HEARTBEAT_MS_BOUNDS, HEARTBEAT_MS_BOUNDS[1]),
        )
        since = self._resumed(request, len(desk.journal))
        if self._ring is None:
            self._ring = self._wire.hang_bell()
            desk.listen(self._ring)
        self._open(ORDER_STREAM, request.id, OrderSubscription(agreed, desk.journal, self._house.token), since)

    def _resumed(self, request: MarketSubscriptionRequest | OrderSubscriptionRequest, most: int) -> int | None:
        """The position that a client has reached; None if it begins anew."""
        if request.initial_clk is None and request.clk is None:
            return None
        ours = request.initial_clk == self._house.token and POSITION_PATTERN.fullmatch(request.clk or "")
        position = int(request.clk or 0) if ours else -1
        if not 0 <= position <= most:
            text = "initialClk and clk are not of this exchange"
            raise StreamRequestError("INVALID_CLOCK", text, closes=False)
        return position

    # Updates --------------------------------------------------------------------------------------------------------------

    def _send_due(self) -> None:
        """Send what is due, until something is to be heard or nothing is due."""
        for subscription in self._subscriptions.values():
            message = subscription.next(time.monotonic(), behind=self._behind)
            if message is not None:
                self._send(message)

    def _send(self, message: StreamMessage) -> None:
        cut_every = self._house.cut_every
        if message.updates and cut_every and self._frames >= cut_every:
            with suppress(ConnectionClosed):
                self._say(message.data[: len(message.data) // 2])
            self._wire.cut()
            raise ConnectionClosed(f"cut after {self._frames} frames, in the middle of the next")
        begun = time.monotonic()
        took = self._say(message.data)
        if message.updates:
            self.delays.add(max(begun - max(message.due, self._free), 0.0))
            self._frames += 1
            if self._house.logged:
                self.log.append(Frame(message.position, message.due, begun, len(message.data)))
            self._conflated += message.conflated
        self._free = begun + took
        self._behind = took > self._house.limits.conflate_after

    def _say(self, message: bytes) -> float:
        took = self._wire.send(message)
        self._size += len(message)
        if took > MAX_LISTEN_SECONDS:
            self._blocked += took
        return took
