"""How much data one call may ask for.

Source: Betfair, Exchange API, Market Data Request Limits: the weight of what is asked for, times the markets, is at most 200.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_WEIGHT = 200
DEFAULT_BEST_PRICES_DEPTH = 3
EMPTY_PROJECTION_WEIGHT = 2.0

CATALOGUE_WEIGHTS = {"MARKET_DESCRIPTION": 1.0, "RUNNER_METADATA": 1.0}
BOOK_WEIGHTS = {"SP_AVAILABLE": 3.0, "SP_TRADED": 7.0, "EX_BEST_OFFERS": 5.0, "EX_ALL_OFFERS": 17.0, "EX_TRADED": 17.0}
OFFERS_AND_TRADED_WEIGHTS = {"EX_BEST_OFFERS": 20.0, "EX_ALL_OFFERS": 32.0}


def compute_book_weight(prices: Sequence[str], depth: int | None) -> float:
    """The weight of one market book with these prices, and so many of the best offers where that is asked for."""
    asked = set(prices)
    if not asked:
        return EMPTY_PROJECTION_WEIGHT
    offers = "EX_ALL_OFFERS" if "EX_ALL_OFFERS" in asked else "EX_BEST_OFFERS" if "EX_BEST_OFFERS" in asked else None
    asked -= {"EX_BEST_OFFERS", "EX_ALL_OFFERS"}
    weight = 0.0
    if offers:
        weight = OFFERS_AND_TRADED_WEIGHTS[offers] if "EX_TRADED" in asked else BOOK_WEIGHTS[offers]
        asked -= {"EX_TRADED"}
        if offers == "EX_BEST_OFFERS" and depth is not None:
            weight *= depth / DEFAULT_BEST_PRICES_DEPTH
    return weight + sum(BOOK_WEIGHTS[name] for name in asked)


def compute_catalogue_weight(projection: Sequence[str]) -> float:
    """The weight of one market of the catalogue."""
    return sum(CATALOGUE_WEIGHTS.get(name, 0.0) for name in set(projection))
