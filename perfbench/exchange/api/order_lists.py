"""Calls about orders and money: placeOrders, cancelOrders, replaceOrders, updateOrders, lists of orders, funds."""

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
from perfbench.exchange.matching.order_manager import OrderManager, read_epoch_ms

MAX_RECORDS = 1000
SIZE_FIELD_BY_BET_STATUS = {"SETTLED": "matched", "VOIDED": "voided", "LAPSED": "lapsed", "CANCELLED": "cancelled"}
"""For each status of cleared orders the amount that must not be nothing."""


# Lists ------------------------------------------------------------------------------------------------------------------------


def list_current_orders(desk: OrderManager, wish: ListCurrentOrders, account: str) -> dict[str, Any]:
    """Orders on markets that are not over, the first or the last first. Raises Refusal."""
    if wish.order_projection not in (None, *ORDER_PROJECTIONS):
        raise APINGException("INVALID_INPUT_DATA", f"orderProjection: there is no {wish.order_projection}")
    orders = [
        order
        for order in desk.orders(account)
        if not desk.matchers[order.place.market].closed
        and matches_projection(order, wish.order_projection)
        and _matches_filters(order, wish)
        and (
            wish.date_range is None or wish.date_range.holds(datetime.fromtimestamp(order.placed / 1000, timezone.utc))
        )
    ]
    if wish.sort_dir == "LATEST_TO_EARLIEST":
        orders.reverse()
    chosen, more = _slice_page(orders, wish.from_record, wish.record_count)
    return {"currentOrders": [build_current_order_summary(order) for order in chosen], "moreAvailable": more}


def list_cleared_orders(desk: OrderManager, wish: ListClearedOrders, account: str) -> dict[str, Any]:
    """Orders on markets that are over, one by one or market by market. Raises Refusal."""
    if wish.bet_status not in SIZE_FIELD_BY_BET_STATUS:
        raise APINGException("INVALID_INPUT_DATA", f"betStatus: there is no {wish.bet_status}")
    if wish.group_by not in (None, "BET", "MARKET"):
        raise APINGException("INVALID_INPUT_DATA", f"groupBy: BET and MARKET are known here, not {wish.group_by}")
    over = [
        order
        for order in desk.orders(account)
        if desk.matchers[order.place.market].closed
        and getattr(order, SIZE_FIELD_BY_BET_STATUS[wish.bet_status])
        and wish.side in (None, order.side)
        and _matches_filters(order, wish)
    ]
    if wish.group_by == "MARKET":
        markets = dict.fromkeys(order.place.market for order in over)
        told = [
            build_cleared_market_summary(
                desk.matchers[name], [o for o in over if o.place.market == name], read_epoch_ms()
            )
            for name in markets
        ]
    else:
        told = [
            build_cleared_order_summary(o, desk.matchers[o.place.market].standing.definition, read_epoch_ms())
            for o in over
        ]
    chosen, more = _slice_page(told, wish.from_record, wish.record_count)
    return {"clearedOrders": chosen, "moreAvailable": more}


def _matches_filters(order: Order, wish: ListCurrentOrders | ListClearedOrders) -> bool:
    return (
        (not wish.bet_ids or order.bet in wish.bet_ids)
        and (not wish.market_ids or order.place.market in wish.market_ids)
        and (not wish.customer_order_refs or order.order_ref in wish.customer_order_refs)
        and (not wish.customer_strategy_refs or order.strategy_ref in wish.customer_strategy_refs)
    )


def _slice_page(found: list[Any], first: int | None, count: int | None) -> tuple[list[Any], bool]:
    begin = max(first or 0, 0)
    amount = MAX_RECORDS if not count else min(max(count, 0), MAX_RECORDS)
    return found[begin : begin + amount], len(found) > begin + amount
