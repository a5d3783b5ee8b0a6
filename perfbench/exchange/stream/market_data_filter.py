"""What a subscription shows of a market: fields, and levels of best offers derived from the full depth.

Names and meaning are those of Betfair's Exchange Stream API. Best offers are levels: ``[level, price, size]``, level 0 the best,
and a level of size 0 is gone. A file that has them, as recorded, gives its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.stream.request_messages import MarketDataFilter, StreamRequestError

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


def resolve_fields(said: MarketDataFilter | None) -> MarketFields:
    """The fields that a data filter stands for: all without one. Raises Refused for one that does not exist."""
    said = said or MarketDataFilter()
    unknown = [name for name in said.fields or () if name not in FIELD_KEYS]
    if unknown:
        raise StreamRequestError("INVALID_INPUT", f"marketDataFilter.fields: there is no {unknown[0]}")
    least, most = LADDER_LEVEL_BOUNDS
    levels = said.ladder_levels
    if levels is not None and not least <= levels <= most:
        raise StreamRequestError("INVALID_INPUT", f"marketDataFilter.ladderLevels: {levels} is not {least} to {most}")
    names = said.fields or tuple(FIELD_KEYS)
    return MarketFields(frozenset(key for name in names for key in FIELD_KEYS[name]), levels or DEFAULT_LADDER_LEVELS)
