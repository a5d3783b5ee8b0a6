"""An order, from its placing to its end, as one frozen value after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["BACK", "LAY"]
OrderType = Literal["LIMIT", "LIMIT_ON_CLOSE", "MARKET_ON_CLOSE"]
PersistenceType = Literal["LAPSE", "PERSIST", "MARKET_ON_CLOSE"]


@dataclass(frozen=True, slots=True)
class RunnerKey:
    """A runner of a market."""

    market: str
    runner: int
    handicap: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. Amounts in pounds and whole pence, times in milliseconds since 1970.

    ``liability`` is what an order at the starting price may lose, for which ``size`` is 0. ``fills`` are the amounts that were
    matched at each price. ``ahead`` is what others want at the same price and said before. ``at_start``: what is left is to be
    matched at the starting price.
    """

    bet: str
    account: str
    place: RunnerKey
    side: Side
    kind: OrderType
    price: float
    size: float
    liability: float
    persistence: PersistenceType
    placed: int
    order_ref: str = ""
    strategy_ref: str = ""
    fills: tuple[tuple[float, float], ...] = ()
    cancelled: float = 0.0
    lapsed: float = 0.0
    voided: float = 0.0
    matched_at: int | None = None
    cancelled_at: int | None = None
    lapsed_at: int | None = None
    ahead: float = 0.0
    at_start: bool = False
    over: bool = False

    @property
    def matched(self) -> float:
        """Pounds that were matched."""
        return round_to_pence(sum(size for _, size in self.fills))

    @property
    def average(self) -> float:
        """The average price of what was matched; 0 if nothing was."""
        matched = sum(size for _, size in self.fills)
        return sum(price * size for price, size in self.fills) / matched if matched else 0.0

    @property
    def remaining(self) -> float:
        """Pounds that can still be matched."""
        return (
            0.0 if self.over else round_to_pence(self.size - self.matched - self.cancelled - self.lapsed - self.voided)
        )

    @property
    def executable(self) -> bool:
        """Whether something may still become of it."""
        return not self.over and (self.kind != "LIMIT" or self.remaining > 0)

    def filled(self, found: Iterable[tuple[float, float]], now: int) -> Order:
        """More of it is matched: price and pounds."""
        fills = dict(self.fills)
        for price, size in found:
            fills[price] = round_to_pence(fills.get(price, 0.0) + size)
        return replace(self, fills=tuple(sorted(fills.items())), matched_at=now)

    def without(self, size: float, now: int) -> Order:
        """So much of what is left is cancelled."""
        return replace(self, cancelled=round_to_pence(self.cancelled + size), cancelled_at=now)

    def given_up(self, now: int) -> Order:
        """What is left lapses."""
        return replace(self, lapsed=round_to_pence(self.lapsed + self.remaining), lapsed_at=now, over=True)

    def void(self) -> Order:
        """Its runner does not run: nothing of it counts."""
        return replace(self, voided=round_to_pence(self.matched + self.voided + self.remaining), fills=(), over=True)

    def better(self, price: float) -> bool:
        """Whether a price is better for this order than its own."""
        return price > self.price if self.side == "BACK" else price < self.price

    def accepts(self, price: float) -> bool:
        """Whether it may be matched at a price."""
        return price == self.price or self.better(price)


def round_to_pence(amount: float) -> float:
    """Pounds, in whole pence."""
    return round(amount + 0.0, 2)


def fill_from(order: Order, offers: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """What an order takes of offers, the best first: price and pounds."""
    left, found = order.remaining, []
    for price, size in offers:
        if left <= 0 or not order.accepts(price):
            break
        amount = round_to_pence(min(left, size))
        if amount > 0:
            found.append((price, amount))
            left = round_to_pence(left - amount)
    return found
