"""Strata of a surveyed corpus, and percentiles of the ratios of its markets.

A stratum is the part of the corpus with one label (a sport, a market type, in-play or not). The draws with that label are a sample
of that part, with the same probabilities, so that its ratio is estimated as that of a corpus (Särndal, Swensson, Wretman, *Model
Assisted Survey Sampling*, section 10.3: domains).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfbench.stats import survey
from perfbench.stats.survey import RatioEstimate
from perfbench.stats.survey_error import PairNoise

Floats = NDArray[np.float64]

PERCENTILES = (0.05, 0.5, 0.95)
"""The percentiles of the markets that are estimated: the fast end, the median and the slow end."""

MIN_EFFECTIVE_DRAWS = 20.0
"""The effective number of draws below which the outer percentiles are not estimated."""


@dataclass(frozen=True, slots=True)
class StratumEstimate:
    """One stratum: its ratio with interval, and its estimated shares of the bytes and of the seconds before, 0 to 1.

    With fewer than ``survey_error.MIN_DRAWS`` draws the interval reaches from 0 to infinity (``has_interval`` is false).
    """

    label: str
    estimate: RatioEstimate
    share_of_bytes: float
    share_of_seconds: float

    @property
    def has_interval(self) -> bool:
        """Whether the draws suffice for an interval."""
        return math.isfinite(self.estimate.high)


@dataclass(frozen=True, slots=True)
class RatioPercentiles:
    """The 5th percentile, the median and the 95th percentile of ratios, and the number of equal draws that weigh as much.

    The outer ones are not numbers for fewer than ``MIN_EFFECTIVE_DRAWS`` effective draws.
    """

    low: float
    median: float
    high: float
    effective: float


def estimate_strata(
    labels: Sequence[str],
    before: ArrayLike,
    after: ArrayLike,
    shares: ArrayLike,
    confidence: float = 0.95,
    *,
    inclusion: ArrayLike | None = None,
    noise: PairNoise | None = None,
) -> tuple[StratumEstimate, ...]:
    """The strata by their share of the seconds, largest first; each interval has this confidence by itself, not all together.

    Parameters as those of ``survey.estimate_ratio``. Raises ValueError as that does, and unless each draw has a label.
    """
    corpus = survey.estimate_ratio(before, after, shares, confidence, inclusion=inclusion, noise=noise)
    first, second, parts = (np.asarray(values, dtype=np.float64) for values in (before, after, shares))
    chances = parts if inclusion is None else np.asarray(inclusion, dtype=np.float64)
    names = np.asarray(labels)
    if names.shape != first.shape:
        raise ValueError(f"{corpus.draws} draws need as many labels, not {names.size}")
    strata = []
    for label in dict.fromkeys(labels):
        inside = names == label
        estimate = survey.estimate_ratio(
            first[inside],
            second[inside],
            parts[inside],
            confidence,
            inclusion=None if inclusion is None else chances[inside],
            noise=noise,
        )
        of_bytes, of_seconds = (
            float((values / chances)[inside].sum() / (values / chances).sum()) for values in (parts, first)
        )
        strata.append(StratumEstimate(label, estimate, of_bytes, of_seconds))
    return tuple(sorted(strata, key=lambda stratum: (-stratum.share_of_seconds, stratum.label)))


def estimate_percentiles(before: ArrayLike, after: ArrayLike, inclusion: ArrayLike) -> RatioPercentiles:
    """Percentiles of the ratios of the markets of the corpus, each market with the same weight.

    A drawn market stands for 1 / π of them: large markets are drawn more often than they are frequent. Ratios contain the noise of
    a pair.

    :param inclusion: π of each market, which is that of its batch. Raises ValueError as ``survey.estimate_ratio`` does.
    """
    first, second, chances = (np.asarray(values, dtype=np.float64) for values in (before, after, inclusion))
    survey.estimate_ratio(first, second, chances)
    return _summarise(second / first, 1.0 / chances)


def estimate_byte_percentiles(
    before: ArrayLike, after: ArrayLike, shares: ArrayLike, *, inclusion: ArrayLike | None = None
) -> RatioPercentiles:
    """Percentiles of the ratios where each byte of the corpus has the same weight: half of the bytes are below the median.

    The draws have nearly the same weights here, so that far fewer of them suffice than for ``estimate_percentiles``. Raises
    ValueError as ``survey.estimate_ratio`` does.
    """
    first, second, parts = (np.asarray(values, dtype=np.float64) for values in (before, after, shares))
    survey.estimate_ratio(first, second, parts, inclusion=inclusion)
    weights = np.ones_like(parts) if inclusion is None else parts / np.asarray(inclusion, dtype=np.float64)
    return _summarise(second / first, weights)


def weighted_quantile(values: ArrayLike, weights: ArrayLike, probability: float) -> float:
    """The quantile of weighted values, linear between the middles of their weights; Hazen's definition if all weigh the same.

    Raises ValueError without values, for weights that are negative or all zero, and for a probability outside 0 … 1.
    """
    points, heights = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if points.ndim != 1 or not points.size or points.shape != heights.shape:
        raise ValueError("each value needs a weight, and there is at least one of them")
    if not np.all(np.isfinite(points)) or not np.all(np.isfinite(heights) & (heights >= 0)) or not heights.sum() > 0:
        raise ValueError("values are finite, weights are not negative and not all zero")
    if not 0 <= probability <= 1:
        raise ValueError(f"a probability lies between 0 and 1, not at {probability}")
    order = np.argsort(points, kind="stable")
    order = order[heights[order] > 0]
    ends = np.cumsum(heights[order])
    middles = (ends - heights[order] / 2) / ends[-1]
    return float(np.interp(probability, middles, points[order]))


def compute_effective_draws(weights: Floats) -> float:
    """The number of equally weighted draws with as much information: (Σw)² / Σw² (Kish, *Survey Sampling*, 1965)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def _summarise(ratios: Floats, weights: Floats) -> RatioPercentiles:
    low, median, high = (weighted_quantile(ratios, weights, probability) for probability in PERCENTILES)
    effective = compute_effective_draws(weights)
    if effective < MIN_EFFECTIVE_DRAWS:
        low = high = math.nan
    return RatioPercentiles(low, median, high, effective)
