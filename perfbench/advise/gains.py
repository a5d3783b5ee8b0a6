"""Estimates of a gain from pairs: how sure a change is faster by 1 % or more. Pure.

The *gain* of a pair is ``ln(before / after)``: above 0 the side after is faster. Estimates are Hodges–Lehmann, decisions on the way
use normal approximations with a pooled scatter, and only the confirmation is a test with a level (``is_confirmed``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.stats import signed_rank

SMALLEST_GAIN = math.log(1.01)
"""A gain below 1 % is no advice."""

LEVEL = 0.01
"""The probability of advice where there is nothing to gain: one-sided, of one test for all candidates together."""

CONFIDENCE = 1 - 2 * LEVEL
"""Of the two-sided interval whose low end the confirmation compares with the smallest gain."""

OPTIMISM = 1.5
"""Standard errors between an estimate and its optimistic end: a candidate below the smallest gain there is hopeless."""

PROMISING, CLEAR, CERTAIN = 2.0, 2.6, 4.0
"""Standard errors above no gain from which a gain is promising, clear at an early look, and certain."""

PRIOR_SIGMA, PRIOR_WEIGHT = 0.02, 2.0
"""The scatter of a pair that is expected before any is measured (docs/concepts/pairs.md), and the pairs that it counts for."""

LEAST_PAIRS, MOST_PAIRS = 12, 48
"""Pairs of a confirmation."""

RANK_LOSS = 1.1
"""How many times the pairs of a t-test a signed-rank test needs, rounded up from 1.05 under normal noise."""

Z_LEVEL, Z_POWER = 2.326, 1.645
"""Normal quantiles of ``LEVEL``, and of the power: a gain one standard error below what training shows is confirmed in 95 %."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain that some pairs show, and its standard error. ``pairs`` is at least 1."""

    estimate: float
    error: float
    pairs: int

    @property
    def is_hopeless(self) -> bool:
        """Whether even the optimistic end is below the smallest gain."""
        return self.estimate + OPTIMISM * self.error < SMALLEST_GAIN

    @property
    def is_clear(self) -> bool:
        """Whether it is large enough, and above zero at an early look."""
        return self.pairs > 2 and self.estimate >= SMALLEST_GAIN and self.estimate > CLEAR * self.error

    @property
    def is_promising(self) -> bool:
        """Whether it is large enough, and above zero at the last look."""
        return self.pairs > 2 and self.estimate >= SMALLEST_GAIN and self.estimate > PROMISING * self.error

    @property
    def is_certain(self) -> bool:
        """Whether it is no winner by luck among many candidates."""
        return self.is_clear and self.estimate > CERTAIN * self.error

    def __add__(self, other: Gain) -> Gain:
        """The gain of two candidates together, if they add up."""
        error = math.hypot(self.error, other.error)
        return Gain(self.estimate + other.estimate, error, min(self.pairs, other.pairs))


def pool_sigma(samples: Iterable[Sequence[float]]) -> float:
    """The standard deviation of a pair, pooled over candidates: a few pairs of one may agree by chance.

    Pooled is the median of their variances, weighted by degrees of freedom: a candidate whose gain differs from market to market
    scatters ten times as much as the others, and would hide what those gain. The median of a variance is below its mean
    by a factor of (1 − 2/9k)³ with k degrees of freedom (Wilson, Hilferty 1931).
    """
    variances = sorted(
        (signed_rank.compute_sigma(gains) ** 2 / (1 - 2 / (9 * (len(gains) - 1))) ** 3, len(gains) - 1)
        for gains in samples
        if len(gains) > 1
    )
    freedom = sum(weight for _, weight in variances)
    if not freedom:
        return PRIOR_SIGMA
    pooled = PRIOR_WEIGHT * PRIOR_SIGMA**2 + freedom * _find_weighted_median(variances)
    return math.sqrt(pooled / (PRIOR_WEIGHT + freedom))


def _find_weighted_median(sorted_values: Sequence[tuple[float, int]]) -> float:
    """The value at half of the weight; between two values their mean."""
    half, passed = sum(weight for _, weight in sorted_values) / 2, 0
    for place, (value, weight) in enumerate(sorted_values):
        passed += weight
        if passed > half:
            return value
        if passed == half:
            return (value + sorted_values[place + 1][0]) / 2
    raise ValueError("no values")


def estimate_gain(gains: Sequence[float], sigma: float) -> Gain:
    """The gain of some pairs; those that scatter more than ``sigma`` keep their own scatter. Raises ValueError without pairs."""
    own = signed_rank.compute_sigma(gains) if len(gains) > 2 else 0.0
    return Gain(signed_rank.hodges_lehmann(gains), max(own, sigma) / math.sqrt(len(gains)), len(gains))


def plan_confirmation(gain: Gain, sigma: float, affordable: int) -> int:
    """The pairs of a confirmation, fixed before the first of them. What was chosen for its gain gains less than it seems.

    :param gain: of the training pairs; :param affordable: the pairs that there is time for; at least ``LEAST_PAIRS`` are made.
    """
    beyond = gain.estimate - gain.error - SMALLEST_GAIN
    needed = RANK_LOSS * ((Z_LEVEL + Z_POWER) * sigma / beyond) ** 2 if beyond > 0 else math.inf
    return max(LEAST_PAIRS, min(MOST_PAIRS, affordable, math.ceil(min(needed, MOST_PAIRS))))


def is_confirmed(gains: Sequence[float]) -> bool:
    """Whether fresh pairs show a gain of more than 1 %, by the one-sided signed-rank test at ``LEVEL``.

    It is the same as a low end above 1.01 of the interval of 98 % (``stats/signed_rank.py``). False for fewer than ``LEAST_PAIRS``.
    """
    return len(gains) >= LEAST_PAIRS and signed_rank.compute_p_above(gains, SMALLEST_GAIN) <= LEVEL
