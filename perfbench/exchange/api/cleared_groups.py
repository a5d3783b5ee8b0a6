"""Groups of cleared orders: the values of groupBy of listClearedOrders.

Names: Betfair, Exchange API, Betting Enums, GroupBy; Betting Type Definitions, ClearedOrderSummary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfbench.exchange.api.markets import Market
from perfbench.exchange.api.order_summaries import format_timestamp
from perfbench.exchange.matching.order import Order, round_to_pence
from perfbench.exchange.matching.settlement import compute_commission, compute_profit

Getter = Callable[[Order, Market], Any]

_EVENT_TYPE: dict[str, Getter] = {"eventTypeId": lambda _, market: market.definition.get("eventTypeId")}
_EVENT: dict[str, Getter] = {**_EVENT_TYPE, "eventId": lambda _, market: market.definition.get("eventId")}
_MARKET: dict[str, Getter] = {**_EVENT, "marketId": lambda _, market: market.market_id}
_RUNNER: dict[str, Getter] = {
    **_MARKET,
    "selectionId": lambda order, _: order.runner.selection_id,
    "handicap": lambda order, _: order.runner.handicap,
}
GROUP_KEYS: Mapping[str, Mapping[str, Getter]] = {
    "EVENT_TYPE": _EVENT_TYPE,
    "EVENT": _EVENT,
    "MARKET": _MARKET,
    "RUNNER": _RUNNER,
    "SIDE": {**_RUNNER, "side": lambda order, _: order.side},
    "STRATEGY": {"customerStrategyRef": lambda order, _: order.customer_strategy_ref},
}
"""Values of groupBy, and the fields that the orders of a group have in common."""

WITHOUT_COMMISSION = frozenset({"RUNNER", "SIDE", "STRATEGY"})
"""Groups smaller than a market: commission is on the net profit of a market."""


def build_cleared_group(group_by: str, entries: Sequence[tuple[Order, Market]]) -> dict[str, Any]:
    """Build the ClearedOrderSummary of a group of orders."""
    fields = {name: get(*entries[0]) for name, get in GROUP_KEYS[group_by].items()}
    profits: dict[str, float] = {}
    definitions = {market.market_id: market.definition for _, market in entries}
    for order, market in entries:
        profits[market.market_id] = profits.get(market.market_id, 0.0) + compute_profit(order, market.definition)
    summary = {
        **fields,
        "settledDate": format_timestamp(max(market.matcher.settled_at or 0 for _, market in entries)),
        "betCount": len(entries),
        "profit": round_to_pence(sum(profits.values())),
    }
    if group_by == "SIDE":
        size = round_to_pence(sum(order.size_matched for order, _ in entries))
        money = sum(price * amount for order, _ in entries for price, amount in order.fills)
        summary |= {"priceMatched": money / size if size else 0.0, "sizeSettled": size}
    if group_by not in WITHOUT_COMMISSION:
        commissions = [compute_commission(round_to_pence(p), definitions[name]) for name, p in profits.items()]
        summary["commission"] = round_to_pence(sum(commissions))
    return summary
