"""What orders may lose, and what they have won.

Formulas: a back of size s at price p wins s × (p − 1) or loses s, a lay the other way round. Where more runners win than the
market has winners, each of them counts as a share of one (dead heat). Commission is the market's base rate of what was won on it.
"""

from __future__ import annotations

from typing import Any

from perfbench.exchange.matching.order import Order, round_to_pence

WINNING_STATUSES = frozenset({"WINNER", "PLACED"})


def compute_profit(order: Order, definition: dict[str, Any]) -> float:
    """Pounds that an order has won on a closed market; negative: lost."""
    runners = definition.get("runners", ())
    won = [(r["id"], r.get("hc", 0)) for r in runners if r.get("status") in WINNING_STATUSES]
    places = max(int(definition.get("numberOfWinners") or 1), 1)
    share = min(places / len(won), 1.0) if won else 1.0
    back = 0.0
    for price, size in order.fills:
        back += size * (price * share - 1) if (order.place.runner, order.place.handicap) in won else -size
    return round_to_pence(back if order.side == "BACK" else -back)


def compute_commission(won: float, definition: dict[str, Any]) -> float:
    """Pounds of what was won on a market that the exchange keeps."""
    return round_to_pence(max(won, 0.0) * float(definition.get("marketBaseRate") or 0.0) / 100)
