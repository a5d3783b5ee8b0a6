"""Scale factors for the profiled passes of two sides, and the changes between them.

``diff`` explains why the passes are scaled, and by what.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

FunctionSeconds = Mapping[str, float]
PassPair = tuple[FunctionSeconds, FunctionSeconds]
SideScales = tuple[float, float]

MIN_ANCHOR_SHARE = 0.25
"""Minimum share of both profiles for unchanged functions to set the scale."""

COST_TOLERANCE = 0.03
"""Tolerance for the cost ratio of an unchanged function, on top of sampling error."""

PLAUSIBLE_FACTORS = (0.1, 1.3)
"""Plausible seconds without a profiler per second with it; beyond, something other than functions made the difference. A loop
without calls has 1, calls of the cheapest built-in functions 0.2."""

OUTLIER_STANDARD_ERRORS = 4.0
"""Minimum change, in standard errors of the mean over the pairs of passes, of a function with the same code and calls. With five
pairs about twice the spread of one pair; high because there are many such functions."""


@dataclass(frozen=True, slots=True)
class TimeDifference:
    """CPU seconds of a pass without a profiler, before and after, with the interval of their difference."""

    before: float
    after: float
    low: float
    high: float
    paired: bool = True

    @property
    def seconds(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def find_steady(keys: Iterable[str], pairs: Sequence[PassPair], weight: float) -> set[str]:
    """The functions whose cost ratio is that of most others; what the rest call may have changed.

    :param weight: the seconds of one sample.
    """
    sums = {key: tuple(sum(pair[side].get(key, 0.0) for pair in pairs) for side in (0, 1)) for key in keys}
    ratios = sorted((after / before, before, key) for key, (before, after) in sums.items() if before > 0 and after > 0)
    half, usual = sum(before for _, before, _ in ratios) / 2, 1.0
    for ratio, before, _ in ratios:
        half -= before
        if half <= 0:
            usual = ratio
            break
    steady = set()
    for ratio, before, key in ratios:
        error = math.sqrt(weight / before + weight / (ratio * before))
        if abs(ratio / usual - 1) < OUTLIER_STANDARD_ERRORS * error + COST_TOLERANCE:
            steady.add(key)
    return steady


def sum_seconds(seconds: FunctionSeconds, keys: Iterable[str]) -> float:
    return sum(seconds.get(key, 0.0) for key in keys) / sum(seconds.values())


def compute_scales(pair: PassPair, unchanged: Iterable[str], difference: TimeDifference) -> SideScales:
    """The factors for the seconds of each side.

    With unchanged functions the scale is that of the profiled pass before, else that of passes without a profiler.
    """
    first, second = pair
    if keys := list(unchanged):
        return 1.0, sum(first.get(key, 0.0) for key in keys) / sum(second.get(key, 0.0) for key in keys)
    return difference.before / sum(first.values()), difference.after / sum(second.values())


def compute_changes(key: str, pairs: Sequence[PassPair], scales: Sequence[SideScales]) -> list[float]:
    """The change in seconds of a function, for every pair."""
    return [
        after * second.get(key, 0.0) - before * first.get(key, 0.0)
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]


def estimate_error(
    key: str, changes: Sequence[float], pairs: Sequence[PassPair], scales: Sequence[SideScales], weight: float
) -> float:
    """The standard error of the mean change: from the scatter of the pairs, or from the number of samples if that is larger.

    :param weight: the seconds of one sample.
    """
    by_count = fmean(
        weight * (before**2 * max(first.get(key, 0.0), weight) + after**2 * max(second.get(key, 0.0), weight))
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    )
    by_pairs = variance(changes) if len(changes) > 1 else 0.0
    return math.sqrt(max(by_count, by_pairs) / len(changes))


def compute_factor(pairs: Sequence[PassPair], scales: Sequence[SideScales], difference: TimeDifference) -> float:
    """Seconds without a profiler per second of a profiled change."""
    usual = difference.before / fmean(sum(first.values()) for first, _ in pairs)
    totals = [
        after * sum(second.values()) - before * sum(first.values())
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]
    whole = fmean(totals)
    clear = len(totals) > 1 and abs(whole) > OUTLIER_STANDARD_ERRORS * stdev(totals) / math.sqrt(len(totals))
    if not (difference.clear and clear):
        return usual
    factor = difference.seconds / whole
    return factor if PLAUSIBLE_FACTORS[0] <= factor <= PLAUSIBLE_FACTORS[1] else usual
