"""Calls about markets: listMarketCatalogue and listMarketBook."""

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


def list_market_catalogue(desk: OrderManager, wish: ListMarketCatalogue) -> list[dict[str, Any]]:
    """Markets that are not over, with what does not change about them. Raises Refusal."""
    projection = wish.market_projection or ()
    if not 0 < wish.max_results <= MAX_RESULTS:
        raise APINGException("INVALID_INPUT_DATA", f"maxResults: {wish.max_results} is not 1 to {MAX_RESULTS}")
    if wish.sort is not None and wish.sort not in market_catalogue.SORT_ORDERS:
        raise APINGException("INVALID_INPUT_DATA", f"sort: there is no {wish.sort} here")
    _check_data_weight(data_weights.compute_catalogue_weight(projection) * wish.max_results)
    found = [
        matcher.standing
        for market, matcher in desk.matchers.items()
        if not matcher.closed and wish.filter.fits(market, matcher.standing.definition)
    ]
    if wish.sort is not None:
        by, highest_first = market_catalogue.SORT_ORDERS[wish.sort]
        found.sort(key=by, reverse=highest_first)
    return [market_catalogue.build_market_catalogue(standing, projection) for standing in found[: wish.max_results]]


def list_market_book(desk: OrderManager, wish: ListMarketBook, account: str) -> list[dict[str, Any]]:
    """Markets as they stand; those that are over only if all of them are. Raises Refusal."""
    projection = wish.price_projection or PriceProjection()
    prices = projection.price_data or ()
    depth = projection.ex_best_offers_overrides.best_prices_depth if projection.ex_best_offers_overrides else None
    for name in prices:
        if name not in data_weights.BOOK_WEIGHTS:
            raise APINGException("INVALID_INPUT_DATA", f"priceProjection.priceData: there is no {name}")
    if depth is not None and not 0 < depth <= MAX_BEST_PRICES_DEPTH:
        raise APINGException("INVALID_INPUT_DATA", f"bestPricesDepth: {depth} is not 1 to {MAX_BEST_PRICES_DEPTH}")
    if wish.order_projection not in (None, *ORDER_PROJECTIONS):
        raise APINGException("INVALID_INPUT_DATA", f"orderProjection: there is no {wish.order_projection}")
    _check_data_weight(data_weights.compute_book_weight(prices, depth) * len(set(wish.market_ids)))
    asked = [desk.matchers[market] for market in dict.fromkeys(wish.market_ids) if market in desk.matchers]
    begun = [matcher for matcher in asked if matcher.standing.definition]
    found = [matcher for matcher in begun if not matcher.closed] or begun
    return [
        build_market_book(matcher.standing, prices, depth, _select_orders(list(matcher.orders.values()), wish, account))
        for matcher in found
    ]


def _select_orders(orders: list[Order], wish: ListMarketBook, account: str) -> list[Order]:
    if wish.order_projection is None:
        return []
    return [o for o in orders if o.account == account and matches_projection(o, wish.order_projection)]


def matches_projection(order: Order, projection: str | None) -> bool:
    """Whether an order is among those that a projection names: all, those still open, or the others."""
    return projection in (None, "ALL") or order.executable == (projection == "EXECUTABLE")


def _check_data_weight(weight: float) -> None:
    if weight > data_weights.MAX_WEIGHT:
        raise APINGException(
            "TOO_MUCH_DATA", f"a weight of {weight:g} is asked for, {data_weights.MAX_WEIGHT} is the most"
        )
