"""Market data filters: field names and ladder levels of a subscription."""

from __future__ import annotations

from collections.abc import Mapping

from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.stream.request_messages import MarketDataFilter, StreamRequestError
from perfbench.worker.market_cache import LEVEL_LADDERS

FIELD_KEYS: Mapping[str, tuple[str, ...]] = {
    "EX_BEST_OFFERS_DISP": ("bdatb", "bdatl"),
    "EX_BEST_OFFERS": ("batb", "batl"),
    "EX_ALL_OFFERS": ("atb", "atl"),
    "EX_TRADED": ("trd",),
    "EX_TRADED_VOL": ("tv",),
    "EX_LTP": ("ltp",),
    "EX_MARKET_DEF": ("marketDefinition",),
    "SP_TRADED": ("spb", "spl"),
    "SP_PROJECTED": ("spn", "spf"),
}
LADDER_LEVEL_BOUNDS = (1, 10)
DEFAULT_LADDER_LEVELS = 3


def resolve_fields(data_filter: MarketDataFilter | None) -> MarketFields:
    """Resolve a data filter; None selects all fields. Raises StreamRequestError for unknown fields."""
    data_filter = data_filter or MarketDataFilter()
    unknown = [name for name in data_filter.fields or () if name not in FIELD_KEYS]
    if unknown:
        raise StreamRequestError("INVALID_INPUT", f"marketDataFilter.fields: unknown field {unknown[0]}")
    minimum, maximum = LADDER_LEVEL_BOUNDS
    levels = data_filter.ladder_levels
    if levels is not None and not minimum <= levels <= maximum:
        raise StreamRequestError(
            "INVALID_INPUT", f"marketDataFilter.ladderLevels: {levels} is not between {minimum} and {maximum}"
        )
    names = data_filter.fields or tuple(FIELD_KEYS)
    keys = frozenset(key for name in names for key in FIELD_KEYS[name])
    if not keys & LEVEL_LADDERS:
        levels = None  # without such ladders it makes no difference, and the feed can be shared
    return MarketFields(keys, levels or DEFAULT_LADDER_LEVELS)
