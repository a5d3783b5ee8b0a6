"""Orders as the API lists them.

Names: Betfair, Exchange API, Betting Type Definitions, CurrentOrderSummary, ClearedOrderSummary.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order import Order, round_to_pence
from perfbench.exchange.matching.settlement import compute_commission, compute_profit


def build_book_order(order: Order) -> dict[str, Any]:
    """An order as a market book has it, which names one or two things otherwise than a list of orders does."""
    from_list = build_current_order_summary(order)
    kept = {key: value for key, value in from_list.items() if key in BOOK_ORDER_FIELDS}
    return {**kept, "avgPriceMatched": order.average, "price": order.price, "size": order.size}


def build_current_order_summary(order: Order) -> dict[str, Any]:
    """An order as ``listCurrentOrders`` has it (CurrentOrderSummary)."""
    times = {"matchedDate": order.matched_at, "cancelledDate": order.cancelled_at, "lapsedDate": order.lapsed_at}
    refs = {"customerOrderRef": order.order_ref, "customerStrategyRef": order.strategy_ref}
    return {
        "betId": order.bet,
        "marketId": order.place.market,
        "selectionId": order.place.runner,
        "handicap": order.place.handicap,
        "priceSize": {"price": order.price, "size": order.size},
        "bspLiability": order.liability,
        "side": order.side,
        "status": "EXECUTABLE" if order.executable else "EXECUTION_COMPLETE",
        "persistenceType": order.persistence,
        "orderType": order.kind,
        "placedDate": format_timestamp(order.placed),
        **{name: format_timestamp(moment) for name, moment in times.items() if moment is not None},
        "averagePriceMatched": order.average,
        "sizeMatched": order.matched,
        "sizeRemaining": order.remaining,
        "sizeLapsed": order.lapsed,
        "sizeCancelled": order.cancelled,
        "sizeVoided": order.voided,
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
    """Milliseconds since 1970 as the API writes a time."""
    return f"{datetime.fromtimestamp(moment / 1000, timezone.utc):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03}Z"


def build_cleared_order_summary(order: Order, definition: dict[str, Any], settled: int) -> dict[str, Any]:
    """An order of a market that is over, and what it brought."""
    refs = {"customerOrderRef": order.order_ref, "customerStrategyRef": order.strategy_ref}
    won = compute_profit(order, definition)
    return {
        "eventTypeId": definition.get("eventTypeId"),
        "eventId": definition.get("eventId"),
        "marketId": order.place.market,
        "selectionId": order.place.runner,
        "handicap": order.place.handicap,
        "betId": order.bet,
        "placedDate": format_timestamp(order.placed),
        "persistenceType": order.persistence,
        "orderType": order.kind,
        "side": order.side,
        "betOutcome": "WON" if won > 0 else "LOST",
        "priceRequested": order.price,
        "settledDate": format_timestamp(settled),
        **({"lastMatchedDate": format_timestamp(order.matched_at)} if order.matched_at is not None else {}),
        "betCount": 1,
        "priceMatched": order.average,
        "priceReduced": False,
        "sizeSettled": order.matched,
        "profit": won,
        "sizeCancelled": round_to_pence(order.cancelled + order.lapsed + order.voided),
        **{name: ref for name, ref in refs.items() if ref},
    }


def build_cleared_market_summary(matcher: Matcher, orders: list[Order], settled: int) -> dict[str, Any]:
    """All settled orders of an account on a market as one."""
    definition = matcher.standing.definition
    won = round_to_pence(sum(compute_profit(order, definition) for order in orders))
    return {
        "eventTypeId": definition.get("eventTypeId"),
        "eventId": definition.get("eventId"),
        "marketId": matcher.standing.market,
        "settledDate": format_timestamp(settled),
        "betCount": len(orders),
        "profit": won,
        "commission": compute_commission(won, definition),
    }
