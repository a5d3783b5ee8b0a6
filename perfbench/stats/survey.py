"""Survey of a corpus: the ratio and the totals of all its batches, estimated from those that were drawn in proportion to size.

A *batch* is what both sides of a pair replay; its *share* is its part of the bytes of the corpus. A draw counts with the weight
1 / π, where π is the probability of its batch to be in the sample (``survey_draws``): then Σ seconds / π estimates the seconds of
the whole corpus without bias (Horvitz, Thompson, JASA 47, 1952; Hansen, Hurwitz, Annals of Mathematical Statistics 14, 1943, for
draws with replacement). The ratio is that of two such sums; totals are calibrated to the bytes of the corpus, which are known
(Särndal, Swensson, Wretman, *Model Assisted Survey Sampling*, sections 5.6 and 7.3). The error is that of ``survey_error``, and the
interval estimate · exp(± t · error). Simulated coverage: docs/concepts/survey.md. Ratios are after / before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfbench.stats import survey_draws
from perfbench.stats.survey_error import MIN_DRAWS, PairNoise, RelativeError, compute_relative_error

Floats = NDArray[np.float64]

LOOKS = (12, 24, 48, 96, 200, 400)
"""The numbers of draws after which a survey may look at its interval."""

LOOK_CORRECTION = 0.7
"""The factor on 1 − confidence that pays for stopping at the first narrow interval: see ``choose_survey_confidence``."""


@dataclass(frozen=True, slots=True)
class TotalEstimate:
    """The seconds of one side for the whole corpus, with the ends of the interval.

    ``scatter`` is the standard deviation of the logarithm of the seconds a byte between draws, each with the weight of the bytes
    that it stands for. ``noise_error`` is that part of the relative standard error which is not of sampling.
    """

    total: float
    low: float
    high: float
    draws: int
    scatter: float
    confidence: float
    noise_error: float = 0.0


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """The seconds of the whole corpus after / before, with the ends of the interval.

    ``scatter`` is the standard deviation of the log ratio between draws, where each second of the corpus has the same weight
    (0.18: about 18 %); it contains the noise of a pair. ``spread`` / √draws is the relative standard error of sampling, and
    ``noise_error`` that of the measurements.
    """

    ratio: float
    low: float
    high: float
    draws: int
    scatter: float
    spread: float
    confidence: float
    noise_error: float = 0.0


def estimate_total(
    seconds: ArrayLike,
    shares: ArrayLike,
    confidence: float = 0.95,
    *,
    inclusion: ArrayLike | None = None,
    noise: PairNoise | None = None,
) -> TotalEstimate:
    """The seconds of the whole corpus, from those of the drawn batches and their shares of its bytes, aligned by draw.

    :param inclusion: π of each draw (``survey_draws.compute_inclusion``); None for draws with replacement. :param noise: of the
        measurements; unless given, all scatter of the seconds a byte counts as noise, which makes the interval of a large part of a
        corpus too wide.

    From 0 to infinity for fewer than ``MIN_DRAWS`` draws. Raises ValueError without a draw, for seconds that are not positive and
    for shares or probabilities outside 0 … 1.
    """
    values, parts, chances = _check_draws(seconds, shares, inclusion)
    weights = 1.0 / (parts if chances is None else chances)
    expanded, bytes_drawn = values * weights, parts * weights
    leverages = bytes_drawn / bytes_drawn.sum()
    scatter = compute_weighted_deviation(np.log(values / parts), leverages)
    total = float(expanded.sum() / bytes_drawn.sum())
    pull = expanded / expanded.sum()
    bound = PairNoise(scatter, 0.0, values.size - 1)
    limit = bound if noise is None else PairNoise(noise.speed, 0.0, noise.degrees)
    error = compute_relative_error(pull - leverages, leverages, chances, pull, limit)
    factor = error.compute_factor(confidence)
    return TotalEstimate(total, total / factor, total * factor, values.size, scatter, confidence, error.noise)


def estimate_ratio(
    before: ArrayLike,
    after: ArrayLike,
    shares: ArrayLike,
    confidence: float = 0.95,
    *,
    inclusion: ArrayLike | None = None,
    noise: PairNoise | None = None,
) -> RatioEstimate:
    """The ratio of the seconds of the whole corpus after / before, from the pairs of the drawn batches, aligned by draw.

    R = Σ(after / π) / Σ(before / π). Parameters, narrowness and ValueError as those of ``estimate_total``; unless the noise is
    given, all scatter of the ratios counts as noise. In a census π is 1 for every batch, and the interval is that of the noise.
    """
    first, parts, chances = _check_draws(before, shares, inclusion)
    second, _, _ = _check_draws(after, shares, inclusion)
    weights = 1.0 / (parts if chances is None else chances)
    ratio = float((second * weights).sum() / (first * weights).sum())
    leverages = first * weights / (first * weights).sum()
    scatter = compute_weighted_deviation(np.log(second / first), leverages)
    error = _compute_ratio_error(
        first * weights, second * weights, chances, noise or PairNoise(scatter, 0.0, first.size - 1)
    )
    factor = error.compute_factor(confidence)
    spread = error.sampling * math.sqrt(first.size)
    return RatioEstimate(ratio, ratio / factor, ratio * factor, first.size, scatter, spread, confidence, error.noise)


def _compute_ratio_error(first: Floats, second: Floats, inclusion: Floats | None, noise: PairNoise) -> RelativeError:
    parts, leverages = second / second.sum(), first / first.sum()
    return compute_relative_error(parts - leverages, leverages, inclusion, parts, noise)


def count_draws_needed(estimate: RatioEstimate, half_width: float = 0.03, shares: ArrayLike | None = None) -> int:
    """How many draws bring both ends of the interval within ``half_width`` of the ratio (0.03: ± 3 %), if the scatter stays.

    :param shares: of all batches of the corpus, from which the draws are without replacement; the answer is then at most the
        number of batches, also where the noise of a census is wider. None: the corpus is far larger than the sample.

    Raises ValueError for a half width that is not positive and for an estimate without an interval.
    """
    _check_precision(half_width)
    if not math.isfinite(estimate.high):
        raise ValueError(f"{estimate.draws} draws are too few to know their scatter")
    parts = None if shares is None else survey_draws.compute_shares(shares)
    fewest, most = MIN_DRAWS, estimate.draws
    while not _is_narrow(estimate, most, half_width, parts):
        fewest, most = most, 2 * most
        if parts is not None and most >= parts.size:
            most = parts.size
            break
    while fewest < most:
        middle = (fewest + most) // 2
        narrow = _is_narrow(estimate, middle, half_width, parts)
        fewest, most = (fewest, middle) if narrow else (middle + 1, most)
    return most


def is_precise_enough(estimate: RatioEstimate | TotalEstimate, precision: float) -> bool:
    """Whether both ends of the interval are within ``precision`` of the estimate, relative to it (0.03: ± 3 %).

    On the scale of logarithms the high end is always the farther one. Raises ValueError for a precision that is not positive.
    """
    _check_precision(precision)
    middle = estimate.ratio if isinstance(estimate, RatioEstimate) else estimate.total
    return estimate.high / middle - 1.0 <= precision


def choose_survey_confidence(confidence: float = 0.95) -> float:
    """The confidence to ask of ``estimate_ratio`` in a survey that stops at the first look with a narrow interval."""
    return 1.0 - LOOK_CORRECTION * (1.0 - confidence)


def _is_narrow(estimate: RatioEstimate, draws: int, half_width: float, parts: Floats | None) -> bool:
    """Whether this many draws would give an interval within ``half_width``, by the sampling error that the estimate has."""
    sampling, noise = estimate.spread / math.sqrt(estimate.draws), estimate.noise_error
    if parts is None:
        # Each draw of a large corpus brings its own noise, which then falls as the error of sampling does.
        scale = math.sqrt(estimate.draws / draws)
        sampling, noise = sampling * scale, noise * scale
    else:
        now = _compute_chance(parts, min(estimate.draws, parts.size - 1))
        sampling *= math.sqrt(_compute_chance(parts, draws) / now)
    error = RelativeError(sampling, noise, max(1, draws - 1), draws)
    return error.compute_factor(estimate.confidence) - 1.0 <= half_width


def _compute_chance(parts: Floats, draws: int) -> float:
    """Σ p² (1 − π) / π over the corpus: what the squared sampling error of this many draws is in proportion to."""
    if draws >= parts.size:
        return 0.0
    inclusion = survey_draws.compute_target_inclusion(parts, draws)
    return float((parts**2 * (1.0 - inclusion) / inclusion).sum())


def _check_draws(
    seconds: ArrayLike, shares: ArrayLike, inclusion: ArrayLike | None
) -> tuple[Floats, Floats, Floats | None]:
    values, parts = np.asarray(seconds, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    chances = None if inclusion is None else np.asarray(inclusion, dtype=np.float64)
    if (
        values.ndim != 1
        or not values.size
        or values.shape != parts.shape
        or parts.shape != np.shape(shares if chances is None else chances)
    ):
        raise ValueError("each draw has seconds, a share and a probability, and there is at least one of them")
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError("the seconds of a draw are positive and finite")
    if not all(np.all((numbers > 0) & (numbers <= 1)) for numbers in (parts, chances) if numbers is not None):
        raise ValueError("shares and probabilities lie between 0 and 1")
    return values, parts, chances


def _check_precision(precision: float) -> None:
    if not (math.isfinite(precision) and precision > 0):
        raise ValueError(f"a precision is a positive share of the estimate, not {precision}")


def compute_weighted_deviation(values: Floats, weights: Floats) -> float:
    """The standard deviation of values with weights that sum to 1; not a number for a single value."""
    if values.size < 2:
        return math.nan
    deviations = values - weights @ values
    return math.sqrt(float(weights @ deviations**2) / (1.0 - float(weights @ weights)))
