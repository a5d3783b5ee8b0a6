"""Other readers of stream files: replays, and their books translated to betfairlightweight's field names.

Nothing is added or omitted: a field that a reader lacks is absent, and the check reports it. Books are translated in the
untimed check only; a timed pass yields the reader's own objects.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple
from weakref import WeakKeyDictionary

from perfbench.kit.parser_cache import parser_books

DEFINITION_ONLY = {"total_matched", "publish_time", "market_id", "clk", "market_name"}
"""Fields of a native ``Market`` of betfair_data that are not part of its definition."""

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
"""Fields of a native ``Market`` that a market book has too."""

RUNNER_ONLY = {"selection_id", "status", "last_price_traded", "total_matched", "adjustment_factor", "removal_date"}
"""Fields of a native ``Runner`` that a runner's book has; name and sort priority belong to the definition."""


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


# The books of other readers with betfairlightweight's field names --------------------------------------------------------


def books_of(update: Any) -> Sequence[Any]:
    """The books of one item of output: dicts and resources as they are, those of other readers as dicts."""
    return [translated(book) for book in listed(update)]


def listed(update: Any) -> Sequence[Any]:
    """One item of output as a list: some readers yield one book at a time, and betfair_parser a message with its cache."""
    if isinstance(update, tuple):
        return parser_books(*update)
    return update if isinstance(update, list) else [update]


def translated(book: Any) -> Any:
    """A book in betfairlightweight's form; a new object each time, since readers may modify theirs in place."""
    if isinstance(book, dict) or hasattr(book, "__dict__"):
        return book
    fields = public(book)
    return _from_market(fields) if "market_definition" not in fields else _from_book(fields)


def _from_book(fields: Dict[str, Any]) -> Dict[str, Any]:
    fields.pop("publish_time_epoch")
    runners = [_runner(public(runner)) for runner in fields.pop("runners")]
    definition = fields.pop("market_definition")
    return {**in_depth(fields), "runners": runners, "marketDefinition": in_depth(definition)}


def _from_market(fields: Dict[str, Any]) -> Dict[str, Any]:
    """A native ``Market`` is a definition with prices; event and event type ids are numbers in it, strings in the stream."""
    runners = [public(runner) for runner in fields.pop("runners")]
    definition = {name: value for name, value in fields.items() if name not in DEFINITION_ONLY}
    definition["name"] = fields["market_name"]
    definition["event_id"], definition["event_type_id"] = str(fields["event_id"]), str(fields["event_type_id"])
    definition["runners"] = [_definition_of(runner) for runner in runners]
    book = {name: value for name, value in fields.items() if name in BOOK_ONLY}
    book["inplay"] = fields["in_play"]
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


def _runner(fields: Dict[str, Any]) -> Dict[str, Any]:
    return {**fields, "ex": public(fields["ex"]), "sp": public(fields["sp"])}


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
    return {name: getattr(thing, name) for name in public_names(type(thing))}  # type: ignore[arg-type]


@lru_cache(maxsize=None)
def public_names(kind: type) -> Tuple[str, ...]:
    """The names of the public attributes without methods."""
    return tuple(name for name in dir(kind) if not name.startswith("_") and not callable(getattr(kind, name)))


Fields = Dict[str, Any]


class Changed:
    """Remembers the last book of each market, separately for every pass over an output."""

    def __init__(self) -> None:
        self._passes: "WeakKeyDictionary[Any, Dict[str, Any]]" = WeakKeyDictionary()

    def only(self, of_pass: Any, books: Sequence[Any], fields: Callable[[Any], Fields]) -> List[Fields]:
        """The fields of the books that changed since they were last seen.

        A single book always counts as changed. Of several books, one is unchanged if it holds the same raw update object as before;
        without raw updates (betfairlightweight before 2.7), if every field is equal.

        :param of_pass: identifies a pass over the output.
        """
        before = self._passes.setdefault(of_pass, {})
        changed = []
        for book in books:
            raw = raw_update(book)
            current = fields(book) if raw is None or raw is not before.get(market_id(book)) else None
            mark = current if raw is None else raw
            previous = before.get(market_id(book))
            if current is not None and (len(books) == 1 or raw is not None or current != previous):
                changed.append(current)
            before[market_id(book)] = mark
        return changed


def raw_update(book: Any) -> Any:
    """The part of the stream's message that a book comes from (the same object until the next one), or None."""
    return book.get("streaming_update") if isinstance(book, dict) else getattr(book, "streaming_update", None)


def market_id(book: Any) -> Any:
    """The market id of a book."""
    if isinstance(book, dict):
        return book["marketId"] if "marketId" in book else book["market_id"]
    return book.market_id
