"""What orders may lose, and what they have won.

Formulas: a back of size s at price p wins s × (p − 1) or loses s, a lay the other way round. Where more runners win than the
market has winners, each of them counts as a share of one (dead heat). Commission is the market's base rate of what was won on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from perfbench.exchange.matching.order import Order, round_to_pence

RunnerOutcomes = dict[tuple[int, float], list[float]]
"""For each runner what is lost or won if it loses, and if it wins."""


def compute_exposure(orders: Iterable[Order], winners: int) -> float:
    """Pounds that the orders of one market may lose at most, unmatched ones included."""
    outcomes: RunnerOutcomes = defaultdict(lambda: [0.0, 0.0])
    for order in orders:
        if order.executable or order.matched:
            loses, wins = _compute_worst_results(order)
            outcome = outcomes[order.place.runner, order.place.handicap]
            outcome[0] += loses
            outcome[1] += wins
    if not outcomes:
        return 0.0
    if winners == 1:
        nobody = sum(loses for loses, _ in outcomes.values())
        worst = min([nobody, *(nobody - loses + wins for loses, wins in outcomes.values())])
    else:
        worst = sum(min(loses, wins) for loses, wins in outcomes.values())
    return round_to_pence(max(-worst, 0.0))


def _compute_worst_results(order: Order) -> tuple[float, float]:
    """What an order brings at the worst if its runner loses, and if it wins."""
    sign = 1 if order.side == "BACK" else -1
    loses = -sign * order.matched
    wins = sign * sum(size * (price - 1) for price, size in order.fills)
    if order.kind != "LIMIT" and order.executable:
        at_risk = order.liability
    else:
        at_risk = order.remaining * (1.0 if order.side == "BACK" else order.price - 1)
    return (loses - at_risk, wins) if order.side == "BACK" else (loses, wins - at_risk)
