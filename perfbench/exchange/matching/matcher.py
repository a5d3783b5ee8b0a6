"""The orders on one market, matched against the replayed book.

An order takes what the book offers at its price or a better one, each offer once: until the file renews it, so much less is there.
What is left waits behind all that others wanted at that price when it came, and gets its part of what the file says was traded:
half of the change, for the traded volume of the stream counts both sides. The book itself stays that of the file: an order
is not seen by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perfbench.exchange.market_cache import MarketChange
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.order import Order, RunnerKey, fill_from, round_to_pence

REMOVED_STATUSES = frozenset({"REMOVED", "REMOVED_VACANT"})
TradedVolumes = dict[float, float]
"""Pounds that backers got at each price since the last update."""


class Matcher:
    """One market. Orders that a method changes are returned, as they are afterwards."""

    def __init__(self, market: str) -> None:
        self.standing = MarketState(market)
        self.orders: dict[str, Order] = {}
        self.closed = False
        self._used: dict[tuple[RunnerKey, str, float], float] = {}
        self._in_play = False
        self._reconciled = False

    @property
    def waiting(self) -> list[Order]:
        """Orders that may still be matched, the first first."""
        return [order for order in self.orders.values() if order.executable]

    def place(self, order: Order, now: int, least: float | None = None) -> Order:
        """Match an order at once as far as it goes, and keep what is left.

        :param least: pounds that must be matched now, or nothing is; what is left then is cancelled (fill or kill).
        """
        if order.kind == "LIMIT":
            found = self._found(order)
            if least is not None and sum(size for _, size in found) < least:
                found = []
            order = self._fill(order, found, now)
            ahead = self.standing.wanted(order.place, order.side, order.price)
            order = replace(order, ahead=ahead) if least is None else order.without(order.remaining, now)
        self.orders[order.bet] = order
        return order

    def apply(self, change: MarketChange, now: int) -> list[Order]:
        """The next change of the market."""
        before = dict(self.orders)
        trades = self._trades(change) if self.waiting else {}
        self.standing.apply(change)
        self._renew(change)
        if "marketDefinition" in change:
            self._turn(now)
        if self.standing.open:
            self._match(change, trades, now)
        return [order for bet, order in self.orders.items() if order is not before.get(bet)]

    def _found(self, order: Order) -> list[tuple[float, float]]:
        """What it can take of the book, less what was taken before."""
        offers = self.standing.offers(order.place, order.side)
        return fill_from(order, ((price, size - self._taken(order, price)) for price, size in offers))

    def _taken(self, order: Order, price: float) -> float:
        return self._used.get((order.place, order.side, price), 0.0)

    def _fill(self, order: Order, found: list[tuple[float, float]], now: int) -> Order:
        for price, size in found:
            self._used[order.place, order.side, price] = round_to_pence(self._taken(order, price) + size)
        return order.filled(found, now) if found else order

    def _renew(self, change: MarketChange) -> None:
        """Offers that are gone or less than what was taken of them no longer count as taken."""
        for key in [key for key in self._used if change.get("img") or self._told(change, key[0])]:
            place, side, price = key
            there = dict(self.standing.offers(place, "BACK" if side == "BACK" else "LAY")).get(price, 0.0)
            if there:
                self._used[key] = min(self._used[key], there)
            else:
                del self._used[key]

    @staticmethod
    def _told(change: MarketChange, place: RunnerKey) -> bool:
        return any(r["id"] == place.runner and r.get("hc", 0) == place.handicap for r in change.get("rc") or ())

    def _trades(self, change: MarketChange) -> dict[RunnerKey, TradedVolumes]:
        found: dict[RunnerKey, TradedVolumes] = {}
        for runner in change.get("rc") or ():
            known = self.standing.runner(runner["id"], runner.get("hc", 0)).get("trd", {})
            for price, size in runner.get("trd") or ():
                more = (size - known[price][-1] if price in known else size) / 2
                if more > 0:
                    place = RunnerKey(self.standing.market, runner["id"], runner.get("hc", 0.0))
                    found.setdefault(place, {})[price] = more
        return found

    def _match(self, change: MarketChange, trades: dict[RunnerKey, TradedVolumes], now: int) -> None:
        for order in self.waiting:
            if order.kind == "LIMIT" and not order.at_start and self._told(change, order.place):
                crossed = self._fill(order, self._found(order), now)
                self.orders[order.bet] = _fill_from_trades(crossed, trades.get(order.place, {}), now)

    # Turns of the market -----------------------------------------------------------------------------------------------------

    def _turn(self, now: int) -> None:
        """What a new definition means for the orders: runners removed, in-play, starting prices, the end."""
        definition = self.standing.definition
        for order in list(self.orders.values()):
            runner = self.standing.defined(order.place.runner, order.place.handicap) or {}
            if runner.get("status") in REMOVED_STATUSES and not order.voided:
                self.orders[order.bet] = order.void()
        if definition.get("inPlay") and not self._in_play:
            self._in_play = True
            self._start(now)
        if definition.get("bspReconciled") and not self._reconciled:
            self._reconciled = True
            self._reconcile(now)
        if definition.get("status") == "CLOSED" and not self.closed:
            self.closed = True
            for order in self.waiting:
                self.orders[order.bet] = order.given_up(now)

    def _start(self, now: int) -> None:
        for order in self.waiting:
            if order.kind == "LIMIT" and order.persistence == "LAPSE":
                self.orders[order.bet] = order.given_up(now)
            elif order.kind == "LIMIT" and order.persistence == "MARKET_ON_CLOSE":
                self.orders[order.bet] = replace(order, at_start=True)

    def _reconcile(self, now: int) -> None:
        for order in self.waiting:
            if order.kind == "LIMIT" and not order.at_start:
                continue
            runner = self.standing.defined(order.place.runner, order.place.handicap) or {}
            price = runner.get("bsp")
            price = float(price) if isinstance(price, (int, float)) else 0.0
            if price > 1 and (order.kind != "LIMIT_ON_CLOSE" or order.accepts(price)):
                order = order.filled([(price, _compute_bsp_stake(order, price))], now)  # noqa: PLW2901 - the same order, later
            self.orders[order.bet] = replace(order, over=True) if order.matched else order.given_up(now)


def _compute_bsp_stake(order: Order, price: float) -> float:
    """Pounds that are matched at the starting price of what an order would risk."""
    if order.kind == "LIMIT":
        return (
            order.remaining
            if order.side == "BACK"
            else round_to_pence(order.remaining * (order.price - 1) / (price - 1))
        )
    return order.liability if order.side == "BACK" else round_to_pence(order.liability / (price - 1))


def _fill_from_trades(order: Order, trades: TradedVolumes, now: int) -> Order:
    """An order with its part of what was traded, which is taken from it."""
    found: list[tuple[float, float]] = []
    for price, volume in _iterate_acceptable_trades(order, trades):
        left = volume
        if price == order.price:
            behind = min(order.ahead, left)
            order = replace(order, ahead=order.ahead - behind)
            left -= behind
        amount = round_to_pence(min(order.remaining - sum(size for _, size in found), left))
        if amount > 0:
            found.append((order.price, amount))
            trades[price] -= amount
    return order.filled(found, now) if found else order


def _iterate_acceptable_trades(order: Order, trades: TradedVolumes) -> Iterator[tuple[float, float]]:
    """Trades at its price or a better one, the best first."""
    for price in sorted(trades, reverse=order.side == "BACK"):
        if order.accepts(price):
            yield price, trades[price]
