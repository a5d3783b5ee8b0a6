"""Census of a corpus: every batch measured, so that only the noise of the measurements is left in ratio and totals.

The noise is known from batches that were measured more than once. Without them all scatter between batches counts as noise: the
interval is then too wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfbench.stats import student_t
from perfbench.stats.survey import RatioEstimate, TotalEstimate, compute_weighted_deviation
from perfbench.stats.survey_error import PairNoise

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

CENSUS_REPEATS = 12
"""How many batches of a sample that is a large part of the corpus are measured a second time, for the noise of a pair."""

REPEATED_ABOVE = 0.1
"""The mean inclusion probability of the draws above which the noise of a pair matters."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of one measurement's logarithm, with the degrees of freedom behind it (infinite: given)."""

    sigma: float
    degrees: float


def count_repeats(inclusion: ArrayLike) -> int:
    """How many draws of a sample without replacement need a second pair for the noise: the first ones, which are the largest.

    0 where the sample is a small part of the corpus: there the scatter between draws contains the noise.
    """
    chances = np.asarray(inclusion, dtype=np.float64)
    return min(CENSUS_REPEATS, chances.size) if chances.size and chances.mean() > REPEATED_ABOVE else 0


def estimate_noise(batches: ArrayLike, logarithms: ArrayLike) -> Noise | None:
    """The noise, from the batches that were measured more than once: pooled within them; None if there is none.

    :param batches: the index of the batch of each measurement; :param logarithms: of its ratio or of its seconds.
    Raises ValueError for values that are not finite or not aligned.
    """
    indices, values = _check_batches(batches, logarithms)
    means, counts, inverse = _average(indices, values)
    degrees = values.size - counts.size
    if degrees == 0:
        return None
    deviations = values - means[inverse]
    return Noise(math.sqrt(float(deviations @ deviations) / degrees), float(degrees))


def estimate_pair_noise(batches: ArrayLike, before: ArrayLike, after: ArrayLike) -> PairNoise | None:
    """The noise of a pair's ratio and of a pass's seconds, from repeated batches; None if there is none.

    The seconds are those before. Raises ValueError as ``estimate_noise`` does, and for seconds that are not positive.
    """
    indices, first = _check_batches(batches, before, positive=True)
    _, second = _check_batches(batches, after, positive=True)
    pair, speed = estimate_noise(indices, np.log(second / first)), estimate_noise(indices, np.log(first))
    return None if pair is None or speed is None else PairNoise(pair.sigma, speed.sigma, pair.degrees)


def measure_total(
    batches: ArrayLike, seconds: ArrayLike, noise: Noise | None, confidence: float = 0.95
) -> TotalEstimate:
    """The seconds of one side in a census: the sum over the batches, the mean of each where it was measured more than once.

    The interval is that of the noise alone, exp(log total ± t · sigma · √Σ(gᵢ² / kᵢ)) for a batch with the part gᵢ of the total and
    kᵢ measurements. Without noise there is nothing that bounds it, and it reaches from 0 to infinity. ``scatter`` is sigma.
    """
    indices, values = _check_batches(batches, seconds, positive=True)
    means, counts, _ = _average(indices, values)
    total = float(means.sum())
    sigma = math.nan if noise is None else noise.sigma
    error = math.inf if noise is None else sigma * math.sqrt(float(((means / total) ** 2 / counts).sum()))
    factor = _compute_factor(error, 1.0 if noise is None else noise.degrees, confidence)
    return TotalEstimate(total, total / factor, total * factor, values.size, sigma, confidence, error)


def measure_ratio(
    batches: ArrayLike, before: ArrayLike, after: ArrayLike, noise: Noise | None, confidence: float = 0.95
) -> RatioEstimate:
    """The ratio of the seconds of all batches after / before in a census; its interval is that of the noise alone.

    With the part gᵢ of a batch in the seconds, kᵢ measurements and its contribution eᵢ to the relative error, the squared error is
    Σ (sigma² gᵢ² + speed² eᵢ²) / kᵢ, where speed is the noise of the seconds in repeated batches. Without noise, sigma is the
    scatter of the ratios, an upper bound. ``spread`` is 0, as there is no error of sampling; ``scatter`` is that between batches.
    """
    indices, first = _check_batches(batches, before, positive=True)
    _, second = _check_batches(batches, after, positive=True)
    speed = estimate_noise(indices, np.log(first))
    means_before, counts, _ = _average(indices, first)
    means_after, _, _ = _average(indices, second)
    ratio = float(means_after.sum() / means_before.sum())
    leverages, parts = means_before / means_before.sum(), means_after / means_after.sum()
    scatter = compute_weighted_deviation(np.log(means_after / means_before), leverages)
    limit = noise or Noise(scatter, counts.size - 1)
    drift = 0.0 if speed is None else speed.sigma
    variance = float((((limit.sigma * parts) ** 2 + (drift * (parts - leverages)) ** 2) / counts).sum())
    error = math.sqrt(variance)
    factor = _compute_factor(error, limit.degrees, confidence)
    return RatioEstimate(ratio, ratio / factor, ratio * factor, first.size, scatter, 0.0, confidence, error)


def _check_batches(batches: ArrayLike, measurements: ArrayLike, positive: bool = False) -> tuple[Indices, Floats]:
    indices, values = np.asarray(batches, dtype=np.int64), np.asarray(measurements, dtype=np.float64)
    if values.ndim != 1 or not values.size or values.shape != indices.shape:
        raise ValueError(f"each measurement has a batch, not arrays of shape {values.shape} and {indices.shape}")
    if not np.all(np.isfinite(values)) or (positive and values.min() <= 0):
        raise ValueError("measurements are finite" + (" and positive" if positive else ""))
    return indices, values


def _average(indices: Indices, values: Floats) -> tuple[Floats, Floats, Indices]:
    """The mean of each batch, its number of measurements, and which batch each measurement belongs to."""
    _, inverse, counts = np.unique(indices, return_inverse=True, return_counts=True)
    return np.bincount(inverse, weights=values) / counts, counts.astype(np.float64), inverse


def _compute_factor(error: float, degrees: float, confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    if not math.isfinite(error):
        return math.inf
    return math.exp(student_t.compute_quantile((1.0 - confidence) / 2, degrees) * error)
