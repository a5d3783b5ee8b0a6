"""Memory growth: a robust slope of the resident memory with an interval, and the limit above which it is a leak.

The slope is the median of the slopes between all pairs of points, its interval that of Sen (P. K. Sen, *Estimates of the
regression coefficient based on Kendall's tau*, JASA 63, 1968; ties only make it wider). The points are the medians of whole
hours, so that neither short peaks nor the number of samples matter, and come from the second half only: the first half is the
warm-up. The margins are those of the memory curves of ``perfbench profile``, without the one for the growth of the first half.
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist, median
from typing import List, NamedTuple, Optional, Sequence, Tuple

CONFIDENCE = 0.95

FEWEST_HOURS = 8
"""Minimum in the second half: with fewer points the interval spans nearly all slopes."""

ARENA = 1 << 20
"""Bytes. Python takes memory from the system in arenas of 256 KiB, since 3.10 of 1 MiB (Objects/obmalloc.c): less is not growth."""

SHARE = 0.01
"""Share of the peak that allocator packing may add or remove."""

FADED = 0.25
"""The last quarter of a leak has at least this share of the slope of the half: a cache that fills slows down."""


class Growth(NamedTuple):
    """Bytes per hour with a 95 % interval, the rate below which it is not a leak (``floor``), and whether it is one."""

    per_hour: float
    low: float
    high: float
    floor: float
    leak: bool


def growth(rss: Sequence[int], per_hour: int) -> Growth:
    """Growth of a curve of resident bytes with ``per_hour`` samples per hour. Raises ValueError if half of it is too short.

    It is a leak if the whole interval lies above the floor and the last quarter still grows.
    """
    hours = [median(rss[first : first + per_hour]) for first in range(0, len(rss) - per_hour + 1, per_hour)]
    second_half = hours[len(hours) // 2 :]
    if len(second_half) < FEWEST_HOURS:
        raise ValueError("{} hours are too few to measure growth: at least {}".format(len(hours), 2 * FEWEST_HOURS - 1))
    slopes = _slopes(second_half)
    slope, (low, high) = median(slopes), _interval(slopes, len(second_half))
    floor = max(ARENA, SHARE * max(rss)) / (len(second_half) - 1)
    still_grows = median(_slopes(second_half[len(second_half) // 2 :])) >= FADED * slope
    return Growth(slope, low, high, floor, low > floor and still_grows)


def hours_until(limit: float, rss: Sequence[int], per_hour: int, result: Growth) -> Optional[float]:
    """Hours from the first sample until memory reaches the limit (bytes), extrapolated if necessary; None if never."""
    over = next((place for place, resident in enumerate(rss) if resident >= limit), None)
    if over is not None:
        return over / per_hour
    return (len(rss) - 1) / per_hour + (limit - rss[-1]) / result.per_hour if result.leak else None


def _slopes(points: Sequence[float]) -> List[float]:
    """Between all pairs of points that lie one hour apart, in order of size."""
    pairs = combinations(enumerate(points), 2)
    return sorted((later - earlier) / (second - first) for (first, earlier), (second, later) in pairs)


def _interval(slopes: Sequence[float], points: int) -> Tuple[float, float]:
    deviation = math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation
    left_out = max(0, math.floor((len(slopes) - reach) / 2))
    return slopes[left_out], slopes[-1 - left_out]
