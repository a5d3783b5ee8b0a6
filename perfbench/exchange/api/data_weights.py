"""Market data request limits.

Source: Betfair, Exchange API, Market Data Request Limits: the weight of a projection times the number of markets is
at most 200.
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
    """Return the weight of one market book with these prices and this depth of best offers."""
    projection = set(prices)
    if not projection:
        return EMPTY_PROJECTION_WEIGHT
    offers = (
        "EX_ALL_OFFERS"
        if "EX_ALL_OFFERS" in projection
        else "EX_BEST_OFFERS"
        if "EX_BEST_OFFERS" in projection
        else None
    )
    projection -= {"EX_BEST_OFFERS", "EX_ALL_OFFERS"}
    weight = 0.0
    if offers:
        weight = OFFERS_AND_TRADED_WEIGHTS[offers] if "EX_TRADED" in projection else BOOK_WEIGHTS[offers]
        projection -= {"EX_TRADED"}
        if offers == "EX_BEST_OFFERS" and depth is not None:
            weight *= depth / DEFAULT_BEST_PRICES_DEPTH
    return weight + sum(BOOK_WEIGHTS[name] for name in projection)


def compute_catalogue_weight(projection: Sequence[str]) -> float:
    """Return the weight of one market of the catalogue."""
    return sum(CATALOGUE_WEIGHTS.get(name, 0.0) for name in set(projection))
