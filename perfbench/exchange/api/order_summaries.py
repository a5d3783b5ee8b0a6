"""Order summaries: CurrentOrderSummary, ClearedOrderSummary and the orders of a market book.

Names: Betfair, Exchange API, Betting Type Definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.api.market_catalogue import describe_event_type
from perfbench.exchange.api.markets import Market
from perfbench.exchange.matching.order import Order, round_to_pence
from perfbench.exchange.matching.settlement import compute_profit

REGULATOR = "GIBRALTAR REGULATOR"
"""Regulator of orders; their code on the stream is REG_GGC."""

AMOUNT_KEYS = {
    "SETTLED": "size_matched",
    "VOIDED": "size_voided",
    "LAPSED": "size_lapsed",
    "CANCELLED": "size_cancelled",
}
"""Bet statuses of listClearedOrders, and the size that must not be zero for an order to be listed under them."""


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
        "status": order.status,
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
        "regulatorCode": REGULATOR,
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


def build_matches(orders: Sequence[Order], projection: str) -> list[dict[str, Any]]:
    """Build the matches of a runner's orders (Match): one per order and price, per side and price, or per side."""
    fills = [(order, price, size) for order in orders for price, size in order.fills]
    if projection == "NO_ROLLUP":
        return [
            {
                "betId": order.bet_id,
                "matchId": f"{order.bet_id}-{price:g}",
                "side": order.side,
                "price": price,
                "size": size,
                "matchDate": format_timestamp(order.matched_at or order.placed_at),
            }
            for order, price, size in fills
        ]
    sums: dict[tuple[str, float | None], list[float]] = {}
    for order, price, size in fills:
        total = sums.setdefault((order.side, price if projection == "ROLLED_UP_BY_PRICE" else None), [0.0, 0.0])
        total[0] += size
        total[1] += size * price
    return [
        {"side": side, "price": money / size if price is None else price, "size": round_to_pence(size)}
        for (side, price), (size, money) in sums.items()
    ]


def build_cleared_order_summary(order: Order, market: Market, bet_status: str) -> dict[str, Any]:
    """Build a ClearedOrderSummary of an order on a closed market."""
    refs = {"customerOrderRef": order.customer_order_ref, "customerStrategyRef": order.customer_strategy_ref}
    settled = bet_status == "SETTLED"
    profit = compute_profit(order, market.definition) if settled else 0.0
    return {
        "eventTypeId": market.definition.get("eventTypeId"),
        "eventId": market.definition.get("eventId"),
        "marketId": order.runner.market_id,
        "selectionId": order.runner.selection_id,
        "handicap": order.runner.handicap,
        "betId": order.bet_id,
        "placedDate": format_timestamp(order.placed_at),
        "persistenceType": order.persistence_type,
        "orderType": order.order_type,
        "side": order.side,
        **({"betOutcome": "WON" if profit > 0 else "LOST"} if settled else {}),
        "priceRequested": order.price,
        "settledDate": format_timestamp(market.matcher.settled_at or 0),
        **({"lastMatchedDate": format_timestamp(order.matched_at)} if order.matched_at is not None else {}),
        "betCount": 1,
        "priceMatched": order.average_price,
        "priceReduced": False,
        "sizeSettled": order.size_matched,
        "profit": profit,
        "sizeCancelled": round_to_pence(order.size_cancelled + order.size_lapsed + order.size_voided),
        **{name: ref for name, ref in refs.items() if ref},
    }


def build_item_description(order: Order, market: Market) -> dict[str, Any]:
    """Build the ItemDescription of an order; names that the file does not have are left out."""
    definition = market.definition
    runner = market.state.find_runner_definition(order.runner.selection_id, order.runner.handicap) or {}
    fields = {
        "eventTypeDesc": describe_event_type(definition.get("eventTypeId"))["name"],
        "eventDesc": definition.get("eventName"),
        "marketDesc": definition.get("name"),
        "marketType": definition.get("marketType"),
        "marketStartTime": definition.get("marketTime"),
        "runnerDesc": runner.get("name"),
        "numberOfWinners": definition.get("numberOfWinners"),
    }
    return {name: value for name, value in fields.items() if value is not None}
