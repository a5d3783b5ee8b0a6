"""How long every update took in several passes → which updates are slow, and which markets take the time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.datasets.updates import UpdatePosition
from perfbench.model import Case

SLOWEST_SHARE = 0.01
"""The share of updates that are looked at: a spike matters more live than the mean."""


@dataclass(frozen=True, slots=True)
class SlowUpdate:
    """One slow update: its number (from 0), the seconds that it takes, and where it stands."""

    number: int
    seconds: float
    place: UpdatePosition


@dataclass(frozen=True, slots=True)
class MarketTime:
    """What the updates of one market took in a pass, in seconds."""

    market: str
    updates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SlowUpdates:
    """The updates of one case. All seconds are of the wall clock, of passes without a profiler; of each update the least of the
    ``passes``, so that what the machine did to a single pass is no spike.

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
    """What the nanoseconds of every update in these passes say; None if they are not of as many updates as there are places."""
    if not passes or not places or any(len(one) != len(places) for one in passes):
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
    found = [MarketTime(market, updates[market], seconds[market]) for market in seconds]
    return tuple(sorted(found, key=lambda one: -one.seconds))
