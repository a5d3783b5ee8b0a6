"""Order lists: listCurrentOrders and listClearedOrders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from perfbench.exchange.api.cleared_groups import GROUP_KEYS, build_cleared_group
from perfbench.exchange.api.exceptions import APINGException, reject_input
from perfbench.exchange.api.market_data import ORDER_PROJECTIONS, matches_projection
from perfbench.exchange.api.markets import Market, Markets, TimeRange
from perfbench.exchange.api.order_summaries import (
    AMOUNT_KEYS,
    build_cleared_order_summary,
    build_current_order_summary,
    build_item_description,
)
from perfbench.exchange.api.request_types import ListClearedOrders, ListCurrentOrders
from perfbench.exchange.matching.order import Order

MAX_RECORDS = 1000
MAX_IDS = 250
"""Bet and market ids of a request together (Betfair, REQUEST_SIZE_EXCEEDS_LIMIT)."""

ORDER_TIMES: dict[str, Callable[[Order], int | None]] = {
    "BY_BET": lambda order: order.placed_at,
    "BY_MARKET": lambda order: order.placed_at,
    "BY_PLACE_TIME": lambda order: order.placed_at,
    "BY_MATCH_TIME": lambda order: order.matched_at,
    "BY_SETTLED_TIME": lambda _: None,
    "BY_VOID_TIME": lambda order: order.voided_at,
}
"""Time that each order of listCurrentOrders sorts by and that dateRange applies to (ms since 1970); orders without it are
left out (Betfair, OrderBy). Current orders are not settled.
"""

SORT_DIRECTIONS = ("EARLIEST_TO_LATEST", "LATEST_TO_EARLIEST")
SIDES = ("BACK", "LAY")

Record = TypeVar("Record")


def list_current_orders(markets: Markets, request: ListCurrentOrders, account: str) -> dict[str, Any]:
    """Answer listCurrentOrders: orders on markets that are not closed. Raises APINGException."""
    _check_choice("orderProjection", request.order_projection, ORDER_PROJECTIONS)
    _check_choice("orderBy", request.order_by, tuple(ORDER_TIMES))
    _check_choice("sortDir", request.sort_dir, SORT_DIRECTIONS)
    if len(request.bet_ids or ()) + len(request.market_ids or ()) > MAX_IDS:
        raise APINGException("REQUEST_SIZE_EXCEEDS_LIMIT", f"betIds and marketIds: at most {MAX_IDS} together")
    order_by = request.order_by or "BY_PLACE_TIME"
    get_time = ORDER_TIMES[order_by]
    manager = markets.order_manager
    candidates = manager.list_orders(account) if request.order_projection != "EXECUTABLE" else None
    timed = [
        (moment, order)
        for order in (manager.list_open_orders(account) if candidates is None else candidates)
        if not manager.matchers[order.runner.market_id].closed
        and matches_projection(order, request.order_projection)
        and _matches_filters(order, request)
        and (moment := get_time(order)) is not None
        and _is_in_range(moment, request.date_range)
    ]
    by_market = order_by == "BY_MARKET"
    timed.sort(key=lambda entry: (entry[1].runner.market_id if by_market else "", *_get_rank(*entry)))
    if request.sort_dir == "LATEST_TO_EARLIEST":
        timed.reverse()
    page, more_available = slice_page([order for _, order in timed], request.from_record, request.record_count)
    summaries = [build_current_order_summary(order) for order in page]
    if request.include_item_description:
        for summary in summaries:
            version = manager.matchers[summary["marketId"]].state.definition.get("version")
            summary["currentItemDescription"] = {"marketVersion": {"version": version}}
    return {"currentOrders": summaries, "moreAvailable": more_available}


def _get_rank(moment: int, order: Order) -> tuple[int, int, str]:
    return moment, order.placed_at, order.bet_id


def list_cleared_orders(markets: Markets, request: ListClearedOrders, account: str) -> dict[str, Any]:
    """Answer listClearedOrders: orders on closed markets, one by one or in groups. Raises APINGException."""
    _check_choice("betStatus", request.bet_status, tuple(AMOUNT_KEYS))
    _check_choice("groupBy", request.group_by, ("BET", *GROUP_KEYS))
    _check_choice("side", request.side, SIDES)
    grouped = request.group_by not in (None, "BET")
    if grouped and request.bet_status not in ("SETTLED", "VOIDED"):
        raise reject_input("groupBy", f"{request.group_by} does not include {request.bet_status} bets; use BET")
    entries = [
        (order, market)
        for order in markets.order_manager.list_orders(account)
        if getattr(order, AMOUNT_KEYS[request.bet_status])
        and _matches_filters(order, request)
        and request.side in (None, order.side)
        and (market := markets.get(order.runner.market_id)) is not None
        and _is_cleared(order, market, request)
    ]
    if grouped:
        records = _group(entries, request.group_by or "")
        page, more_available = slice_page(records, request.from_record, request.record_count)
        return {"clearedOrders": page, "moreAvailable": more_available}
    chosen, more_available = slice_page(entries, request.from_record, request.record_count)
    summaries = []
    for order, market in chosen:
        summary = build_cleared_order_summary(order, market, request.bet_status)
        if request.include_item_description:
            summary["itemDescription"] = build_item_description(order, market)
        summaries.append(summary)
    return {"clearedOrders": summaries, "moreAvailable": more_available}


def _is_cleared(order: Order, market: Market, request: ListClearedOrders) -> bool:
    """Return whether an order's market is closed and selected."""
    definition, settled_at = market.definition, market.matcher.settled_at
    runners = request.runner_ids
    return (
        settled_at is not None
        and (not request.event_type_ids or definition.get("eventTypeId") in request.event_type_ids)
        and (not request.event_ids or definition.get("eventId") in request.event_ids)
        and _is_in_range(settled_at, request.settled_date_range)
        and (
            not runners
            or any(
                (r.market_id, r.selection_id, r.handicap or 0.0)
                == (order.runner.market_id, order.runner.selection_id, order.runner.handicap)
                for r in runners
            )
        )
    )


def _group(entries: Sequence[tuple[Order, Market]], group_by: str) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[tuple[Order, Market]]] = {}
    for entry in entries:
        key = tuple(get(*entry) for get in GROUP_KEYS[group_by].values())
        groups.setdefault(key, []).append(entry)
    return [build_cleared_group(group_by, group) for group in groups.values()]


def _matches_filters(order: Order, request: ListCurrentOrders | ListClearedOrders) -> bool:
    return (
        (not request.bet_ids or order.bet_id in request.bet_ids)
        and (not request.market_ids or order.runner.market_id in request.market_ids)
        and (not request.customer_order_refs or order.customer_order_ref in request.customer_order_refs)
        and (not request.customer_strategy_refs or order.customer_strategy_ref in request.customer_strategy_refs)
    )


def _is_in_range(moment: int, period: TimeRange | None) -> bool:
    return period is None or period.contains(datetime.fromtimestamp(moment / 1000, timezone.utc))


def _check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise reject_input(name, f"unknown value {value}")


def slice_page(records: Sequence[Record], first: int | None, count: int | None) -> tuple[list[Record], bool]:
    """Return a page of records, and whether there are more after it. Raises APINGException for negative numbers."""
    for name, value in (("fromRecord", first), ("recordCount", count)):
        if value is not None and value < 0:
            raise reject_input(name, f"{value} is negative")
    begin = first or 0
    amount = min(count or MAX_RECORDS, MAX_RECORDS)
    return list(records[begin : begin + amount]), len(records) > begin + amount
