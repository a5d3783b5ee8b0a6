"""Wilcoxon signed-rank estimate and confidence interval for paired log ratios.

A *difference* is the log ratio of one pair, ``ln(after / before)``. The two sides of a pair were measured under the
same conditions, so that without an effect a difference is as likely to be positive as negative. That symmetry is all
that the Wilcoxon signed-rank interval needs: no normal noise, no equal variances, no large sample.

Sources: Hollander, Wolfe, Chicken, *Nonparametric Statistical Methods*, 3rd ed., sections 3.1 to 3.3 (signed ranks,
the Hodges–Lehmann estimate, its interval) and 4.1 (rank sums).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

ADAPTIVE_LOOKS = (8, 12, 17, 24, 34, 48, 68, 96, 136)
"""The numbers of pairs after which an adaptive run may look at its interval: each √2 times the one before."""

MAX_EXACT_PAIRS = 200
"""Up to this many pairs the null distribution is exact; beyond, a normal approximation that errs towards width."""

LOOK_CORRECTION = 0.7
"""The factor on 1 − confidence that pays for stopping at the first narrow interval: see ``choose_adaptive_confidence``."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate from the pairs of two cases: ``ratio`` is after / before, ``low`` and ``high`` the ends of its interval.

    ``sigma`` is the standard deviation of one pair's log ratio (0.02: about 2 %); ``autocorrelation`` is that of
    neighbours in time; ``halves_disagree`` says that the first half of the pairs and the second tell different ratios.
    """

    ratio: float
    low: float
    high: float
    pairs: int
    sigma: float
    autocorrelation: float
    halves_disagree: bool


def estimate(log_ratios: Sequence[float] | Floats, confidence: float = 0.95) -> Estimate:
    """The ratio after / before, its two-sided interval and its diagnostics, from log ratios in order of time.

    Raises ValueError for a value that is not finite and for fewer than ``count_minimum_pairs(confidence)`` pairs.
    """
    differences = _check_values(log_ratios)
    low, high = compute_interval(differences, confidence)
    return Estimate(
        ratio=math.exp(hodges_lehmann(differences)),
        low=math.exp(low),
        high=math.exp(high),
        pairs=differences.size,
        sigma=compute_sigma(differences),
        autocorrelation=compute_autocorrelation(differences),
        halves_disagree=halves_disagree(differences),
    )


def hodges_lehmann(differences: Sequence[float] | Floats) -> float:
    """The median of the Walsh averages, the means of every pair of differences (each with itself too).

    It bears 29 % of outliers and needs 5 % more pairs than the mean under normal noise. Raises ValueError if empty.
    """
    return float(np.median(_compute_walsh_averages(_check_values(differences))))


def compute_interval(differences: Sequence[float] | Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Those centres of symmetry that a two-sided Wilcoxon signed-rank test at level 1 − confidence does not reject.

    With M sorted Walsh averages w and the largest c for which P(W ≤ c) ≤ (1 − confidence) / 2, the interval is
    w[c+1] … w[M−c] (Hollander, Wolfe, Chicken, section 3.3). It covers the centre with at least this probability
    whatever the noise; ties and zeros only make it cover more. Raises ValueError for fewer than
    ``count_minimum_pairs(confidence)`` differences.
    """
    values = _check_values(differences)
    fewest = count_minimum_pairs(confidence)
    if values.size < fewest:
        raise ValueError(f"{values.size} pairs are too few for {confidence:g} confidence: it takes {fewest}")
    averages = np.sort(_compute_walsh_averages(values))
    rank = _find_critical_rank_sum(values.size, _compute_tail(confidence))
    return float(averages[rank]), float(averages[-1 - rank])


def compute_p_value(differences: Sequence[float] | Floats, smallest: float = 0.0) -> float:
    """The two-sided p-value of the signed-rank test that the centre lies within ± ``smallest``: a small p says it does not.

    The differences are shifted by ``smallest`` towards zero, and the one-sided exact p-value of that is doubled. It is at most
    1 − c exactly where ``compute_interval`` at confidence c leaves out all of −``smallest`` … ``smallest``. Ties and zeros
    only make it larger. Raises ValueError if there are none.
    """
    values = _check_values(differences)
    return min(1.0, 2.0 * min(compute_p_above(values, smallest), compute_p_above(-values, smallest)))


def compute_p_above(differences: Sequence[float] | Floats, bound: float) -> float:
    """The one-sided p-value of the signed-rank test that the centre does not lie above ``bound``: a small p says it does.

    It is at most a exactly where the low end of ``compute_interval`` at confidence 1 − 2a lies above ``bound``.
    """
    values = _check_values(differences)
    averages = _compute_walsh_averages(values)
    return _compute_lower_tail(values.size, averages.size - int((averages > bound).sum()))


def count_minimum_pairs(confidence: float = 0.95) -> int:
    """The fewest pairs that can bear this confidence: all of one sign happens with probability 2⁻ⁿ. 6 for 95 %."""
    return math.ceil(-math.log2(_compute_tail(confidence)))


