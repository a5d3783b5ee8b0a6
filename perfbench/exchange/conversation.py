"""What one client and the exchange say to each other, from the handshake to the end, in a thread of its own."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from contextlib import suppress

from perfbench.exchange import replies
from perfbench.exchange.betting.positions import OrderTerms
from perfbench.exchange.fields import asked
from perfbench.exchange.house import House
from perfbench.exchange.order_subscription import Agreed, OrderSubscription
from perfbench.exchange.requests import (
    CONFLATE_MS,
    HEARTBEAT_MS,
    Authentication,
    Heartbeat,
    MarketFilter,
    MarketSubscription,
    OrderFilter,
    OrderSubscribing,
    Refused,
    Request,
    read,
    within,
)
from perfbench.exchange.statement import ConnectionStatement, Delays, Frame
from perfbench.exchange.subscription import Message, Subscription, Terms
from perfbench.exchange.wire import Gone, Wire

POSITION = re.compile("[0-9]{1,18}")

MARKETS, ORDERS = "markets", "orders"
"""What a connection may be subscribed to, each once."""

LISTEN = 0.1
"""Seconds after which a thread looks whether the exchange is closing, at the latest."""


class Conversation:
    """One connection."""

    def __init__(self, house: House, wire: Wire, name: str, *, welcome: bool = True) -> None:
        self._house, self._wire, self._name, self._welcome = house, wire, name, welcome
        self._session: str | None = None
        self._subscriptions: dict[str, Subscription | OrderSubscription] = {}
        self._ring: Callable[[], None] | None = None
        self._began = time.monotonic()
        self._free = 0.0
        self._behind = False
        self._blocked = 0.0
        self._conflated = 0
        self._frames = 0
        self._size = 0
        self.delays = Delays()
        self.log: list[Frame] = []

    def run(self) -> ConnectionStatement:
        """Talk until one side ends it."""
        try:
            self._wire.shake_hands()
            self._say(replies.connected(self._name))
            while not self._house.closing.is_set():
                for line in self._wire.lines(self._seconds_to_listen()):
                    self._answer(line)
                self._send_due()
                self._demand_patience()
                if self._house.hangs_up and MARKETS in self._subscriptions and self._over():
                    raise Gone("everything was told")
            ended = "the exchange closed"
        except Gone as gone:
            ended = str(gone)
        finally:
            if self._ring and self._house.desk:
                self._house.desk.forget(self._ring)
            self._wire.close()
        lateness = self.delays.lateness()
        return ConnectionStatement(
            self._name, self._frames, self._size, self._conflated, self._blocked, lateness, ended
        )

    def _over(self) -> bool:
        return all(subscription.over for subscription in self._subscriptions.values())

    def _seconds_to_listen(self) -> float:
        due = min((subscription.next_due() for subscription in self._subscriptions.values()), default=math.inf)
        return min(due - time.monotonic(), LISTEN)

    def _demand_patience(self) -> None:
        """End a connection that says nothing, or half a request for too long."""
        patience = self._house.limits.patience
        idle = 0.0 if self._session else time.monotonic() - self._began
        if max(idle, self._wire.waiting) > patience:
            self._refuse(Refused("TIMEOUT", f"no whole request within {patience:g} s"))

    # Requests -------------------------------------------------------------------------------------------------------------

    def _answer(self, line: bytes) -> None:
        request = None
        try:
            request = read(line)
            self._obey(request)
        except Refused as refused:
            self._refuse(refused, request.id if request else refused.request)

    def _refuse(self, refused: Refused, request: int | None = None) -> None:
        self._say(replies.failure(request, refused.code, str(refused), self._name, closed=refused.closes))
        if refused.closes:
            raise Gone(f"refused: {refused.code}")

    def _obey(self, request: Request) -> None:
        if isinstance(request, Authentication):
            self._authenticate(request)
        elif isinstance(request, Heartbeat):
            self._say(replies.success(request.id, self._house.available()))
        elif not self._session:
            raise Refused("NOT_AUTHORIZED", "authenticate first")
        elif isinstance(request, OrderSubscribing):
            self._subscribe_to_orders(request, self._session)
        else:
            self._subscribe(request)

    def _authenticate(self, request: Authentication) -> None:
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
                raise Refused(code, text)
        self._session = request.session
        self._say(replies.success(request.id, self._house.available()))

    def _subscribe(self, request: MarketSubscription) -> None:
        limits, definitions = self._house.limits, self._house.timeline.definitions
        wanted = request.market_filter or MarketFilter()
        markets = frozenset(market for market, definition in definitions.items() if wanted.fits(market, definition))
        if len(markets) > limits.markets:
            text = f"{len(markets)} markets are asked for, {limits.markets} are the most"
            raise Refused("SUBSCRIPTION_LIMIT_EXCEEDED", text, closes=False)
        since = self._resumed(request, len(self._house.timeline.updates))
        feed = self._house.feed(asked(request.market_data_filter))
        terms = Terms(
            request.id or 0,
            markets,
            within(request.conflate_ms, CONFLATE_MS, CONFLATE_MS[0]),
            within(request.heartbeat_ms, HEARTBEAT_MS, HEARTBEAT_MS[1]),
            bool(request.segmentation_enabled),
        )
        self._open(MARKETS, request.id, Subscription(terms, feed, self._house.clock, self._house.token), since)
        self._house.subscribed(self._name)

    def _open(
        self, kind: str, request: int | None, subscription: Subscription | OrderSubscription, since: int | None
    ) -> None:
        self._say(replies.success(request, self._house.available()))
        for message in subscription.opening(since):
            self._say(message)
        self._subscriptions[kind] = subscription

    def _subscribe_to_orders(self, request: OrderSubscribing, session: str) -> None:
        desk = self._house.desk
        if desk is None:
            raise Refused("SUBSCRIPTION_LIMIT_EXCEEDED", "there are no orders: the exchange has no API", closes=False)
        said = request.order_filter or OrderFilter()
        refs = said.customer_strategy_refs
        terms = OrderTerms(
            frozenset(refs) if refs else None,
            said.include_overall_position is not False,
            bool(said.partition_matched_by_strategy_ref),
        )
        agreed = Agreed(
            request.id or 0,
            self._house.sessions.account(session),
            terms,
            within(request.conflate_ms, CONFLATE_MS, CONFLATE_MS[0]),
            within(request.heartbeat_ms, HEARTBEAT_MS, HEARTBEAT_MS[1]),
        )
        since = self._resumed(request, len(desk.journal))
        if self._ring is None:
            self._ring = self._wire.hang_bell()
            desk.listen(self._ring)
        self._open(ORDERS, request.id, OrderSubscription(agreed, desk.journal, self._house.token), since)

    def _resumed(self, request: MarketSubscription | OrderSubscribing, most: int) -> int | None:
        """The position that a client has reached; None if it begins anew."""
        if request.initial_clk is None and request.clk is None:
            return None
        ours = request.initial_clk == self._house.token and POSITION.fullmatch(request.clk or "")
        position = int(request.clk or 0) if ours else -1
        if not 0 <= position <= most:
            text = "initialClk and clk are not of this exchange"
            raise Refused("INVALID_CLOCK", text, closes=False)
        return position

    # Updates --------------------------------------------------------------------------------------------------------------

    def _send_due(self) -> None:
        """Send what is due, until something is to be heard or nothing is due."""
        for subscription in self._subscriptions.values():
            message = subscription.next(time.monotonic(), behind=self._behind)
            if message is not None:
                self._send(message)

    def _send(self, message: Message) -> None:
        cut_every = self._house.cut_every
        if message.updates and cut_every and self._frames >= cut_every:
            with suppress(Gone):
                self._say(message.data[: len(message.data) // 2])
            self._wire.cut()
            raise Gone(f"cut after {self._frames} frames, in the middle of the next")
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
        if took > LISTEN:
            self._blocked += took
        return took
