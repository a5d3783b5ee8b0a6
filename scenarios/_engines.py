"""Other readers of stream files: how each replays a market, and its books in the words of betfairlightweight's.

Nothing is made up and nothing is left out: where a reader has no such field, the field is absent and the check says so. Books are
rewritten in the untimed check only; a timed pass yields the reader's own objects.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Dict, Iterator, List, Sequence, Tuple

DEFINITION_ONLY = {"total_matched", "publish_time", "market_id", "clk", "market_name"}
"""What a native ``Market`` of betfair_data says besides its definition."""

BOOK_ONLY = {
    "bet_delay",
    "bsp_reconciled",
    "complete",
    "cross_matching",
    "market_id",
    "number_of_active_runners",
    "number_of_winners",
    "publish_time",
    "runners_voidable",
    "status",
    "total_matched",
    "version",
}
"""What of a native ``Market`` is said by a market book too."""

RUNNER_ONLY = {"selection_id", "status", "last_price_traded", "total_matched", "adjustment_factor", "removal_date"}
"""What of a native ``Runner`` is said by a runner's book; the name and the sort priority belong to the definition."""


def betfair_data_books(reader: Any, market: str) -> Iterator[List[Any]]:
    """betfair_data's books in betfairlightweight's structure, one list for every line."""
    return chain.from_iterable(reader.bflw.Files([market], cumulative_runner_tv=False))


def betfair_data_markets(reader: Any, market: str) -> Iterator[Any]:
    """betfair_data's own immutable ``Market`` objects, one for every market change."""
    return chain.from_iterable(reader.Files([market], cumulative_runner_tv=False))


def tickrush_books(reader: Any, market: str) -> Iterator[Any]:
    """tickrush's books, one for every market change."""
    books: Iterator[Any] = reader.iter_prices_file(market)
    return books


def flumine_generators() -> Any:
    """The module of flumine with its historical generator, imported. Raises ImportError where it has none."""
    importlib.import_module("flumine")
    try:
        module = importlib.import_module("flumine.streams.betfairhistoricalstream")
    except ImportError:
        module = importlib.import_module("flumine.streams.historicalstream")
    if not hasattr(module, "FlumineHistoricalGeneratorStream"):
        raise ImportError(
            "this release of flumine has no generator of its own: flumine_stream cannot be measured with it"
        )
    return module


def flumine_books(module: Any, market: str) -> Iterator[List[Any]]:
    """The books of flumine's own historical generator, without any of its filters."""
    listener = module.HistoricListener(max_latency=None)
    listener.update_clk = False
    stream = module.FlumineHistoricalGeneratorStream(
        file_path=market, listener=listener, operation="marketSubscription", unique_id=0
    )
    books: Iterator[List[Any]] = stream.get_generator()()
    return books


def lines_with_changes(market: str) -> int:
    """Read the file and count the lines that have market changes, without decoding any."""
    with open(market, "rb") as lines:
        return sum(b'"mc"' in line for line in lines)


def decoded_lines(market: str, decode: Any) -> int:
    """Decode every line and count those that have market changes."""
    with open(market, "rb") as lines:
        return sum("mc" in decode(line) for line in lines)


# The books of other readers in the words of betfairlightweight -----------------------------------------------------------


def books_of(update: Any) -> Sequence[Any]:
    """The books of one item of output: dicts and resources as they are, those of other readers as dicts."""
    return [translated(book) for book in listed(update)]


def listed(update: Any) -> Sequence[Any]:
    """One item of output as a list: some readers yield one book at a time."""
    return update if isinstance(update, list) else [update]


def translated(book: Any) -> Any:
    """A book as betfairlightweight would have it; a new object each time, since readers may change theirs in place."""
    if isinstance(book, dict) or hasattr(book, "__dict__"):
        return book
    said = public(book)
    return _from_market(said) if "market_definition" not in said else _from_book(said)


def _from_book(said: Dict[str, Any]) -> Dict[str, Any]:
    said.pop("publish_time_epoch")
    runners = [_runner(public(runner)) for runner in said.pop("runners")]
    definition = said.pop("market_definition")
    return {**in_depth(said), "runners": runners, "marketDefinition": in_depth(definition)}


def _from_market(said: Dict[str, Any]) -> Dict[str, Any]:
    """A native ``Market`` is a definition with prices; ids of event and event type are numbers in it, texts in the stream."""
    runners = [public(runner) for runner in said.pop("runners")]
    definition = {name: value for name, value in said.items() if name not in DEFINITION_ONLY}
    definition["name"] = said["market_name"]
    definition["event_id"], definition["event_type_id"] = str(said["event_id"]), str(said["event_type_id"])
    definition["runners"] = [_definition_of(runner) for runner in runners]
    book = {name: value for name, value in said.items() if name in BOOK_ONLY}
    book["inplay"] = said["in_play"]
    book["number_of_runners"] = len(runners)
    book["runners"] = [
        {**_runner({name: runner[name] for name in (*RUNNER_ONLY, "ex", "sp")}), "handicap": runner["handicap"] or 0}
        for runner in runners
    ]
    book["marketDefinition"] = definition
    return book


def _definition_of(runner: Dict[str, Any]) -> Dict[str, Any]:
    names = ("selection_id", "name", "status", "adjustment_factor", "handicap", "sort_priority", "removal_date")
    return {
        **{name: runner[name] for name in names},
        "bsp": runner["sp"].actual_sp,
        "handicap": runner["handicap"] or 0,
    }


def _runner(said: Dict[str, Any]) -> Dict[str, Any]:
    return {**said, "ex": public(said["ex"]), "sp": public(said["sp"])}


def in_depth(thing: Any) -> Any:
    """An object of an extension module as plain dicts and lists."""
    if isinstance(thing, list):
        return [in_depth(item) for item in thing]
    if isinstance(thing, dict):
        return {name: in_depth(value) for name, value in thing.items()}
    if thing is None or isinstance(thing, PLAIN):
        return thing
    return in_depth(public(thing))


PLAIN = (str, int, float, datetime)


def public(thing: Any) -> Dict[str, Any]:
    """The public attributes of an object of an extension module."""
    return {name: getattr(thing, name) for name in public_names(type(thing))}


@lru_cache(maxsize=None)
def public_names(kind: type) -> Tuple[str, ...]:
    """The names of the attributes that are no methods."""
    return tuple(name for name in dir(kind) if not name.startswith("_") and not callable(getattr(kind, name)))
