"""Does the memory of a client grow while it listens to the exchange for 24 hours, and what makes it grow?

A day of the stream, a new market every five minutes, goes through the library's own listener in seconds. The markets of the file
are sent again and again with other ids, cut short; ``--set source=generator`` invents markets instead.

Resident memory is read every ten minutes of that day and kept for every hour (``rss_hour_00`` …). Growth is told from the second
half, with its 95 % interval; ``leak`` is 1 if all of that is above ``leak_floor``. ``hours_until_limit`` says when the memory is
``limit_mb`` MB, counted from the start; a case without it never gets there. What books add that are kept goes with ``updates`` for
each market, of which real ones have many more.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple

from _growth import FEWEST_HOURS, growth, hours_until
from _room import demand
from _session import SAMPLES_PER_HOUR, Day, Record, listen, resident
from _templates import of_file, of_generator
from betfairlightweight.streaming import stream

from perfbench import Claim, Metric, NotAvailable, Work, mode, setup
from perfbench.worker.scenario_api import ScenarioError

UNIT = "updates"
METRICS = {
    "growth_bytes_per_hour": Metric("bytes"),
    "growth_low": Metric("bytes"),
    "growth_high": Metric("bytes"),
    "leak": Metric(""),
    "end_rss_bytes": Metric("bytes"),
    "hours_until_limit": Metric("hours", better="higher"),
}
QUICK = {"markets_per_hour": 2, "updates": 15, "books": 20}
NOTES = "performance notes of the community"
GROWTH = "growth_bytes_per_hour"
CLOSE = "let markets close, so that they are dropped"
BOUND = "keep market books in a bounded deque, not in a list"
CLAIMS = [
    Claim("never_closed", "closed", 1.0, NOTES, metric=GROWTH, text=CLOSE, better="dropped_early"),
    Claim("books_in_list", "books_in_deque", 1.0, NOTES, metric=GROWTH, text=BOUND, better="closed"),
]

SEEDS = 4
EARLY = 10 * 60
"""Seconds. The library's own age is 8 hours."""


class Soak(NamedTuple):
    """A day, how its books look, the limit in bytes, and room for what is said of every book."""

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
    """``hours`` with so many new markets an hour of at most ``updates`` each. Raises ScenarioError for what makes no day."""
    if source not in ("market", "generator"):
        raise ScenarioError("source={}: say market or generator".format(source))
    # The second half is judged, and the library keeps a closed market, which takes an hour at most, for eight more.
    if hours < 2 * (FEWEST_HOURS + 1):
        raise ScenarioError("hours={}: growth is told from {} hours on".format(hours, 2 * (FEWEST_HOURS + 1)))
    if not (1 <= markets_per_hour <= 60 and updates >= 3):
        raise ScenarioError("markets_per_hour={}, updates={}: 1 to 60, 3 or more".format(markets_per_hour, updates))
    if not resident():
        raise NotAvailable("this system does not tell resident memory in /proc/self/status: run it on Linux")
    templates = of_file(market, updates) if source == "market" else of_generator(SEEDS, updates)
    day = Day(templates, markets_per_hour, hours)
    return Soak(day, lightweight, limit_mb * 1e6, Record(day.amount))


@mode(baseline=True)
def never_closed(soak: Soak) -> Work:
    """Markets leave without a word, as for a client that unsubscribes before the result: the library keeps them for ever."""
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
    demand(soak.day.bytes_of_books, "{:,} market books in a list".format(soak.day.amount))
    kept: List[Any] = []
    return _soaked(soak, kept.append)


@mode
def books_in_deque(soak: Soak, *, books: int = 1000) -> Work:
    """Markets close, and the last so many market books are kept in a deque(maxlen=books)."""
    kept: Deque[Any] = deque(maxlen=books)
    return _soaked(soak, kept.append)


def _let_go(_book: Any) -> None:
    """Nothing of it is kept."""


def _soaked(soak: Soak, take: Callable[[Any], None], *, closing: bool = True) -> Work:
    rss, markets = listen(soak.day, soak.record, take, lightweight=soak.lightweight, closing=closing)
    found = growth(rss, SAMPLES_PER_HOUR)
    numbers: Dict[str, float] = {
        "growth_bytes_per_hour": found.per_hour,
        "growth_low": found.low,
        "growth_high": found.high,
        "leak": float(found.leak),
        "leak_floor": found.floor,
        "end_rss_bytes": rss[-1],
        "markets_in_memory": markets,
        **{"rss_hour_{:02d}".format(hour): bytes_ for hour, bytes_ in enumerate(rss[::SAMPLES_PER_HOUR])},
    }
    until = hours_until(soak.limit, rss, SAMPLES_PER_HOUR, found)
    if until is not None:
        numbers["hours_until_limit"] = until
    return Work(soak.day.amount, output=soak.record.items(), **numbers)
