"""Market data operations: listMarketCatalogue, listMarketBook and listRunnerBook."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.api import data_weights, market_catalogue
from perfbench.exchange.api.exceptions import APINGException, reject_input
from perfbench.exchange.api.market_book import BookOptions, build_market_book
from perfbench.exchange.api.markets import Market, Markets
from perfbench.exchange.api.request_types import (
    ExBestOffersOverrides,
    ListMarketBook,
    ListMarketCatalogue,
    ListRunnerBook,
    PriceProjection,
)
from perfbench.exchange.matching.order import Order, RunnerKey
from perfbench.exchange.replay.best_offers import ROLL_UP_LIMIT

MAX_RESULTS = 1000
MAX_BEST_PRICES_DEPTH = 10
MAX_BOOK_BET_IDS = 250
ORDER_PROJECTIONS = ("ALL", "EXECUTABLE", "EXECUTION_COMPLETE")
MATCH_PROJECTIONS = ("NO_ROLLUP", "ROLLED_UP_BY_PRICE", "ROLLED_UP_BY_AVG_PRICE")
DEFAULT_MATCH_PROJECTION = "ROLLED_UP_BY_PRICE"
CURRENCY = "GBP"
"""Currency of the exchange and of all accounts."""


def list_market_catalogue(markets: Markets, request: ListMarketCatalogue, account: str) -> list[dict[str, Any]]:
    """Answer listMarketCatalogue for markets that are not closed. Raises APINGException."""
    projection = request.market_projection or ()
    if not 0 < request.max_results <= MAX_RESULTS:
        raise reject_input("maxResults", f"{request.max_results} is not between 1 and {MAX_RESULTS}")
    if request.sort is not None and request.sort not in market_catalogue.SORT_ORDERS:
        raise reject_input("sort", f"unknown value {request.sort}")
    for name in projection:
        if name not in market_catalogue.PROJECTIONS:
            raise reject_input("marketProjection", f"unknown value {name}")
    _check_data_weight(data_weights.compute_catalogue_weight(projection) * request.max_results)
    selected = markets.select(request.filter, account)
    if request.sort is not None:
        sort_key, highest_first = market_catalogue.SORT_ORDERS[request.sort]
        selected.sort(key=sort_key, reverse=highest_first)
    return [market_catalogue.build_market_catalogue(market, projection) for market in selected[: request.max_results]]


def list_market_book(
    markets: Markets, request: ListMarketBook, account: str, *, delayed: bool = False
) -> list[dict[str, Any]]:
    """Answer listMarketBook; closed markets are listed only if all requested ones are closed. Raises APINGException.

    :param delayed: the caller has a delayed application key.
    """
    options = _resolve_options(request, delayed=delayed)
    _check_weight(request, len(set(request.market_ids)))
    existing = [market for market_id in dict.fromkeys(request.market_ids) if (market := markets.get(market_id))]
    listed = [market for market in existing if not market.matcher.closed] or existing
    return [build_market_book(m, options, select_orders(m, request, account)) for m in listed]


def list_runner_book(
    markets: Markets, request: ListRunnerBook, account: str, *, delayed: bool = False
) -> list[dict[str, Any]]:
    """Answer listRunnerBook: the market book with one runner; empty for an unknown one. Raises APINGException."""
    options = _resolve_options(request, delayed=delayed)
    _check_weight(request, 1)
    market = markets.get(request.market_id)
    runner = RunnerKey(request.market_id, request.selection_id, request.handicap or 0.0)
    if market is None or market.state.find_runner_definition(runner.selection_id, runner.handicap) is None:
        return []
    return [build_market_book(market, options, select_orders(market, request, account), runner)]


def _resolve_options(request: ListMarketBook | ListRunnerBook, *, delayed: bool) -> BookOptions:
    """Return the content of a market book. Raises APINGException for values that are unknown or not supported."""
    projection = request.price_projection or PriceProjection()
    overrides = projection.ex_best_offers_overrides or ExBestOffersOverrides()
    for name in projection.price_data or ():
        if name not in data_weights.BOOK_WEIGHTS:
            raise reject_input("priceProjection.priceData", f"unknown value {name}")
    depth = overrides.best_prices_depth
    if depth is not None and not 0 < depth <= MAX_BEST_PRICES_DEPTH:
        raise reject_input("bestPricesDepth", f"{depth} is not between 1 and {MAX_BEST_PRICES_DEPTH}")
    if projection.rollover_stakes:
        raise reject_input("rolloverStakes", "not supported")
    if request.currency_code not in (None, "", CURRENCY):
        raise reject_input("currencyCode", f"{request.currency_code} is not supported; prices are in {CURRENCY}")
    if request.order_projection not in (None, *ORDER_PROJECTIONS):
        raise reject_input("orderProjection", f"unknown value {request.order_projection}")
    if request.match_projection not in (None, *MATCH_PROJECTIONS):
        raise reject_input("matchProjection", f"unknown value {request.match_projection}")
    if len(request.bet_ids or ()) > MAX_BOOK_BET_IDS:
        raise APINGException("REQUEST_SIZE_EXCEEDS_LIMIT", f"betIds: at most {MAX_BOOK_BET_IDS}")
    lists_orders = request.order_projection is not None
    lists_matches = lists_orders and request.include_overall_position is not False
    return BookOptions(
        tuple(projection.price_data or ()),
        depth or data_weights.DEFAULT_BEST_PRICES_DEPTH,
        _resolve_roll_up_limit(overrides),
        bool(projection.virtualise),
        lists_orders,
        (request.match_projection or DEFAULT_MATCH_PROJECTION) if lists_matches else None,
        bool(request.partition_matched_by_strategy_ref),
        delayed,
    )


def _resolve_roll_up_limit(overrides: ExBestOffersOverrides) -> float:
    """Return the smallest size of a best offer in pounds; 0 without roll-up. Raises APINGException."""
    if overrides.rollup_model == "NONE":
        return 0.0
    if overrides.rollup_model not in (None, "STAKE"):
        raise reject_input("rollupModel", f"{overrides.rollup_model} is not supported; use STAKE or NONE")
    if overrides.rollup_liability_threshold is not None or overrides.rollup_liability_factor is not None:
        raise reject_input("rollupLiabilityThreshold", "not supported without the model MANAGED_LIABILITY")
    return max(ROLL_UP_LIMIT, float(overrides.rollup_limit or 0))


def select_orders(market: Market, request: ListMarketBook | ListRunnerBook, account: str) -> Sequence[Order]:
    """Return the orders of an account that a market book lists."""
    if request.order_projection is None:
        return ()
    bet_ids, strategies, since = request.bet_ids, request.customer_strategy_refs, request.matched_since
    return [
        order
        for order in market.matcher.orders.values()
        if order.account == account
        and matches_projection(order, request.order_projection)
        and (not bet_ids or order.bet_id in bet_ids)
        and (not strategies or order.customer_strategy_ref in strategies)
        and (since is None or order.executable or _is_matched_since(order, since))
    ]


def _is_matched_since(order: Order, since: datetime) -> bool:
    moment = since if since.tzinfo else since.replace(tzinfo=timezone.utc)
    return order.matched_at is not None and order.matched_at >= moment.timestamp() * 1000


def matches_projection(order: Order, projection: str | None) -> bool:
    """Return whether an order belongs to an order projection: all, executable or complete."""
    return projection in (None, "ALL") or order.executable == (projection == "EXECUTABLE")


def _check_weight(request: ListMarketBook | ListRunnerBook, market_count: int) -> None:
    projection = request.price_projection or PriceProjection()
    depth = projection.ex_best_offers_overrides.best_prices_depth if projection.ex_best_offers_overrides else None
    _check_data_weight(data_weights.compute_book_weight(projection.price_data or (), depth) * market_count)


def _check_data_weight(weight: float) -> None:
    if weight > data_weights.MAX_WEIGHT:
        raise APINGException("TOO_MUCH_DATA", f"request weight is {weight:g}; the limit is {data_weights.MAX_WEIGHT}")
