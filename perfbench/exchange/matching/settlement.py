"""Profit and commission of settled orders.

A back of size s at price p wins s × (p − 1) or loses s; a lay is the reverse. Where more runners win than the market
has winners, the stake is split between them (dead heat). Commission is the market's base rate of the net profit on
the market.
"""

from __future__ import annotations

from typing import Any

from perfbench.exchange.matching.order import Order, round_to_pence

WINNING_STATUSES = frozenset({"WINNER", "PLACED"})


def compute_profit(order: Order, definition: dict[str, Any]) -> float:
    """Return the profit of an order on a closed market in pounds; negative for a loss."""
    runners = definition.get("runners", ())
    won = [(r["id"], r.get("hc", 0)) for r in runners if r.get("status") in WINNING_STATUSES]
    winner_count = max(int(definition.get("numberOfWinners") or 1), 1)
    share = min(winner_count / len(won), 1.0) if won else 1.0
    back = 0.0
    for price, size in order.fills:
        back += size * (price * share - 1) if (order.runner.selection_id, order.runner.handicap) in won else -size
    return round_to_pence(back if order.side == "BACK" else -back)


def compute_commission(won: float, definition: dict[str, Any]) -> float:
    """Return the commission on the net profit of a market in pounds."""
    return round_to_pence(max(won, 0.0) * float(definition.get("marketBaseRate") or 0.0) / 100)
