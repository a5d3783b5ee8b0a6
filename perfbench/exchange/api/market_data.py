"""Calls about markets: listMarketCatalogue and listMarketBook."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.api import catalogue, weights
from perfbench.exchange.api.books import market_book
from perfbench.exchange.api.refusals import Refusal
from perfbench.exchange.api.wishes import ListMarketBook, ListMarketCatalogue, PriceProjection
from perfbench.exchange.betting.desk import Desk
from perfbench.exchange.betting.orders import Order

MOST_RESULTS = 1000
MOST_DEPTH = 10
PROJECTIONS = ("ALL", "EXECUTABLE", "EXECUTION_COMPLETE")


def list_market_catalogue(desk: Desk, wish: ListMarketCatalogue) -> list[dict[str, Any]]:
    """Markets that are not over, with what does not change about them. Raises Refusal."""
    projection = wish.market_projection or ()
    if not 0 < wish.max_results <= MOST_RESULTS:
        raise Refusal("INVALID_INPUT_DATA", f"maxResults: {wish.max_results} is not 1 to {MOST_RESULTS}")
    if wish.sort is not None and wish.sort not in catalogue.SORTS:
        raise Refusal("INVALID_INPUT_DATA", f"sort: there is no {wish.sort} here")
    _within_limits(weights.of_catalogue(projection) * wish.max_results)
    found = [
        matcher.standing
        for market, matcher in desk.matchers.items()
        if not matcher.closed and wish.filter.fits(market, matcher.standing.definition)
    ]
    if wish.sort is not None:
        by, highest_first = catalogue.SORTS[wish.sort]
        found.sort(key=by, reverse=highest_first)
    return [catalogue.market(standing, projection) for standing in found[: wish.max_results]]


def list_market_book(desk: Desk, wish: ListMarketBook, account: str) -> list[dict[str, Any]]:
    """Markets as they stand; those that are over only if all of them are. Raises Refusal."""
    projection = wish.price_projection or PriceProjection()
    prices = projection.price_data or ()
    depth = projection.ex_best_offers_overrides.best_prices_depth if projection.ex_best_offers_overrides else None
    for name in prices:
        if name not in weights.BOOK:
            raise Refusal("INVALID_INPUT_DATA", f"priceProjection.priceData: there is no {name}")
    if depth is not None and not 0 < depth <= MOST_DEPTH:
        raise Refusal("INVALID_INPUT_DATA", f"bestPricesDepth: {depth} is not 1 to {MOST_DEPTH}")
    if wish.order_projection not in (None, *PROJECTIONS):
        raise Refusal("INVALID_INPUT_DATA", f"orderProjection: there is no {wish.order_projection}")
    _within_limits(weights.of_book(prices, depth) * len(set(wish.market_ids)))
    asked = [desk.matchers[market] for market in dict.fromkeys(wish.market_ids) if market in desk.matchers]
    begun = [matcher for matcher in asked if matcher.standing.definition]
    found = [matcher for matcher in begun if not matcher.closed] or begun
    return [
        market_book(matcher.standing, prices, depth, _listed(list(matcher.orders.values()), wish, account))
        for matcher in found
    ]


def _listed(orders: list[Order], wish: ListMarketBook, account: str) -> list[Order]:
    if wish.order_projection is None:
        return []
    return [o for o in orders if o.account == account and projected(o, wish.order_projection)]


def projected(order: Order, projection: str | None) -> bool:
    """Whether an order is among those that a projection names: all, those still open, or the others."""
    return projection in (None, "ALL") or order.executable == (projection == "EXECUTABLE")


def _within_limits(weight: float) -> None:
    if weight > weights.MOST:
        raise Refusal("TOO_MUCH_DATA", f"a weight of {weight:g} is asked for, {weights.MOST} is the most")
