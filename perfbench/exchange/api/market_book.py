"""Market books of listMarketBook.

Names: Betfair, Exchange API, Betting Type Definitions, MarketBook. Values that are not in the file are omitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from perfbench.exchange.api.data_weights import DEFAULT_BEST_PRICES_DEPTH
from perfbench.exchange.api.order_summaries import build_book_order
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.matcher import REMOVED_STATUSES
from perfbench.exchange.matching.order import Order, RunnerKey

Offers = Iterable[tuple[float, float]]


def build_market_book(
    state: MarketState, prices: Sequence[str], depth: int | None, own_orders: Sequence[Order]
) -> dict[str, Any]:
    """Build the market book of a market.

    :param prices: price data such as ``EX_BEST_OFFERS``.
    :param depth: number of best offers.

    :param own_orders: orders to list with their runners.
    """
    definition = state.definition
    runners = [
        _build_runner_book(state, runner, prices, depth or DEFAULT_BEST_PRICES_DEPTH, own_orders)
        for runner in definition["runners"]
    ]
    return {
        "marketId": state.market_id,
        "isMarketDataDelayed": False,
        "status": definition.get("status"),
        "betDelay": definition.get("betDelay", 0),
        "bspReconciled": definition.get("bspReconciled", False),
        "complete": definition.get("complete", False),
        "inplay": definition.get("inPlay", False),
        "numberOfWinners": definition.get("numberOfWinners"),
        "numberOfRunners": len(runners),
        "numberOfActiveRunners": definition.get("numberOfActiveRunners"),
        "totalMatched": state.total_matched,
        "totalAvailable": _sum_available(state),
        "crossMatching": definition.get("crossMatching", False),
        "runnersVoidable": definition.get("runnersVoidable", False),
        "version": definition.get("version"),
        "runners": runners,
    }


def _build_runner_book(
    state: MarketState, definition: dict[str, Any], prices: Sequence[str], depth: int, own_orders: Sequence[Order]
) -> dict[str, Any]:
    runner_key = RunnerKey(state.market_id, definition["id"], definition.get("hc", 0.0))
    runner_prices = state.get_runner_prices(runner_key.selection_id, runner_key.handicap)
    fields: dict[str, Any] = {
        "selectionId": runner_key.selection_id,
        "handicap": runner_key.handicap,
        "status": definition.get("status"),
        "adjustmentFactor": definition.get("adjustmentFactor"),
    }
    if "ltp" in runner_prices:
        fields["lastPriceTraded"] = runner_prices["ltp"]
    if definition.get("status") in REMOVED_STATUSES:
        fields["removalDate"] = definition.get("removalDate")
    else:
        fields["totalMatched"] = runner_prices.get("tv", 0.0)
    if any(name.startswith("EX_") for name in prices):
        fields["ex"] = _build_exchange_prices(state, runner_key, runner_prices, prices, depth)
    if any(name.startswith("SP_") for name in prices):
        fields["sp"] = _build_starting_prices(definition, runner_prices, prices)
    if own_orders:
        fields["orders"] = [build_book_order(order) for order in own_orders if order.runner == runner_key]
    return fields


def _build_exchange_prices(
    state: MarketState, runner_key: RunnerKey, runner_prices: dict[str, Any], prices: Sequence[str], depth: int
) -> dict[str, Any]:
    limit = None if "EX_ALL_OFFERS" in prices else depth if "EX_BEST_OFFERS" in prices else 0
    traded = sorted(tuple(entry) for entry in runner_prices.get("trd", {}).values()) if "EX_TRADED" in prices else ()
    return {
        "availableToBack": _format_price_sizes(state.list_offers(runner_key, "BACK")[:limit]),
        "availableToLay": _format_price_sizes(state.list_offers(runner_key, "LAY")[:limit]),
        "tradedVolume": _format_price_sizes(traded),
    }


def _build_starting_prices(
    definition: dict[str, Any], runner_prices: dict[str, Any], prices: Sequence[str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {"backStakeTaken": [], "layLiabilityTaken": []}
    if "SP_TRADED" in prices:
        fields["backStakeTaken"] = _format_price_sizes(sorted(tuple(e) for e in runner_prices.get("spb", {}).values()))
        fields["layLiabilityTaken"] = _format_price_sizes(
            sorted(tuple(e) for e in runner_prices.get("spl", {}).values())
        )
    if "SP_AVAILABLE" in prices:
        projected = {"nearPrice": runner_prices.get("spn"), "farPrice": runner_prices.get("spf")}
        fields.update((name, price) for name, price in projected.items() if price is not None)
    if definition.get("bsp"):
        fields["actualSP"] = definition["bsp"]
    return fields


def _format_price_sizes(offers: Offers) -> list[dict[str, float]]:
    return [{"price": price, "size": size} for price, size in offers]


def _sum_available(state: MarketState) -> float:
    total = 0.0
    for runner in state.definition["runners"]:
        runner_key = RunnerKey(state.market_id, runner["id"], runner.get("hc", 0.0))
        total += sum(size for side in ("BACK", "LAY") for _, size in state.list_offers(runner_key, side))
    return round(total, 2)
