"""Market books as the API lists them.

Names: Betfair, Exchange API, Betting Type Definitions, MarketBook. What a file does not say is left out.
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
    standing: MarketState, prices: Sequence[str], depth: int | None, own: Sequence[Order]
) -> dict[str, Any]:
    """A market as it stands.

    :param prices: ``EX_BEST_OFFERS`` and so on.
    :param depth: how many of the best offers.
    :param own: orders that are listed with their runners.
    """
    definition = standing.definition
    runners = [
        _build_runner_book(standing, runner, prices, depth or DEFAULT_BEST_PRICES_DEPTH, own)
        for runner in definition["runners"]
    ]
    return {
        "marketId": standing.market,
        "isMarketDataDelayed": False,
        "status": definition.get("status"),
        "betDelay": definition.get("betDelay", 0),
        "bspReconciled": definition.get("bspReconciled", False),
        "complete": definition.get("complete", False),
        "inplay": definition.get("inPlay", False),
        "numberOfWinners": definition.get("numberOfWinners"),
        "numberOfRunners": len(runners),
        "numberOfActiveRunners": definition.get("numberOfActiveRunners"),
        "totalMatched": standing.traded,
        "totalAvailable": _sum_available(standing),
        "crossMatching": definition.get("crossMatching", False),
        "runnersVoidable": definition.get("runnersVoidable", False),
        "version": definition.get("version"),
        "runners": runners,
    }


def _build_runner_book(
    standing: MarketState, defined: dict[str, Any], prices: Sequence[str], depth: int, own: Sequence[Order]
) -> dict[str, Any]:
    place = RunnerKey(standing.market, defined["id"], defined.get("hc", 0.0))
    known = standing.runner(place.runner, place.handicap)
    said: dict[str, Any] = {
        "selectionId": place.runner,
        "handicap": place.handicap,
        "status": defined.get("status"),
        "adjustmentFactor": defined.get("adjustmentFactor"),
    }
    if "ltp" in known:
        said["lastPriceTraded"] = known["ltp"]
    if defined.get("status") in REMOVED_STATUSES:
        said["removalDate"] = defined.get("removalDate")
    else:
        said["totalMatched"] = known.get("tv", 0.0)
    if any(name.startswith("EX_") for name in prices):
        said["ex"] = _build_exchange_prices(standing, place, known, prices, depth)
    if any(name.startswith("SP_") for name in prices):
        said["sp"] = _build_starting_prices(defined, known, prices)
    if own:
        said["orders"] = [build_book_order(order) for order in own if order.place == place]
    return said


def _build_exchange_prices(
    standing: MarketState, place: RunnerKey, known: dict[str, Any], prices: Sequence[str], depth: int
) -> dict[str, Any]:
    most = None if "EX_ALL_OFFERS" in prices else depth if "EX_BEST_OFFERS" in prices else 0
    traded = sorted(tuple(entry) for entry in known.get("trd", {}).values()) if "EX_TRADED" in prices else ()
    return {
        "availableToBack": _format_price_sizes(standing.offers(place, "BACK")[:most]),
        "availableToLay": _format_price_sizes(standing.offers(place, "LAY")[:most]),
        "tradedVolume": _format_price_sizes(traded),
    }


def _build_starting_prices(defined: dict[str, Any], known: dict[str, Any], prices: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"backStakeTaken": [], "layLiabilityTaken": []}
    if "SP_TRADED" in prices:
        said["backStakeTaken"] = _format_price_sizes(sorted(tuple(e) for e in known.get("spb", {}).values()))
        said["layLiabilityTaken"] = _format_price_sizes(sorted(tuple(e) for e in known.get("spl", {}).values()))
    if "SP_AVAILABLE" in prices:
        named = {"nearPrice": known.get("spn"), "farPrice": known.get("spf")}
        said.update((name, price) for name, price in named.items() if price is not None)
    if defined.get("bsp"):
        said["actualSP"] = defined["bsp"]
    return said


def _format_price_sizes(offers: Offers) -> list[dict[str, float]]:
    return [{"price": price, "size": size} for price, size in offers]


def _sum_available(standing: MarketState) -> float:
    total = 0.0
    for runner in standing.definition["runners"]:
        place = RunnerKey(standing.market, runner["id"], runner.get("hc", 0.0))
        total += sum(size for side in ("BACK", "LAY") for _, size in standing.offers(place, side))
    return round(total, 2)
