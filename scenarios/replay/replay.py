"""How fast does betfairlightweight replay a market, and what does each representation of its books cost?

``--set debug=false`` turns off the log message that the listener of releases 2.12.0 to 2.14.0 formats for every update. Earlier
releases always format it and have no switch; later ones format it only if the log level requires it.

A pass takes every book and reads none of its fields, which favours readers that compute fields on access. ``--set read=best``
reads the best prices of every runner of every book, as a strategy does; ``--sweep read=nothing,best`` measures both.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, FrozenSet, Iterator, List

from perfbench import Claim, canonical, mode, setup
from perfbench.kit.best_prices import of_dicts, of_object, of_objects, of_patched, with_prices_read
from perfbench.kit.bflw import book_fields, patch_with_flumine, replay, time_zone
from perfbench.kit.known_changes import CHANGES, ZONE_TRAIT
from perfbench.kit.owners import REPLAY
from perfbench.kit.parser_cache import import_parser, of_messages, parser_messages
from perfbench.kit.pins import (
    BETFAIR_DATA,
    BETFAIR_DATA_SMOOTHCINF,
    BETFAIR_PARSER,
    FLUMINE,
    FLUMINE_ALONE,
    MSGSPEC,
    ORJSON,
    TICKRUSH,
)
from perfbench.kit.readers import (
    Changed,
    betfair_data_books,
    betfair_data_markets,
    books_of,
    decoded_lines,
    flumine_books,
    flumine_generators,
    lines_with_changes,
    listed,
    tickrush_books,
)

UNIT = "updates"

TRAITS = {ZONE_TRAIT: lambda update: time_zone(listed(update))}

OWNERS = REPLAY

__all__ = ["CHANGES"]


def _claim(before: str, seconds_before: float, after: str, seconds_after: float) -> Claim:
    source = "betfairlightweight 2.12.0 release notes: {:.3f}s → {:.3f}s".format(seconds_before, seconds_after)
    before, after = "{}@betfairlightweight==2.11.2".format(before), "{}@betfairlightweight==2.12.0".format(after)
    return Claim(before, after, seconds_before / seconds_after, source)


CLAIMS = [
    _claim("lightweight", 6.860, "lightweight", 2.998),
    _claim("full", 36.005, "full", 10.625),
    _claim("patched", 13.896, "patched", 5.005),
    _claim("lightweight", 6.860, "patched", 5.005),
]


@mode(baseline=True)
def lightweight(market: str, *, debug: bool = True, read: str = "nothing") -> Iterator[List[Any]]:
    """Books as plain dicts (StreamListener(lightweight=True))."""
    return with_prices_read(replay(market, lightweight=True, debug=debug), read, of_dicts)


@mode
def full(market: str, *, debug: bool = True, read: str = "nothing") -> Iterator[List[Any]]:
    """Books as the library's resource classes, its default."""
    return with_prices_read(replay(market, lightweight=False, debug=debug), read, of_objects)


@setup
def patched_classes() -> None:
    """flumine's faster classes instead of the library's own."""
    patch_with_flumine()


@mode(needs=[FLUMINE_ALONE])
def patched(market: str, patched_classes: None, *, debug: bool = True, read: str = "nothing") -> Iterator[List[Any]]:
    """Books as resource classes with flumine's slotted ones for prices."""
    return with_prices_read(replay(market, lightweight=False, debug=debug), read, of_patched)


@setup
def betfair_data() -> Any:
    """betfair_data, imported."""
    return importlib.import_module("betfair_data")


@mode(needs=[BETFAIR_DATA], group="engines")
def betfair_data_bflw(market: str, betfair_data: Any, *, read: str = "nothing") -> Iterator[List[Any]]:
    """betfair_data's reader that imitates betfairlightweight (betfair_data.bflw.Files)."""
    return with_prices_read(betfair_data_books(betfair_data, market), read, of_objects)


@mode(needs=[BETFAIR_DATA], group="engines")
def betfair_data_files(market: str, betfair_data: Any, *, read: str = "nothing") -> Iterator[Any]:
    """betfair_data's own reader and objects (betfair_data.Files)."""
    return with_prices_read(betfair_data_markets(betfair_data, market), read, of_object)


@mode(needs=[BETFAIR_DATA_SMOOTHCINF], group="engines")
def betfair_data_smoothcinf_bflw(market: str, betfair_data: Any, *, read: str = "nothing") -> Iterator[List[Any]]:
    """The reader that imitates betfairlightweight of betfair-data-smoothcinf, a maintained fork of betfair_data."""
    return with_prices_read(betfair_data_books(betfair_data, market), read, of_objects)


@mode(needs=[BETFAIR_DATA_SMOOTHCINF], group="engines")
def betfair_data_smoothcinf_files(market: str, betfair_data: Any, *, read: str = "nothing") -> Iterator[Any]:
    """The own reader and objects of betfair-data-smoothcinf, a maintained fork of betfair_data."""
    return with_prices_read(betfair_data_markets(betfair_data, market), read, of_object)


@setup
def betfair_parser_module() -> Any:
    """betfair_parser, imported."""
    return import_parser()


@mode(needs=[BETFAIR_PARSER], group="engines")
def betfair_parser(market: str, betfair_parser_module: Any, *, read: str = "nothing") -> Iterator[Any]:
    """betfair_parser's typed messages in its cache of markets (Python 3.10 or newer)."""
    return with_prices_read(parser_messages(betfair_parser_module, market), read, of_messages)


@setup
def tickrush_module() -> Any:
    """tickrush, imported."""
    return importlib.import_module("tickrush")


@mode(needs=[TICKRUSH], group="engines")
def tickrush(market: str, tickrush_module: Any, *, read: str = "nothing") -> Iterator[Any]:
    """tickrush's reader, whose books compute their fields on access."""
    return with_prices_read(tickrush_books(tickrush_module, market), read, of_object)


@setup
def flumine_module() -> Any:
    """flumine's generator, imported."""
    return flumine_generators()


@mode(needs=[FLUMINE], group="engines")
def flumine_stream(market: str, flumine_module: Any, *, read: str = "nothing") -> Iterator[List[Any]]:
    """flumine's own historical generator, as a backtest reads markets."""
    return with_prices_read(flumine_books(flumine_module, market), read, of_patched)


@mode(group="engines", floor=True)
def read_file(market: str) -> int:
    """Floor: read the lines without decoding them."""
    return lines_with_changes(market)


@setup
def orjson_loads() -> Callable[..., Any]:
    """orjson's decoder."""
    loads: Callable[..., Any] = importlib.import_module("orjson").loads
    return loads


@mode(needs=[ORJSON], group="engines", floor=True)
def decode_orjson(market: str, orjson_loads: Callable[..., Any]) -> int:
    """Floor: decode the JSON with orjson, nothing else."""
    return decoded_lines(market, orjson_loads)


@setup
def msgspec_decode() -> Callable[..., Any]:
    """msgspec's untyped decoder, as orjson's is."""
    decode: Callable[..., Any] = importlib.import_module("msgspec").json.Decoder().decode
    return decode


@mode(needs=[MSGSPEC], group="engines", floor=True)
def decode_msgspec(market: str, msgspec_decode: Callable[..., Any]) -> int:
    """Floor: decode the JSON with msgspec, nothing else."""
    return decoded_lines(market, msgspec_decode)


CHANGED = Changed()


@canonical
def books(update: Any, part: Callable[..., Any], undone: FrozenSet[str]) -> List[Dict[str, Any]]:
    """Every field of every book that the line changed."""
    return CHANGED.only(part, books_of(update), lambda book: book_fields(book, part, undone))
