"""Worst-case exposure of an account's orders on one market.

A back of size s at price p wins s × (p − 1) or loses s; a lay is the reverse. Unmatched orders count as if they were
matched at their own price. Sums are exact integers, so that orders can be added and removed in any number.
"""

from __future__ import annotations

from collections.abc import Iterable

from perfbench.exchange.matching.order import Order, RunnerKey, round_to_pence

UNITS_PER_POUND = 10_000
"""Resolution of sums: stakes in pence times prices in hundredths."""

NO_RESULT = (0, 0)


class Exposure:
    """Results of an account's orders on one market, by runner: worst profit if it loses and if it wins."""

    def __init__(self) -> None:
        self._results: dict[RunnerKey, tuple[int, int]] = {}

    def replace_order(self, before: Order | None, after: Order | None) -> None:
        """Count an order in its new state instead of its old one; None for no such state."""
        for order, sign in ((before, -1), (after, 1)):
            if order is not None:
                loses, wins = compute_worst_results(order)
                old_loses, old_wins = self._results.get(order.runner, NO_RESULT)
                self._results[order.runner] = old_loses + sign * loses, old_wins + sign * wins

    def compute_worst_loss(self, winners: int, additional: Iterable[Order] = ()) -> float:
        """Return the largest possible loss in pounds, with additional orders."""
        results = dict(self._results)
        for order in additional:
            loses, wins = compute_worst_results(order)
            old_loses, old_wins = results.get(order.runner, NO_RESULT)
            results[order.runner] = old_loses + loses, old_wins + wins
        if not results:
            return 0.0
        if winners == 1:
            no_winner = sum(loses for loses, _ in results.values())
            worst = min([no_winner, *(no_winner - loses + wins for loses, wins in results.values())])
        else:
            worst = sum(min(loses, wins) for loses, wins in results.values())
        return round_to_pence(max(-worst, 0) / UNITS_PER_POUND)


def compute_worst_results(order: Order) -> tuple[int, int]:
    """Return the worst profit of an order if its runner loses and if it wins, in 1/10,000 pounds."""
    sign = 1 if order.side == "BACK" else -1
    loses = -sign * sum(_to_units(size) for _, size in order.fills)
    wins = sign * sum(_to_units(size * (price - 1)) for price, size in order.fills)
    if not order.executable:
        return loses, wins
    if order.order_type != "LIMIT":
        at_risk = _to_units(order.liability)
    else:
        at_risk = _to_units(order.size_remaining * (1.0 if order.side == "BACK" else order.price - 1))
    return (loses - at_risk, wins) if order.side == "BACK" else (loses, wins - at_risk)


def _to_units(pounds: float) -> int:
    return round(pounds * UNITS_PER_POUND)
