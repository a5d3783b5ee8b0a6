"""Worst-case exposure of an account's orders on one market.

A back of size s at price p wins s × (p − 1) or loses s; a lay is the reverse. Unmatched orders count as if they were
matched at their own price.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from perfbench.exchange.matching.order import Order, round_to_pence

RunnerOutcomes = dict[tuple[int, float], list[float]]
"""Profit for each runner if it loses and if it wins, by selection id and handicap."""


def compute_exposure(orders: Iterable[Order], winners: int) -> float:
    """Return the largest possible loss of the orders on one market in pounds, unmatched orders included."""
    outcomes: RunnerOutcomes = defaultdict(lambda: [0.0, 0.0])
    for order in orders:
        if order.executable or order.size_matched:
            loses, wins = _compute_worst_results(order)
            outcome = outcomes[order.runner.selection_id, order.runner.handicap]
            outcome[0] += loses
            outcome[1] += wins
    if not outcomes:
        return 0.0
    if winners == 1:
        no_winner = sum(loses for loses, _ in outcomes.values())
        worst = min([no_winner, *(no_winner - loses + wins for loses, wins in outcomes.values())])
    else:
        worst = sum(min(loses, wins) for loses, wins in outcomes.values())
    return round_to_pence(max(-worst, 0.0))


def _compute_worst_results(order: Order) -> tuple[float, float]:
    """Return the worst profit of an order if its runner loses and if it wins."""
    sign = 1 if order.side == "BACK" else -1
    loses = -sign * order.size_matched
    wins = sign * sum(size * (price - 1) for price, size in order.fills)
    if order.order_type != "LIMIT" and order.executable:
        at_risk = order.liability
    else:
        at_risk = order.size_remaining * (1.0 if order.side == "BACK" else order.price - 1)
    return (loses - at_risk, wins) if order.side == "BACK" else (loses, wins - at_risk)
