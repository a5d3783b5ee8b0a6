"""Does the memory of a client grow while it listens to the exchange for 24 hours, and what makes it grow?

A day of the stream, a new market every five minutes, goes through the library's own listener in seconds. The markets of the
file are shortened and sent repeatedly with other ids; ``--set source=generator`` generates markets instead.

Resident memory is read every ten minutes of that day and saved for every hour (``rss_hour_00`` …). Growth is computed from the
second half, with its 95 % interval. ``leak_bytes_per_hour`` is the growth if the whole interval is above ``leak_floor`` and the
last quarter still grows, and 0 otherwise: less is the packing of the allocator. ``hours_until_limit`` is the
time from the start until the memory reaches ``limit_mb`` MB; a case without it never does. The memory of kept books scales with
``updates`` per market; real markets have many more.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple

from _day import SAMPLES_PER_HOUR, Day, listen, of_file, of_generator
from betfairlightweight.streaming import stream

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.books import Record
from perfbench.kit.growth import ARENA, FEWEST_HOURS, growth, hours_until
from perfbench.kit.memory import require_memory

UNIT = "updates"
HIGHEST_FLOOR = ARENA / (FEWEST_HOURS - 1)
"""Bytes per hour: an arena in the shortest second half of a day. Growth below it is noise, and so is any ratio to it."""

METRICS = {
    "growth_bytes_per_hour": Metric("bytes", floor=HIGHEST_FLOOR),
    "growth_low": Metric("bytes", better="neither"),
    "growth_high": Metric("bytes", better="neither"),
    "leak_bytes_per_hour": Metric("bytes"),
    "end_rss_bytes": Metric("bytes"),
    "hours_until_limit": Metric("hours", better="higher"),
}
QUICK = {"markets_per_hour": 2, "updates": 15, "books": 20}
QUICK_LINES = 2_000
LEAK = "leak_bytes_per_hour"
CLOSE = "let markets close, so that they are dropped"
BOUND = "a deque(maxlen=1000) instead of a list that grows, here of market books"
CLAIMS = [
    Claim("never_closed", "closed", 1.0, "perfbench", LEAK, CLOSE, bounded=True),
    Claim("books_in_list", "advised_deque", 1.0, "community notes", LEAK, BOUND, bounded=True),
]

SEEDS = 4
EARLY = 10 * 60
"""Seconds. The library's own age is 8 hours."""


class Soak(NamedTuple):
    """A day, the form of its books, the limit in bytes, and the record of every book."""

    day: Day
    lightweight: bool
    limit: float
    record: Record


@setup
def soak(
    market: str,
    *,
    source: str = "market",
    hours: int = 24,
    markets_per_hour: int = 12,
    updates: int = 20,
    lightweight: bool = False,
    limit_mb: float = 1024.0,
) -> Soak:
    """A day of ``hours`` with markets of at most ``updates`` updates. Raises ScenarioError for invalid values."""
    if source not in ("market", "generator"):
        raise ScenarioError("source={}: use market or generator".format(source))
    # Growth is computed from the second half, and the library keeps a closed market (at most an hour) for eight more hours.
    if hours < 2 * (FEWEST_HOURS + 1):
        raise ScenarioError("hours={}: growth needs at least {} hours".format(hours, 2 * (FEWEST_HOURS + 1)))
    if not (1 <= markets_per_hour <= 60 and updates >= 3):
        raise ScenarioError("markets_per_hour={}, updates={}: 1 to 60, 3 or more".format(markets_per_hour, updates))
    templates = of_file(market, updates) if source == "market" else of_generator(SEEDS, updates)
    day = Day(templates, markets_per_hour, hours)
    return Soak(day, lightweight, limit_mb * 1e6, Record(day.amount))


@mode(baseline=True)
def never_closed(soak: Soak) -> Work:
    """Markets never close, as for a client that unsubscribes before the result: the library keeps them for ever."""
    return _soaked(soak, _let_go, closing=False)


@mode
def closed(soak: Soak) -> Work:
    """Markets close, and the library drops them eight hours later, when a new market comes."""
    return _soaked(soak, _let_go)


@mode
def dropped_early(soak: Soak) -> Work:
    """Markets close and are dropped ten minutes later (MAX_CACHE_AGE of the library's stream module)."""
    before, stream.MAX_CACHE_AGE = getattr(stream, "MAX_CACHE_AGE", None), EARLY
    try:
        return _soaked(soak, _let_go)
    finally:
        stream.MAX_CACHE_AGE = before


@mode
def books_in_list(soak: Soak) -> Work:
    """Markets close, and every market book of the day is kept in a list."""
    require_memory(soak.day.bytes_of_books, "{:,} market books in a list".format(soak.day.amount))
    kept: List[Any] = []
    return _soaked(soak, kept.append)


@mode
def advised_deque(soak: Soak, *, books: int = 1000) -> Work:
    """As advised: markets close, and the last 1,000 market books are kept in a deque(maxlen=1000)."""
    kept: Deque[Any] = deque(maxlen=books)
    return _soaked(soak, kept.append)


def _let_go(_book: Any) -> None:
    """Drop the book."""


def _soaked(soak: Soak, take: Callable[[Any], None], *, closing: bool = True) -> Work:
    rss, markets = listen(soak.day, soak.record, take, lightweight=soak.lightweight, closing=closing)
    estimate = growth(rss, SAMPLES_PER_HOUR)
    numbers: Dict[str, float] = {
        "growth_bytes_per_hour": estimate.per_hour,
        "growth_low": estimate.low,
        "growth_high": estimate.high,
        "leak": float(estimate.leak),
        "leak_bytes_per_hour": estimate.per_hour if estimate.leak else 0.0,
        "leak_floor": estimate.floor,
        "end_rss_bytes": rss[-1],
        "markets_in_memory": markets,
        **{"rss_hour_{:02d}".format(hour): bytes_ for hour, bytes_ in enumerate(rss[::SAMPLES_PER_HOUR])},
    }
    until = hours_until(soak.limit, rss, SAMPLES_PER_HOUR, estimate)
    if until is not None:
        numbers["hours_until_limit"] = until
    return Work(soak.day.amount, output=soak.record.items(), **numbers)
