"""Order value object: each state of an order is a new frozen value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["BACK", "LAY"]
OrderType = Literal["LIMIT", "LIMIT_ON_CLOSE", "MARKET_ON_CLOSE"]
PersistenceType = Literal["LAPSE", "PERSIST", "MARKET_ON_CLOSE"]


@dataclass(frozen=True, slots=True)
class RunnerKey:
    """Runner of a market."""

    market_id: str
    selection_id: int
    handicap: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """State of an order. Amounts in pounds, rounded to pence; times in milliseconds since 1970.

    ``liability`` is the maximum loss of an order at the starting price, whose ``size`` is 0. ``fills`` are the
    matched sizes at each price. ``lapse_reason`` is a code of Betfair's order stream (lsrc), empty without one.
    ``queue_ahead`` is the size queued earlier at the same price. ``on_close``: the remainder is matched at the starting
    price. ``expired``: a fill-or-kill order that was killed.
    """

    bet_id: str
    account: str
    runner: RunnerKey
    side: Side
    order_type: OrderType
    price: float
    size: float
    liability: float
    persistence_type: PersistenceType
    placed_at: int
    customer_order_ref: str = ""
    customer_strategy_ref: str = ""
    fills: tuple[tuple[float, float], ...] = ()
    size_cancelled: float = 0.0
    size_lapsed: float = 0.0
    size_voided: float = 0.0
    matched_at: int | None = None
    cancelled_at: int | None = None
    lapsed_at: int | None = None
    voided_at: int | None = None
    lapse_reason: str = ""
    queue_ahead: float = 0.0
    on_close: bool = False
    complete: bool = False
    expired: bool = False

    @property
    def size_matched(self) -> float:
        """Matched size in pounds."""
        return round_to_pence(sum(size for _, size in self.fills))

    @property
    def average_price(self) -> float:
        """Average matched price; 0 if nothing was matched."""
        size_matched = sum(size for _, size in self.fills)
        return sum(price * size for price, size in self.fills) / size_matched if size_matched else 0.0

    @property
    def size_remaining(self) -> float:
        """Size that can still be matched, in pounds."""
        return (
            0.0
            if self.complete
            else round_to_pence(
                self.size - self.size_matched - self.size_cancelled - self.size_lapsed - self.size_voided
            )
        )

    @property
    def executable(self) -> bool:
        """Whether the order can still be matched."""
        return not self.complete and (self.order_type != "LIMIT" or self.size_remaining > 0)

    @property
    def status(self) -> str:
        """Status of the order (Betfair, Betting Enums, OrderStatus)."""
        return "EXECUTABLE" if self.executable else "EXPIRED" if self.expired else "EXECUTION_COMPLETE"

    def add_fills(self, new_fills: Iterable[tuple[float, float]], now: int) -> Order:
        """Add fills (price, size)."""
        fills = dict(self.fills)
        for price, size in new_fills:
            fills[price] = round_to_pence(fills.get(price, 0.0) + size)
        return replace(self, fills=tuple(sorted(fills.items())), matched_at=now)

    def cancel(self, size: float, now: int) -> Order:
        """Cancel part of the remainder."""
        return replace(self, size_cancelled=round_to_pence(self.size_cancelled + size), cancelled_at=now)

    def kill(self, now: int) -> Order:
        """Cancel a fill-or-kill order of which nothing was matched."""
        return replace(self.cancel(self.size_remaining, now), expired=True)

    def lapse(self, now: int, reason: str = "") -> Order:
        """Lapse the remainder."""
        return replace(
            self,
            size_lapsed=round_to_pence(self.size_lapsed + self.size_remaining),
            lapsed_at=now,
            lapse_reason=reason,
            complete=True,
        )

    def void(self, now: int) -> Order:
        """Void what is matched and lapse what is not, because the runner was removed."""
        order = self.lapse(now) if self.executable else self
        if not order.fills:
            return order
        size_voided = round_to_pence(order.size_voided + order.size_matched)
        return replace(order, size_voided=size_voided, voided_at=now, fills=(), complete=True)

    def is_better_price(self, price: float) -> bool:
        """Return whether a price is better for this order than its own."""
        return price > self.price if self.side == "BACK" else price < self.price

    def accepts_price(self, price: float) -> bool:
        """Return whether the order can be matched at a price."""
        return price == self.price or self.is_better_price(price)


def round_to_pence(amount: float) -> float:
    """Round an amount in pounds to whole pence."""
    return round(amount + 0.0, 2)


def fill_from(order: Order, offers: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the fills (price, size) that an order takes from offers, which are sorted best first."""
    remaining, fills = order.size_remaining, []
    for price, size in offers:
        if remaining <= 0 or not order.accepts_price(price):
            break
        amount = round_to_pence(min(remaining, size))
        if amount > 0:
            fills.append((price, amount))
            remaining = round_to_pence(remaining - amount)
    return fills
