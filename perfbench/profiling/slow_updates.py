"""Slowest updates and time by market, from the duration of every update in several passes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.datasets.updates import UpdatePosition
from perfbench.model import Case

SLOWEST_SHARE = 0.01
"""Share of the updates that count as the slowest: in live trading they matter more than the mean."""


@dataclass(frozen=True, slots=True)
class SlowUpdate:
    """One slow update: its number (from 0), the seconds that it takes, and where it stands."""

    number: int
    seconds: float
    place: UpdatePosition


@dataclass(frozen=True, slots=True)
class MarketTime:
    """The updates of one market in a pass and their seconds."""

    market: str
    updates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SlowUpdates:
    """The updates of one case. All seconds are of the wall clock, of passes without a profiler; of each update the minimum over
    the ``passes``, so that a disturbance of a single pass makes no update slow.

    ``slowest``: that 1 % of the updates, at least one, the slowest first; ``share`` of all seconds is theirs.
    """

    case: Case
    passes: int
    updates: int
    seconds: float
    typical: float
    slowest: tuple[SlowUpdate, ...]
    share: float
    markets: tuple[MarketTime, ...]


def find_slow_updates(
    case: Case, passes: Sequence[Sequence[int]], places: Sequence[UpdatePosition]
) -> SlowUpdates | None:
    """The slow updates by the nanoseconds of these passes; None if their updates are not as many as the places."""
    if not passes or not places or any(len(spans) != len(places) for spans in passes):
        return None
    least = [min(spans) / 1e9 for spans in zip(*passes, strict=True)]
    whole = sum(least)
    count = max(1, round(SLOWEST_SHARE * len(least)))
    order = sorted(range(len(least)), key=lambda number: -least[number])[:count]
    slowest = tuple(SlowUpdate(number, least[number], places[number]) for number in order)
    share = sum(slow.seconds for slow in slowest) / whole if whole else 0.0
    return SlowUpdates(
        case, len(passes), len(least), whole, median(least), slowest, share, _sum_by_market(least, places)
    )


def _sum_by_market(least: Sequence[float], places: Sequence[UpdatePosition]) -> tuple[MarketTime, ...]:
    """An update of several markets counts for each with its part of the seconds."""
    seconds: dict[str, float] = defaultdict(float)
    updates: dict[str, int] = defaultdict(int)
    for spent, place in zip(least, places, strict=True):
        for market in place.markets:
            seconds[market] += spent / len(place.markets)
            updates[market] += 1
    markets = [MarketTime(market, updates[market], seconds[market]) for market in seconds]
    return tuple(sorted(markets, key=lambda market: -market.seconds))
