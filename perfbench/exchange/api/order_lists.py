"""Order lists: listCurrentOrders and listClearedOrders."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.api.exceptions import APINGException
from perfbench.exchange.api.market_data import ORDER_PROJECTIONS, matches_projection
from perfbench.exchange.api.order_summaries import (
    build_cleared_market_summary,
    build_cleared_order_summary,
    build_current_order_summary,
)
from perfbench.exchange.api.request_types import ListClearedOrders, ListCurrentOrders
from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.wall_clock import read_epoch_ms

MAX_RECORDS = 1000
SIZE_FIELD_BY_BET_STATUS = {
    "SETTLED": "size_matched",
    "VOIDED": "size_voided",
    "LAPSED": "size_lapsed",
    "CANCELLED": "size_cancelled",
}
"""Size that must not be zero for an order to be listed under a bet status."""


def list_current_orders(order_manager: OrderManager, request: ListCurrentOrders, account: str) -> dict[str, Any]:
    """Answer listCurrentOrders: orders on markets that are not closed. Raises APINGException."""
    if request.order_projection not in (None, *ORDER_PROJECTIONS):
        raise APINGException("INVALID_INPUT_DATA", f"orderProjection: unknown value {request.order_projection}")
    orders = [
        order
        for order in order_manager.list_orders(account)
        if not order_manager.matchers[order.runner.market_id].closed
        and matches_projection(order, request.order_projection)
        and _matches_filters(order, request)
        and (
            request.date_range is None
            or request.date_range.contains(datetime.fromtimestamp(order.placed_at / 1000, timezone.utc))
        )
    ]
    if request.sort_dir == "LATEST_TO_EARLIEST":
        orders.reverse()
    page, more_available = _slice_page(orders, request.from_record, request.record_count)
    return {"currentOrders": [build_current_order_summary(order) for order in page], "moreAvailable": more_available}


def list_cleared_orders(order_manager: OrderManager, request: ListClearedOrders, account: str) -> dict[str, Any]:
    """Answer listClearedOrders: orders on closed markets, one by one or by market. Raises APINGException."""
    if request.bet_status not in SIZE_FIELD_BY_BET_STATUS:
        raise APINGException("INVALID_INPUT_DATA", f"betStatus: unknown value {request.bet_status}")
    if request.group_by not in (None, "BET", "MARKET"):
        raise APINGException("INVALID_INPUT_DATA", f"groupBy: {request.group_by} is not supported; use BET or MARKET")
    orders = [
        order
        for order in order_manager.list_orders(account)
        if order_manager.matchers[order.runner.market_id].closed
        and getattr(order, SIZE_FIELD_BY_BET_STATUS[request.bet_status])
        and request.side in (None, order.side)
        and _matches_filters(order, request)
    ]
    if request.group_by == "MARKET":
        markets = dict.fromkeys(order.runner.market_id for order in orders)
        summaries = [
            build_cleared_market_summary(
                order_manager.matchers[name], [o for o in orders if o.runner.market_id == name], read_epoch_ms()
            )
            for name in markets
        ]
    else:
        summaries = [
            build_cleared_order_summary(o, order_manager.matchers[o.runner.market_id].state.definition, read_epoch_ms())
            for o in orders
        ]
    page, more_available = _slice_page(summaries, request.from_record, request.record_count)
    return {"clearedOrders": page, "moreAvailable": more_available}


def _matches_filters(order: Order, request: ListCurrentOrders | ListClearedOrders) -> bool:
    return (
        (not request.bet_ids or order.bet_id in request.bet_ids)
        and (not request.market_ids or order.runner.market_id in request.market_ids)
        and (not request.customer_order_refs or order.customer_order_ref in request.customer_order_refs)
        and (not request.customer_strategy_refs or order.customer_strategy_ref in request.customer_strategy_refs)
    )


def _slice_page(records: list[Any], first: int | None, count: int | None) -> tuple[list[Any], bool]:
    begin = max(first or 0, 0)
    amount = MAX_RECORDS if not count else min(max(count, 0), MAX_RECORDS)
    return records[begin : begin + amount], len(records) > begin + amount
