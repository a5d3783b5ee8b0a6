"""Rank-sum estimates and intervals for unpaired samples: two saved runs side by side.

Nothing joins a sample of one run to one of the other, so that all of each side's noise stays in the interval, and what changed
between the runs (the machine's speed, its load) is in the ratio. Source: Hollander, Wolfe, Chicken, *Nonparametric Statistical
Methods*, 3rd ed., sections 4.2 and 4.3 (the Hodges–Lehmann shift and its interval by the rank-sum distribution).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

MAX_EXACT_SAMPLES = 40
"""Up to this many samples on both sides together the null distribution is exact; beyond, a normal approximation."""


def compute_shift_interval(
    before: Sequence[float], after: Sequence[float], confidence: float = 0.95
) -> tuple[float, float, float]:
    """The ratio after / before of two sets of positive samples: estimate, low and high end of the two-sided interval.

    Estimate: the median of all ratios of a sample after to a sample before. Too few samples for this confidence give an interval
    from 0 to infinity. Raises ValueError for an empty side and for values that are not positive and finite.
    """
    logs = [np.log(_check_values(side)) for side in (before, after)]
    shifts = np.sort(np.subtract.outer(logs[1], logs[0]).ravel())
    rank = _find_critical_count(len(before), len(after), (1 - confidence) / 2)
    middle = math.exp(float(np.median(shifts)))
    if rank < 0:
        return middle, 0.0, math.inf
    return middle, math.exp(float(shifts[rank])), math.exp(float(shifts[-1 - rank]))


def compute_difference_interval(
    before: Sequence[float], after: Sequence[float], confidence: float = 0.95
) -> tuple[float, float, float]:
    """The difference after − before of two sets of samples: estimate, low and high end.

    It is for numbers that may be zero. Too few samples for this confidence give an interval without ends. Raises ValueError for an
    empty side and for values that are not finite.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (before, after)]
    if not all(side.size and bool(np.all(np.isfinite(side))) for side in sides):
        raise ValueError("both sides need samples, all of them finite")
    shifts = np.sort(np.subtract.outer(sides[1], sides[0]).ravel())
    rank = _find_critical_count(len(before), len(after), (1 - confidence) / 2)
    middle = float(np.median(shifts))
    return (middle, -math.inf, math.inf) if rank < 0 else (middle, float(shifts[rank]), float(shifts[-1 - rank]))


def compute_rank_sum_p_above(before: Sequence[float], after: Sequence[float]) -> float:
    """The one-sided p-value of the rank-sum test that samples after do not tend to lie above those before: a small p says they do.

    Ties count against it.
    """
    above = sum(second > first for first in before for second in after)
    return _compute_lower_tail(len(before), len(after), len(before) * len(after) - above)


def compute_shift_p_value(before: Sequence[float], after: Sequence[float], smallest: float = 0.0) -> float:
    """The two-sided p-value of the rank-sum test that the log ratio after / before lies within ± ``smallest``.

    As in ``signed_rank.compute_p_value``: one-sided after a shift by ``smallest`` towards zero, doubled; ties only make it larger.
    It is at most 1 − c exactly where ``compute_shift_interval`` at confidence c leaves out all of −``smallest`` … ``smallest``.
    Raises ValueError as that does.
    """
    logs = [np.log(_check_values(side)) for side in (before, after)]
    shifts = np.subtract.outer(logs[1], logs[0]).ravel()
    beyond = max(int((shifts > smallest).sum()), int((shifts < -smallest).sum()))
    return min(1.0, 2.0 * _compute_lower_tail(len(before), len(after), shifts.size - beyond))


def _check_values(values: Sequence[float]) -> NDArray[np.float64]:
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim != 1 or checked.size == 0 or not bool(np.all(np.isfinite(checked) & (checked > 0))):
        raise ValueError("both sides need samples, all of them positive and finite")
    return checked


@cache
def _find_critical_count(first: int, second: int, tail: float) -> int:
    """The largest c with P(U ≤ c) ≤ tail, for the number U of pairs in which the sample after is the smaller one; −1 if none."""
    if first + second > MAX_EXACT_SAMPLES:
        mean, variance = first * second / 2, first * second * (first + second + 1) / 12
        return math.floor(mean - 0.5 + NormalDist().inv_cdf(tail) * math.sqrt(variance))
    counts = _count_arrangements(first, second)
    return int(np.searchsorted(np.cumsum(counts) / counts.sum(), tail, side="right")) - 1


def _compute_lower_tail(first: int, second: int, count: int) -> float:
    """P(U ≤ count), by the same approximation as ``_find_critical_count`` where that is used: it errs towards a larger one."""
    if first + second > MAX_EXACT_SAMPLES:
        mean, variance = first * second / 2, first * second * (first + second + 1) / 12
        return math.erfc((mean - 0.5 - count) / math.sqrt(2 * variance)) / 2
    counts = _count_arrangements(first, second)
    return float(counts[: count + 1].sum() / counts.sum())


@cache
def _count_arrangements(first: int, second: int) -> NDArray[np.float64]:
    """How many orders of the samples of both sides give U = 0, 1, …: the largest is one of either side (Mann and Whitney 1947)."""
    if first == 0 or second == 0:
        return np.ones(1)
    counts = np.zeros(first * second + 1)
    largest_before = _count_arrangements(first - 1, second)
    counts[second : second + largest_before.size] += largest_before
    largest_after = _count_arrangements(first, second - 1)
    counts[: largest_after.size] += largest_after
    return counts
