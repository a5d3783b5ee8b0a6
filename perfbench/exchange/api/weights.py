"""How much data one call may ask for.

Source: Betfair, Exchange API, Market Data Request Limits: the weight of what is asked for, times the markets, is at most 200.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST = 200
DEFAULT_DEPTH = 3
NO_PROJECTION = 2.0

CATALOGUE = {"MARKET_DESCRIPTION": 1.0, "RUNNER_METADATA": 1.0}
BOOK = {"SP_AVAILABLE": 3.0, "SP_TRADED": 7.0, "EX_BEST_OFFERS": 5.0, "EX_ALL_OFFERS": 17.0, "EX_TRADED": 17.0}
WITH_TRADED = {"EX_BEST_OFFERS": 20.0, "EX_ALL_OFFERS": 32.0}


def of_book(prices: Sequence[str], depth: int | None) -> float:
    """The weight of one market book with these prices, and so many of the best offers where that is asked for."""
    asked = set(prices)
    if not asked:
        return NO_PROJECTION
    offers = "EX_ALL_OFFERS" if "EX_ALL_OFFERS" in asked else "EX_BEST_OFFERS" if "EX_BEST_OFFERS" in asked else None
    asked -= {"EX_BEST_OFFERS", "EX_ALL_OFFERS"}
    weight = 0.0
    if offers:
        weight = WITH_TRADED[offers] if "EX_TRADED" in asked else BOOK[offers]
        asked -= {"EX_TRADED"}
        if offers == "EX_BEST_OFFERS" and depth is not None:
            weight *= depth / DEFAULT_DEPTH
    return weight + sum(BOOK[name] for name in asked)


def of_catalogue(projection: Sequence[str]) -> float:
    """The weight of one market of the catalogue."""
    return sum(CATALOGUE.get(name, 0.0) for name in set(projection))
