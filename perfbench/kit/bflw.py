"""Replay and book fields for every release of betfairlightweight since 1.10.

Relevant changes between releases: ``max_latency=None`` exists since 2.2 (infinity before), ``directory`` became ``file_path``
in 2.5 (so both are passed by position), and listeners take other keywords in every other release. The mode is always
``StreamListener(lightweight=)``. Fresh objects for every pass: old streams cannot be used twice. Changes of the content are in
``_changes``.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Sequence, Tuple

import betfairlightweight
from betfairlightweight.resources import bettingresources
from betfairlightweight.streaming.listener import StreamListener

from perfbench.kit.known_changes import (
    ALL_RUNNERS,
    NOTHING,
    ORDERS,
    RAW_ORDER,
    SP_SIDES,
    TOTALS,
    drop_new_fields,
    sp_sides_as_before,
    with_sorted_prices,
)

VERSION = tuple(int(part) for part in betfairlightweight.__version__.split(".")[:2])
NO_LATENCY_CHECK = None if VERSION >= (2, 2) else float("inf")
"""A replay is years late; measuring the latency of every update would cost a third of a lightweight pass."""


def replay(market: str, lightweight: bool, debug: bool = True) -> Iterator[List[Any]]:
    """The books of one stream file, one list for every update, as the library's own generator yields them.

    ``debug`` is passed to listeners that accept it (2.12 to 2.14, default True).
    Raises ImportError before 1.10, which has no generator.
    """
    if VERSION < (1, 10):
        raise ImportError(
            "betfairlightweight {} has no generator of historical books; 1.10.0 is the first release with one".format(
                betfairlightweight.__version__
            )
        )
    client = betfairlightweight.APIClient("perfbench", "perfbench", "perfbench", lightweight=lightweight)
    wanted = {"max_latency": NO_LATENCY_CHECK, "lightweight": lightweight, "debug": debug}
    accepted = inspect.signature(StreamListener.__init__).parameters
    listener = StreamListener(**{name: value for name, value in wanted.items() if name in accepted})
    stream = client.streaming.create_historical_generator_stream(market, listener)
    books: Iterator[List[Any]] = stream.get_generator()()
    return books


def patch_with_flumine() -> None:
    """Replace the classes of a runner's prices by flumine's slotted ones, as ``import flumine`` does.

    Only flumine's patch is loaded and not the framework, which some releases of Python cannot import.
    """
    package = importlib.util.find_spec("flumine")
    if package is None or package.origin is None:
        raise ImportError("flumine is not installed in this environment: pip install flumine")
    spec = importlib.util.spec_from_file_location("flumine.patching", str(Path(package.origin).parent / "patching.py"))
    assert spec is not None
    assert spec.loader is not None
    patching = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = patching
    spec.loader.exec_module(patching)
    bettingresources.RunnerBookEX = patching.EX
    bettingresources.RunnerBookSP = patching.SP


# Fields of a book, whatever its representation --------------------------------------------------------------------------

BOOKKEEPING = {"publish_time_epoch", "elapsed_time", "market_definition", "runners"}
"""Attributes of a full book that repeat another field or time the library itself."""

LONG_NAMES = {"id": "selectionid", "hc": "handicap", "kl": "keyline", "keylinedefinition": "keylinedefinitions"}
"""The stream's short names in a market definition, as its resource class spells them."""

OWN_BETS = ("matches", "orders", "matches_by_strategy")
"""Not market data: empty attributes of a full book that a lightweight book does not have."""

SIMPLE = (str, int, float)

TIMES = {"markettime", "opendate", "suspendtime", "settledtime", "removaldate", "lastmatchtime", "publishtime"}


RUNNER_CHANGES = TOTALS | {SP_SIDES} if VERSION >= (2, 12) else TOTALS
"""The changes that affect a runner's book; the SP prices of releases before 2.12.0 need no reverting."""


def books_fields(
    books: Sequence[Any], part: Callable[..., Any], undone: FrozenSet[str] = NOTHING
) -> List[Dict[str, Any]]:
    """Every field of every book of an update, the same for dicts, resources and patched resources. None means absent."""
    return [book_fields(book, part, undone) for book in books]


