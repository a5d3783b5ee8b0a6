"""Profiled passes of two sides on one scale, so that what differs between them is what the program takes. Pure.

See ``blaming`` for why they are not, and for what sets the scale.
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
"""The least part of both profiles that unchanged functions must be to set the scale."""

COST_TOLERANCE = 0.03
"""So far may the cost of a function that did not change be from that of most others, beside what few samples make."""

PLAUSIBLE_FACTORS = (0.1, 1.3)
"""How many seconds without a profiler can be behind one with it: beyond, something else than functions made the difference. A loop
without calls has one, calls of the cheapest built-in functions a fifth."""

OUTLIER_STANDARD_ERRORS = 4.0
"""In standard errors of the mean over the pairs of passes: with five pairs, about twice the spread of one pair. So much must the
change of a function be whose code and calls are the same, for there are many of them."""


@dataclass(frozen=True, slots=True)
class TimeDifference:
    """What was measured without a profiler: CPU seconds of a pass before and after, and the interval of their difference."""

    before: float
    after: float
    low: float
    high: float
    paired: bool = True

    @property
    def seconds(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def find_steady(keys: Iterable[str], pairs: Sequence[PassPair], weight: float) -> set[str]:
    """Those of the functions that cost about as much more or less as most of the others: what they call may have changed.

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
    found = set()
    for ratio, before, key in ratios:
        error = math.sqrt(weight / before + weight / (ratio * before))
        if abs(ratio / usual - 1) < OUTLIER_STANDARD_ERRORS * error + COST_TOLERANCE:
            found.add(key)
    return found


def sum_seconds(seconds: FunctionSeconds, keys: Iterable[str]) -> float:
    return sum(seconds.get(key, 0.0) for key in keys) / sum(seconds.values())


def compute_scales(pair: PassPair, unchanged: Iterable[str], difference: TimeDifference) -> SideScales:
    """What to multiply the seconds of each side with.

    Where unchanged functions set the scale it is that of the profiled pass before, else that of passes without a profiler.
    """
    first, second = pair
    if known := list(unchanged):
        return 1.0, sum(first.get(key, 0.0) for key in known) / sum(second.get(key, 0.0) for key in known)
    return difference.before / sum(first.values()), difference.after / sum(second.values())


def compute_changes(key: str, pairs: Sequence[PassPair], scales: Sequence[SideScales]) -> list[float]:
    """Seconds after less seconds before of a function, for every pair."""
    return [
        after * second.get(key, 0.0) - before * first.get(key, 0.0)
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]


def estimate_error(
    key: str, changes: Sequence[float], pairs: Sequence[PassPair], scales: Sequence[SideScales], weight: float
) -> float:
    """The standard error of the mean change: by how the pairs scatter, or by how few samples there are if that is more.

    :param weight: the seconds of one sample.
    """
    by_count = fmean(
        weight * (before**2 * max(first.get(key, 0.0), weight) + after**2 * max(second.get(key, 0.0), weight))
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    )
    by_pairs = variance(changes) if len(changes) > 1 else 0.0
    return math.sqrt(max(by_count, by_pairs) / len(changes))


def compute_factor(pairs: Sequence[PassPair], scales: Sequence[SideScales], difference: TimeDifference) -> float:
    """The seconds without a profiler that are behind one of the profiled changes."""
    usual = difference.before / fmean(sum(first.values()) for first, _ in pairs)
    totals = [
        after * sum(second.values()) - before * sum(first.values())
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]
    whole = fmean(totals)
    clear = len(totals) > 1 and abs(whole) > OUTLIER_STANDARD_ERRORS * stdev(totals) / math.sqrt(len(totals))
    if not (difference.clear and clear):
        return usual
    found = difference.seconds / whole
    return found if PLAUSIBLE_FACTORS[0] <= found <= PLAUSIBLE_FACTORS[1] else usual
