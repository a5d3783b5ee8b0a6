"""Order summaries: CurrentOrderSummary, ClearedOrderSummary and the orders of a market book.

Names: Betfair, Exchange API, Betting Type Definitions.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order import Order, round_to_pence
from perfbench.exchange.matching.settlement import compute_commission, compute_profit


def build_book_order(order: Order) -> dict[str, Any]:
    """Build the entry of an order in a market book, whose keys differ from those of listCurrentOrders."""
    summary = build_current_order_summary(order)
    fields = {key: value for key, value in summary.items() if key in BOOK_ORDER_FIELDS}
    return {**fields, "avgPriceMatched": order.average_price, "price": order.price, "size": order.size}


def build_current_order_summary(order: Order) -> dict[str, Any]:
    """Build a CurrentOrderSummary (listCurrentOrders)."""
    times = {"matchedDate": order.matched_at, "cancelledDate": order.cancelled_at, "lapsedDate": order.lapsed_at}
    refs = {"customerOrderRef": order.customer_order_ref, "customerStrategyRef": order.customer_strategy_ref}
    return {
        "betId": order.bet_id,
        "marketId": order.runner.market_id,
        "selectionId": order.runner.selection_id,
        "handicap": order.runner.handicap,
        "priceSize": {"price": order.price, "size": order.size},
        "bspLiability": order.liability,
        "side": order.side,
        "status": "EXECUTABLE" if order.executable else "EXECUTION_COMPLETE",
        "persistenceType": order.persistence_type,
        "orderType": order.order_type,
        "placedDate": format_timestamp(order.placed_at),
        **{name: format_timestamp(moment) for name, moment in times.items() if moment is not None},
        "averagePriceMatched": order.average_price,
        "sizeMatched": order.size_matched,
        "sizeRemaining": order.size_remaining,
        "sizeLapsed": order.size_lapsed,
        "sizeCancelled": order.size_cancelled,
        "sizeVoided": order.size_voided,
        "regulatorCode": "MALTA LOTTERIES AND GAMBLING AUTHORITY",
        **{name: ref for name, ref in refs.items() if ref},
    }


BOOK_ORDER_FIELDS = frozenset(
    {
        "betId",
        "bspLiability",
        "customerOrderRef",
        "customerStrategyRef",
        "orderType",
        "persistenceType",
        "placedDate",
        "side",
        "sizeCancelled",
        "sizeLapsed",
        "sizeMatched",
        "sizeRemaining",
        "sizeVoided",
        "status",
    }
)


def format_timestamp(moment: int) -> str:
    """Format milliseconds since 1970 as an API timestamp."""
    return f"{datetime.fromtimestamp(moment / 1000, timezone.utc):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03}Z"


def build_cleared_order_summary(order: Order, definition: dict[str, Any], settled_at: int) -> dict[str, Any]:
    """Build a ClearedOrderSummary of an order on a closed market."""
    refs = {"customerOrderRef": order.customer_order_ref, "customerStrategyRef": order.customer_strategy_ref}
    profit = compute_profit(order, definition)
    return {
        "eventTypeId": definition.get("eventTypeId"),
        "eventId": definition.get("eventId"),
        "marketId": order.runner.market_id,
        "selectionId": order.runner.selection_id,
        "handicap": order.runner.handicap,
        "betId": order.bet_id,
        "placedDate": format_timestamp(order.placed_at),
        "persistenceType": order.persistence_type,
        "orderType": order.order_type,
        "side": order.side,
        "betOutcome": "WON" if profit > 0 else "LOST",
        "priceRequested": order.price,
        "settledDate": format_timestamp(settled_at),
        **({"lastMatchedDate": format_timestamp(order.matched_at)} if order.matched_at is not None else {}),
        "betCount": 1,
        "priceMatched": order.average_price,
        "priceReduced": False,
        "sizeSettled": order.size_matched,
        "profit": profit,
        "sizeCancelled": round_to_pence(order.size_cancelled + order.size_lapsed + order.size_voided),
        **{name: ref for name, ref in refs.items() if ref},
    }


def build_cleared_market_summary(matcher: Matcher, orders: list[Order], settled_at: int) -> dict[str, Any]:
    """Build a ClearedOrderSummary of all settled orders of an account on a market."""
    definition = matcher.state.definition
    profit = round_to_pence(sum(compute_profit(order, definition) for order in orders))
    return {
        "eventTypeId": definition.get("eventTypeId"),
        "eventId": definition.get("eventId"),
        "marketId": matcher.state.market_id,
        "settledDate": format_timestamp(settled_at),
        "betCount": len(orders),
        "profit": profit,
        "commission": compute_commission(profit, definition),
    }
