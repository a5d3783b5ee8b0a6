"""Market books as the API lists them.

Names: Betfair, Exchange API, Betting Type Definitions, MarketBook. What a file does not say is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from perfbench.exchange.api.orders import order_of_a_book
from perfbench.exchange.api.weights import DEFAULT_DEPTH
from perfbench.exchange.betting.matching import REMOVED
from perfbench.exchange.betting.orders import Order, Place
from perfbench.exchange.betting.standing import Standing

Offers = Iterable[tuple[float, float]]


def market_book(standing: Standing, prices: Sequence[str], depth: int | None, own: Sequence[Order]) -> dict[str, Any]:
    """A market as it stands.

    :param prices: ``EX_BEST_OFFERS`` and so on.
    :param depth: how many of the best offers.
    :param own: orders that are listed with their runners.
    """
    definition = standing.definition
    runners = [_runner(standing, runner, prices, depth or DEFAULT_DEPTH, own) for runner in definition["runners"]]
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
        "totalAvailable": _available(standing),
        "crossMatching": definition.get("crossMatching", False),
        "runnersVoidable": definition.get("runnersVoidable", False),
        "version": definition.get("version"),
        "runners": runners,
    }


def _runner(
    standing: Standing, defined: dict[str, Any], prices: Sequence[str], depth: int, own: Sequence[Order]
) -> dict[str, Any]:
    place = Place(standing.market, defined["id"], defined.get("hc", 0.0))
    known = standing.runner(place.runner, place.handicap)
    said: dict[str, Any] = {
        "selectionId": place.runner,
        "handicap": place.handicap,
        "status": defined.get("status"),
        "adjustmentFactor": defined.get("adjustmentFactor"),
    }
    if "ltp" in known:
        said["lastPriceTraded"] = known["ltp"]
    if defined.get("status") in REMOVED:
        said["removalDate"] = defined.get("removalDate")
    else:
        said["totalMatched"] = known.get("tv", 0.0)
    if any(name.startswith("EX_") for name in prices):
        said["ex"] = _exchange(standing, place, known, prices, depth)
    if any(name.startswith("SP_") for name in prices):
        said["sp"] = _start(defined, known, prices)
    if own:
        said["orders"] = [order_of_a_book(order) for order in own if order.place == place]
    return said


def _exchange(
    standing: Standing, place: Place, known: dict[str, Any], prices: Sequence[str], depth: int
) -> dict[str, Any]:
    most = None if "EX_ALL_OFFERS" in prices else depth if "EX_BEST_OFFERS" in prices else 0
    traded = sorted(tuple(entry) for entry in known.get("trd", {}).values()) if "EX_TRADED" in prices else ()
    return {
        "availableToBack": _listed(standing.offers(place, "BACK")[:most]),
        "availableToLay": _listed(standing.offers(place, "LAY")[:most]),
        "tradedVolume": _listed(traded),
    }


def _start(defined: dict[str, Any], known: dict[str, Any], prices: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"backStakeTaken": [], "layLiabilityTaken": []}
    if "SP_TRADED" in prices:
        said["backStakeTaken"] = _listed(sorted(tuple(e) for e in known.get("spb", {}).values()))
        said["layLiabilityTaken"] = _listed(sorted(tuple(e) for e in known.get("spl", {}).values()))
    if "SP_AVAILABLE" in prices:
        named = {"nearPrice": known.get("spn"), "farPrice": known.get("spf")}
        said.update((name, price) for name, price in named.items() if price is not None)
    if defined.get("bsp"):
        said["actualSP"] = defined["bsp"]
    return said


def _listed(offers: Offers) -> list[dict[str, float]]:
    return [{"price": price, "size": size} for price, size in offers]


def _available(standing: Standing) -> float:
    total = 0.0
    for runner in standing.definition["runners"]:
        place = Place(standing.market, runner["id"], runner.get("hc", 0.0))
        total += sum(size for side in ("BACK", "LAY") for _, size in standing.offers(place, side))
    return round(total, 2)