def book_fields(book: Any, part: Callable[..., Any], undone: FrozenSet[str] = NOTHING) -> Dict[str, Any]:
    """The fields of one market book; runners and definition are parts, since most of them recur unchanged."""
    if isinstance(book, dict):
        fields = folded({key: value for key, value in book.items() if key not in ("runners", "marketDefinition")})
        runners, definition = book["runners"], book["marketDefinition"]
    else:
        fields = folded({key: value for key, value in attributes(book).items() if key not in BOOKKEEPING})
        runners, definition = book.runners, book.market_definition
    for name, value in fields.items():
        if name != "streamingupdate" and not isinstance(value, SIMPLE):
            fields[name] = plain(value)
    drop_new_fields(fields, undone)
    if RAW_ORDER in undone and "streamingupdate" in fields:
        fields["streamingupdate"] = with_sorted_prices(fields["streamingupdate"])
    if ALL_RUNNERS in undone:
        runners = [runner for runner in runners if has_prices(runner)]
    if undone & ORDERS:
        runners = sorted(runners, key=identity)
    of_runners = undone & RUNNER_CHANGES
    fields["runners"] = [part(runner, runner_fields, of_runners) for runner in runners]
    fields["marketdefinition"] = part(definition, definition_fields) if definition else None
    return fields


def runner_fields(runner: Any, undone: FrozenSet[str] = NOTHING) -> Dict[str, Any]:
    """The fields of a runner's book, prices as pairs of price and size."""
    raw = runner if isinstance(runner, dict) else attributes(runner)
    fields = folded({key: value for key, value in raw.items() if key not in ("ex", "sp")})
    for own in OWN_BETS:
        if not raw.get(own):
            fields.pop(fold(own), None)
    for side in ("ex", "sp"):
        prices = raw[side] if isinstance(raw[side], dict) else attributes(raw[side])
        fields[side] = {
            fold(name): [price_and_size(entry) for entry in value] if isinstance(value, list) else value
            for name, value in prices.items()
            if value is not None
        }
    drop_new_fields(fields, undone)
    if SP_SIDES in undone:
        fields["sp"] = sp_sides_as_before(fields["sp"])
    return fields


def has_prices(runner: Any) -> bool:
    """Whether the stream has sent prices of a runner; the actual SP belongs to the definition."""
    raw = runner if isinstance(runner, dict) else attributes(runner)
    if raw.get("lastPriceTraded") or raw.get("last_price_traded"):
        return True
    fields = runner_fields(runner)
    sp = {**fields["sp"], "actualsp": None}
    return bool(fields.get("totalmatched") or any(fields["ex"].values()) or any(sp.values()))


def identity(runner: Any) -> Tuple[int, float]:
    """The key of a runner within a market."""
    if isinstance(runner, dict):
        return runner["selectionId" if "selectionId" in runner else "selection_id"], runner["handicap"]
    return runner.selection_id, runner.handicap


def price_and_size(entry: Any) -> List[float]:
    """One price of a ladder as ``[price, size]``."""
    return [entry["price"], entry["size"]] if isinstance(entry, dict) else [entry.price, entry.size]


def definition_fields(definition: Any) -> Dict[str, Any]:
    """The fields of a market definition under the names of its resource class."""
    fields = plain(definition)
    for runner in fields["runners"]:
        runner.setdefault("handicap", 0)
    return dict(fields)


def plain(value: Any) -> Any:
    """Resources and dicts alike as dicts with folded, long names."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) or hasattr(value, "__dict__") or hasattr(value, "__slots__"):
        raw = folded(value if isinstance(value, dict) else attributes(value))
        return {LONG_NAMES.get(key, key): plain(item) for key, item in raw.items()}
    return value


def folded(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Without None, and with one spelling for ``marketId`` and ``market_id``, for a time as text, number or datetime."""
    return {fold(key): as_time(fold(key), value) for key, value in fields.items() if value is not None}


@lru_cache(maxsize=None)
def fold(name: str) -> str:
    """``selection_id`` and ``selectionId`` are the same field."""
    return name.replace("_", "").lower()


def as_time(name: str, value: Any) -> Any:
    """A time as milliseconds since 1970 in UTC; anything else as it is."""
    if name not in TIMES:
        return value
    if isinstance(value, str):
        value = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime):
        value = round((value.replace(tzinfo=timezone.utc) - EPOCH).total_seconds() * 1000)
    return value


def time_zone(update: Sequence[Any]) -> str:
    """The time zone of the datetimes in an update. The canonical form compares the moments that they mean."""
    times = [getattr(book, "publish_time", None) for book in update]
    zones = {str(time.tzinfo) for time in times if isinstance(time, datetime)}
    return ", ".join(sorted(zones)) or "no datetimes"


EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def attributes(resource: Any) -> Dict[str, Any]:
    """The public attributes of a resource, slotted or not."""
    names = list(vars(resource)) if hasattr(resource, "__dict__") else []
    for kind in type(resource).__mro__:
        slots = getattr(kind, "__slots__", ())
        names.extend([slots] if isinstance(slots, str) else slots)
    return {name: getattr(resource, name) for name in names if not name.startswith("_") and hasattr(resource, name)}
