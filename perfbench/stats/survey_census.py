"""Census of a corpus: every batch measured, so that only the noise of the measurements is left in ratio and totals.

A census has no sampling error. The noise of a pair is known from batches that were measured more than once, or from a calibration;
it is the relative standard deviation *sigma* of one pair's log ratio, or of one pass's log seconds for a total.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from perfbench.stats import student_t
from perfbench.stats.survey import Floats, Indices, RatioEstimate, TotalEstimate


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of one measurement's logarithm, with the degrees of freedom behind it (infinite: it is given)."""

    sigma: float
    degrees: float


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


def measure_total(
    batches: ArrayLike, seconds: ArrayLike, noise: Noise | None, confidence: float = 0.95
) -> TotalEstimate:
    """The seconds of one side in a census: the sum over the batches, the mean of each where it was measured more than once.

    The interval is that of the noise alone, exp(log total ± t · sigma · √Σ(wᵢ² / kᵢ)) for a batch with the part wᵢ of the total
    and kᵢ measurements; without noise it is not known, and reaches from 0 to infinity. ``scatter`` is sigma.
    """
    indices, values = _check_batches(batches, seconds, positive=True)
    means, counts, _ = _average(indices, values)
    total = float(means.sum())
    factor = _compute_factor(means / total, counts, noise, confidence)
    return TotalEstimate(total, total / factor, total * factor, values.size, _sigma_of(noise), confidence)


def measure_ratio(
    batches: ArrayLike, before: ArrayLike, after: ArrayLike, noise: Noise | None, confidence: float = 0.95
) -> RatioEstimate:
    """The ratio of the seconds of all batches after / before in a census; its interval is that of the noise of a pair alone.

    As ``measure_total``. ``spread`` is sigma, ``scatter`` the standard deviation of the log ratio between batches, weighted by their
    seconds before.
    """
    indices, first = _check_batches(batches, before, positive=True)
    _, second = _check_batches(batches, after, positive=True)
    means_before, counts, _ = _average(indices, first)
    means_after, _, _ = _average(indices, second)
    ratio = float(means_after.sum() / means_before.sum())
    factor = _compute_factor(means_after / means_after.sum(), counts, noise, confidence)
    scatter = _compute_weighted_deviation(np.log(means_after / means_before), means_before)
    return RatioEstimate(ratio, ratio / factor, ratio * factor, first.size, scatter, _sigma_of(noise), confidence)


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


def _compute_factor(parts: Floats, counts: Floats, noise: Noise | None, confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    if noise is None:
        return math.inf
    error = noise.sigma * math.sqrt(float((parts**2 / counts).sum()))
    return math.exp(student_t.compute_quantile((1.0 - confidence) / 2, noise.degrees) * error)


def _compute_weighted_deviation(values: Floats, weights: Floats) -> float:
    mean = np.average(values, weights=weights)
    return math.sqrt(float(np.average((values - mean) ** 2, weights=weights)))


def _sigma_of(noise: Noise | None) -> float:
    return math.nan if noise is None else noise.sigma
