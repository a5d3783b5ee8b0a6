"""Market data operations: listMarketCatalogue and listMarketBook."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.api import data_weights, market_catalogue
from perfbench.exchange.api.exceptions import APINGException
from perfbench.exchange.api.market_book import build_market_book
from perfbench.exchange.api.request_types import ListMarketBook, ListMarketCatalogue, PriceProjection
from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import OrderManager

MAX_RESULTS = 1000
MAX_BEST_PRICES_DEPTH = 10
ORDER_PROJECTIONS = ("ALL", "EXECUTABLE", "EXECUTION_COMPLETE")


def list_market_catalogue(order_manager: OrderManager, request: ListMarketCatalogue) -> list[dict[str, Any]]:
    """Answer listMarketCatalogue for markets that are not closed. Raises APINGException."""
    projection = request.market_projection or ()
    if not 0 < request.max_results <= MAX_RESULTS:
        raise APINGException(
            "INVALID_INPUT_DATA", f"maxResults: {request.max_results} is not between 1 and {MAX_RESULTS}"
        )
    if request.sort is not None and request.sort not in market_catalogue.SORT_ORDERS:
        raise APINGException("INVALID_INPUT_DATA", f"sort: {request.sort} is not supported")
    _check_data_weight(data_weights.compute_catalogue_weight(projection) * request.max_results)
    states = [
        matcher.state
        for market_id, matcher in order_manager.matchers.items()
        if not matcher.closed and request.filter.matches(market_id, matcher.state.definition)
    ]
    if request.sort is not None:
        sort_key, highest_first = market_catalogue.SORT_ORDERS[request.sort]
        states.sort(key=sort_key, reverse=highest_first)
    return [market_catalogue.build_market_catalogue(state, projection) for state in states[: request.max_results]]


def list_market_book(order_manager: OrderManager, request: ListMarketBook, account: str) -> list[dict[str, Any]]:
    """Answer listMarketBook; closed markets are listed only if all requested ones are closed. Raises APINGException."""
    projection = request.price_projection or PriceProjection()
    prices = projection.price_data or ()
    depth = projection.ex_best_offers_overrides.best_prices_depth if projection.ex_best_offers_overrides else None
    for name in prices:
        if name not in data_weights.BOOK_WEIGHTS:
            raise APINGException("INVALID_INPUT_DATA", f"priceProjection.priceData: unknown value {name}")
    if depth is not None and not 0 < depth <= MAX_BEST_PRICES_DEPTH:
        raise APINGException(
            "INVALID_INPUT_DATA", f"bestPricesDepth: {depth} is not between 1 and {MAX_BEST_PRICES_DEPTH}"
        )
    if request.order_projection not in (None, *ORDER_PROJECTIONS):
        raise APINGException("INVALID_INPUT_DATA", f"orderProjection: unknown value {request.order_projection}")
    _check_data_weight(data_weights.compute_book_weight(prices, depth) * len(set(request.market_ids)))
    requested = [
        order_manager.matchers[market_id]
        for market_id in dict.fromkeys(request.market_ids)
        if market_id in order_manager.matchers
    ]
    started = [matcher for matcher in requested if matcher.state.definition]
    states = [matcher for matcher in started if not matcher.closed] or started
    return [
        build_market_book(matcher.state, prices, depth, _select_orders(list(matcher.orders.values()), request, account))
        for matcher in states
    ]


def _select_orders(orders: list[Order], request: ListMarketBook, account: str) -> list[Order]:
    if request.order_projection is None:
        return []
    return [o for o in orders if o.account == account and matches_projection(o, request.order_projection)]


def matches_projection(order: Order, projection: str | None) -> bool:
    """Return whether an order belongs to an order projection: all, executable or complete."""
    return projection in (None, "ALL") or order.executable == (projection == "EXECUTABLE")


def _check_data_weight(weight: float) -> None:
    if weight > data_weights.MAX_WEIGHT:
        raise APINGException("TOO_MUCH_DATA", f"request weight is {weight:g}; the limit is {data_weights.MAX_WEIGHT}")