def choose_adaptive_confidence(confidence: float = 0.95) -> float:
    """The confidence to ask of ``estimate`` in a run that stops at the first interval that is narrow enough.

    An interval that was chosen for being narrow is too often narrow by luck. Simulated at the ``LOOKS`` with normal,
    heavy-tailed and uniform noise, nominal 95 % intervals covered 93.6 % at the worst ratio of sigma to precision;
    with 1 − confidence times 0.7 they covered 95.0 % there, for 8 to 15 % more pairs.
    """
    return 1.0 - 2.0 * LOOK_CORRECTION * _compute_tail(confidence)


def is_precise_enough(result: Estimate, precision: float) -> bool:
    """Whether both ends of the interval are within ``precision`` of the ratio, relative to it (0.01: 1 %)."""
    if not (math.isfinite(precision) and precision > 0):
        raise ValueError(f"a precision is a positive share of the ratio, not {precision}")
    return result.high / result.ratio - 1.0 <= precision and 1.0 - result.low / result.ratio <= precision


def compute_sigma(differences: Sequence[float] | Floats) -> float:
    """The standard deviation of one pair's log ratio, with n − 1. Raises ValueError for fewer than two."""
    return float(np.std(_check_values(differences, fewest=2), ddof=1))


def compute_autocorrelation(differences: Sequence[float] | Floats) -> float:
    """The correlation of each difference with the next, −1 to 1; 0 if all are equal.

    Independent pairs stay within ±2/√n 95 times of 100 (Box, Jenkins, *Time Series Analysis*, section 2.1).
    Raises ValueError for fewer than two.
    """
    values = _check_values(differences, fewest=2)
    deviations = values - values.mean()
    spread = float(deviations @ deviations)
    return float(deviations[:-1] @ deviations[1:]) / spread if spread > 0 else 0.0


def halves_disagree(differences: Sequence[float] | Floats, level: float = 0.01) -> bool:
    """Whether the first half of the differences and the rest differ by a two-sided Wilcoxon rank-sum test at ``level``.

    By the normal approximation with the corrections for continuity and for ties (Hollander, Wolfe, Chicken, section
    4.1): it only gives a warning, and at level 0.01 its exact size never exceeds 1.0 % for 8 to 200 pairs.
    Raises ValueError for fewer than two differences.
    """
    values = _check_values(differences, fewest=2)
    first, total = values.size // 2, values.size
    second = total - first
    ranks, ties = _compute_midranks(values)
    distance = abs(float(ranks[:first].sum()) - first * (total + 1) / 2) - 0.5
    variance = first * second / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return False
    return math.erfc(distance / math.sqrt(2 * variance)) <= level


def _check_values(differences: ArrayLike, fewest: int = 1) -> Floats:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size < fewest:
        raise ValueError(f"at least {fewest} differences in one row are needed, not an array of shape {values.shape}")
    strange = np.flatnonzero(~np.isfinite(values))
    if strange.size:
        raise ValueError(f"difference {strange[0] + 1} of {values.size} is {values[strange[0]]}: not a finite number")
    return values


def _compute_tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return (1.0 - confidence) / 2


def _compute_walsh_averages(values: Floats) -> Floats:
    first, second = np.triu_indices(values.size)
    return np.asarray((values[first] + values[second]) / 2)


@cache
def _find_critical_rank_sum(pairs: int, tail: float) -> int:
    """The largest c with P(W ≤ c) ≤ tail, for the sum W of the ranks of the positive ones of ``pairs`` differences."""
    if pairs <= MAX_EXACT_PAIRS:
        return int(np.searchsorted(_compute_cumulative(pairs), tail, side="right")) - 1
    mean, variance = pairs * (pairs + 1) / 4, pairs * (pairs + 1) * (2 * pairs + 1) / 24
    return math.floor(mean - 0.5 + NormalDist().inv_cdf(tail) * math.sqrt(variance))


def _compute_lower_tail(pairs: int, rank_sum: int) -> float:
    """P(W ≤ rank_sum), by the same approximation as ``_critical_rank_sum`` beyond ``LARGEST_EXACT`` pairs."""
    if pairs <= MAX_EXACT_PAIRS:
        return float(_compute_cumulative(pairs)[rank_sum])
    mean, variance = pairs * (pairs + 1) / 4, pairs * (pairs + 1) * (2 * pairs + 1) / 24
    return math.erfc((mean - 0.5 - rank_sum) / math.sqrt(2 * variance)) / 2


@cache
def _compute_cumulative(pairs: int) -> Floats:
    """P(W ≤ 0), P(W ≤ 1), … when each rank 1 … pairs joins the sum W by the toss of a fair coin."""
    probabilities = np.zeros(pairs * (pairs + 1) // 2 + 1)
    probabilities[0] = 1.0
    for rank in range(1, pairs + 1):
        joined = probabilities[:-rank] / 2
        probabilities /= 2
        probabilities[rank:] += joined
    return np.cumsum(probabilities)


def _compute_midranks(values: Floats) -> tuple[Floats, Floats]:
    """The rank of each value, equal values sharing their mean rank; and how many share each distinct value."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse], counts.astype(np.float64)
