"""Survey of a corpus: batches drawn in proportion to their size, and the ratio and totals that they estimate for all of it.

A *batch* is what both sides of a pair replay; its *share* is its part of the bytes of the corpus. Batches are drawn with
replacement, with their shares as probabilities, so that each draw's seconds / share is an unbiased estimate of the seconds of the
whole corpus, and the mean of the draws is a better one (Hansen, Hurwitz, *On the theory of sampling from finite populations*,
Annals of Mathematical Statistics 14, 1943). A batch that is drawn again gets another pair and counts as another draw.

The ratio of the totals is linearised as usual (Särndal, Swensson, Wretman, *Model Assisted Survey Sampling*, section 5.6). All
intervals are symmetric on the scale of logarithms and use Student's t with n − 1 degrees of freedom. Their simulated coverage
stands in docs/method.md, "A survey of a corpus". Ratios are after / before.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfbench.stats import student_t

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

MIN_DRAWS = 6
"""The fewest draws with an interval; with fewer it reaches from 0 to infinity."""

LOOKS = (12, 24, 48, 96, 200, 400)
"""The numbers of draws after which a survey may look at its interval."""

LOOK_CORRECTION = 0.7
"""The factor on 1 − confidence that pays for stopping at the first narrow interval: see ``choose_survey_confidence``."""

CENSUS_SHARE = 1 / 3
"""A sample larger than this share of the batches is replaced by a census."""


@dataclass(frozen=True, slots=True)
class TotalEstimate:
    """The seconds of one side for the whole corpus, with the ends of the interval.

    ``scatter`` is the relative standard deviation of a draw's estimate: of the seconds a byte, and of the machine's speed.
    """

    total: float
    low: float
    high: float
    draws: int
    scatter: float
    confidence: float


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """The seconds of the whole corpus after / before, with the ends of the interval.

    ``scatter`` is the standard deviation of the log ratio between draws, where each byte of the corpus has the same weight
    (0.18: about 18 %); it contains the noise of a pair. ``spread`` is the relative standard deviation of what a draw contributes to
    the ratio: the interval is as wide as spread · t / √draws. Both are not numbers for a single draw.
    """

    ratio: float
    low: float
    high: float
    draws: int
    scatter: float
    spread: float
    confidence: float


def compute_shares(sizes: ArrayLike) -> Floats:
    """The share of each batch in the bytes of the corpus: its probability in each draw.

    Raises ValueError for sizes that are negative or not finite, and if none is above zero.
    """
    values = np.asarray(sizes, dtype=np.float64)
    if (
        values.ndim != 1
        or not values.size
        or not np.all(np.isfinite(values))
        or values.min() < 0
        or not values.max() > 0
    ):
        raise ValueError("a corpus has batches with sizes, none of them negative and at least one above zero")
    return np.asarray(values / values.sum())


def draw_batches(sizes: ArrayLike, count: int, seed: int) -> Indices:
    """The indices of ``count`` batches, drawn with replacement with probabilities in proportion to ``sizes`` (bytes).

    The first k draws of any count are the same, so that a survey can be extended and its draws divided among machines. The same
    seed gives the same draws with every release of Python and NumPy. A batch of size 0 is never drawn. Raises ValueError as
    ``compute_shares`` does, and for a negative count.
    """
    shares = compute_shares(sizes)
    if count < 0:
        raise ValueError(f"the number of draws is not negative: {count}")
    generator = random.Random(f"batches of a corpus, seed {seed}")
    places = np.array([generator.random() for _ in range(count)])
    ends = np.cumsum(np.asarray(sizes, dtype=np.float64))
    drawn = np.searchsorted(ends, places * ends[-1], side="right")
    return np.minimum(drawn, np.flatnonzero(shares)[-1]).astype(np.int64)


def estimate_total(seconds: ArrayLike, shares: ArrayLike, confidence: float = 0.95) -> TotalEstimate:
    """The seconds of the whole corpus, from those of the drawn batches and their shares, aligned by draw.

    The mean of seconds / share; the interval is exp(log mean ± t · s / (mean · √n)), from 0 to infinity for fewer than
    ``MIN_DRAWS`` draws. Raises ValueError without a draw, for seconds that are not positive and for shares outside 0 … 1.
    """
    values, weights = _check_draws(seconds, shares)
    expanded = values / weights
    total = float(expanded.mean())
    scatter = _compute_deviation(expanded) / total
    factor = _compute_factor(scatter, values.size, confidence)
    return TotalEstimate(total, total / factor, total * factor, values.size, scatter, confidence)


def estimate_ratio(before: ArrayLike, after: ArrayLike, shares: ArrayLike, confidence: float = 0.95) -> RatioEstimate:
    """The ratio of the seconds of the whole corpus after / before, from the pairs of the drawn batches, aligned by draw.

    With u = before / share and v = after / share the ratio is R = Σv / Σu, and its interval R · exp(± t · s(e) / (R √n)) with
    e = (v − R u) / mean(u); from 0 to infinity for fewer than ``MIN_DRAWS`` draws. Raises ValueError as ``estimate_total`` does.
    """
    first, weights = _check_draws(before, shares)
    second, _ = _check_draws(after, shares)
    contributions = linearise_ratio(first, second, weights)
    ratio = float((second / weights).sum() / (first / weights).sum())
    spread = _compute_deviation(contributions)
    factor = _compute_factor(spread, first.size, confidence)
    scatter = _compute_deviation(np.log(second / first))
    return RatioEstimate(ratio, ratio / factor, ratio * factor, first.size, scatter, spread, confidence)


def linearise_ratio(before: Floats, after: Floats, shares: Floats) -> Floats:
    """What each draw contributes to the relative error of the ratio: (v − R u) / (R · mean(u)); the sum is zero."""
    first, second = before / shares, after / shares
    ratio = second.sum() / first.sum()
    return np.asarray((second / ratio - first) / first.mean())


def count_draws_needed(estimate: RatioEstimate, half_width: float = 0.03) -> int:
    """How many draws bring both ends of the interval within ``half_width`` of the ratio (0.03: ± 3 %), if the spread stays.

    At least ``MIN_DRAWS``. Raises ValueError for a half width that is not positive and for fewer than two draws.
    """
    _check_precision(half_width)
    if math.isnan(estimate.spread):
        raise ValueError("the spread between draws is not known from a single draw")
    fewest, most = MIN_DRAWS, MIN_DRAWS
    while _compute_factor(estimate.spread, most, estimate.confidence) - 1.0 > half_width:
        fewest, most = most, 2 * most
    while fewest < most:
        middle = (fewest + most) // 2
        narrow = _compute_factor(estimate.spread, middle, estimate.confidence) - 1.0 <= half_width
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


def needs_census(draws: int, batches: int) -> bool:
    """Whether this many draws are so large a part of the batches that a census, each of them once, is the better choice."""
    return draws > CENSUS_SHARE * batches


def _check_draws(seconds: ArrayLike, shares: ArrayLike) -> tuple[Floats, Floats]:
    values, weights = np.asarray(seconds, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if values.ndim != 1 or not values.size or values.shape != weights.shape:
        raise ValueError(f"each draw has seconds and a share, not arrays of shape {values.shape} and {weights.shape}")
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError("the seconds of a draw are positive and finite")
    if not np.all((weights > 0) & (weights <= 1)):
        raise ValueError("the share of a batch lies between 0 and 1")
    return values, weights


def _check_precision(precision: float) -> None:
    if not (math.isfinite(precision) and precision > 0):
        raise ValueError(f"a precision is a positive share of the estimate, not {precision}")


def _compute_deviation(values: Floats) -> float:
    return float(np.std(values, ddof=1)) if values.size > 1 else math.nan


def _compute_factor(relative: float, draws: int, confidence: float) -> float:
    """The high end of the interval over the estimate; infinite where the draws are too few."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    if draws < MIN_DRAWS:
        return math.inf
    exponent = student_t.compute_quantile((1.0 - confidence) / 2, draws - 1) * relative / math.sqrt(draws)
    return math.exp(exponent) if exponent < 700 else math.inf
