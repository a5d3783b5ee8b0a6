"""Whether memory grows: a robust slope of its curve with an interval, and from where on that is called a leak.

The slope is the median of the slopes between all pairs of points, its interval that of Sen (P. K. Sen, *Estimates of the regression
coefficient based on Kendall's tau*, JASA 63, 1968; ties only make it wider). The points are the medians of whole hours, so that
neither a short peak nor the number of samples counts, and come from the second half only: before, the session warms up. Margins as
for the memory curves of ``perfbench profile``, without that for what a first half added: here all of the warm-up lies in it.
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist, median
from typing import List, NamedTuple, Optional, Sequence, Tuple

CONFIDENCE = 0.95

FEWEST_HOURS = 8
"""In the half that is judged: with fewer points the interval is about as wide as all their slopes."""

ARENA = 1 << 20
"""Bytes. Python takes memory from the system in arenas of 256 KiB, since 3.10 of 1 MiB (Objects/obmalloc.c): less is no growth."""

SHARE = 0.01
"""Of the memory at its most: so much may come and go with how the allocator packs it."""

FADED = 0.25
"""The last quarter of a leak has at least this share of the slope of the half: a cache that fills slows down."""


class Growth(NamedTuple):
    """Bytes an hour with a 95 % interval, how many of them are no leak yet (``floor``), and whether it is one."""

    per_hour: float
    low: float
    high: float
    floor: float
    leak: bool


def growth(rss: Sequence[int], per_hour: int) -> Growth:
    """What a curve of resident bytes says, with so many samples in every hour. Raises ValueError if half of it is too short.

    It is a leak if the whole interval lies above the floor, and if the last quarter still goes on.
    """
    hours = [median(rss[first : first + per_hour]) for first in range(0, len(rss) - per_hour + 1, per_hour)]
    judged = hours[len(hours) // 2 :]
    if len(judged) < FEWEST_HOURS:
        raise ValueError("{} hours are too few to tell growth: at least {}".format(len(hours), 2 * FEWEST_HOURS - 1))
    slopes = _slopes(judged)
    slope, (low, high) = median(slopes), _interval(slopes, len(judged))
    floor = max(ARENA, SHARE * max(rss)) / (len(judged) - 1)
    goes_on = median(_slopes(judged[len(judged) // 2 :])) >= FADED * slope
    return Growth(slope, low, high, floor, low > floor and goes_on)


def hours_until(limit: float, rss: Sequence[int], per_hour: int, found: Growth) -> Optional[float]:
    """The hours since the first sample until memory reaches the limit (bytes), if need be as its growth goes on; None if never."""
    over = next((place for place, resident in enumerate(rss) if resident >= limit), None)
    if over is not None:
        return over / per_hour
    return (len(rss) - 1) / per_hour + (limit - rss[-1]) / found.per_hour if found.leak else None


def _slopes(points: Sequence[float]) -> List[float]:
    """Between all pairs of points that lie one hour apart, in order of size."""
    pairs = combinations(enumerate(points), 2)
    return sorted((later - earlier) / (second - first) for (first, earlier), (second, later) in pairs)


def _interval(slopes: Sequence[float], points: int) -> Tuple[float, float]:
    deviation = math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation
    left_out = max(0, math.floor((len(slopes) - reach) / 2))
    return slopes[left_out], slopes[-1 - left_out]
