"""Error of a survey's estimate: that of sampling, by the linearised contributions of the draws, and that of the measurements.

A draw contributes eᵢ to the relative error of an estimate and has the part hᵢ of it (its leverage; Σh = 1). With the probability πᵢ
of its batch to be in the sample,

    sampling error² = Σ (1 − πᵢ) eᵢ² / (1 − hᵢ)²,    noise² = Σ πᵢ (pair² gᵢ² + speed² eᵢ²).

1 − π is that part of a draw which is chance: a batch that is always in the sample contributes none. What is left of it is the noise
of its measurement. Division by 1 − h makes up for a draw pulling the estimate towards itself (the jackknife's residual: MacKinnon,
White, Journal of Econometrics 29, 1985). The degrees of freedom are those of unequal parts, (Σ(1 − π)h²)² / Σ((1 − π)h²)² − 1
(Satterthwaite, Biometrics Bulletin 2, 1946). Without both, few draws cover too little (docs/concepts/survey.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfbench.stats import student_t

Floats = NDArray[np.float64]

MIN_DRAWS = 6
"""The fewest draws with an interval; with fewer it reaches from 0 to infinity."""


@dataclass(frozen=True, slots=True)
class PairNoise:
    """The noise of measurements: relative standard deviations, with the degrees of freedom behind them (infinite: given).

    ``pair`` is that of a pair's ratio, ``speed`` that of the seconds of one pass, mostly the machine's speed.
    """

    pair: float
    speed: float
    degrees: float = math.inf


@dataclass(frozen=True, slots=True)
class RelativeError:
    """The relative standard error of an estimate: of ``sampling`` and of ``noise``, with the degrees of freedom of their sum."""

    sampling: float
    noise: float
    degrees: float
    draws: int

    def compute_factor(self, confidence: float) -> float:
        """The high end of the interval over the estimate, and the estimate over its low end. Raises ValueError outside 0 … 1."""
        if not 0 < confidence < 1:
            raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
        error = math.hypot(self.sampling, self.noise)
        if not math.isfinite(error):
            return math.inf
        exponent = student_t.compute_quantile((1.0 - confidence) / 2, self.degrees) * error
        return math.exp(exponent) if exponent < 700 else math.inf


def compute_relative_error(
    contributions: Floats, leverages: Floats, inclusion: Floats | None, parts: Floats, noise: PairNoise
) -> RelativeError:
    """The error of an estimate from its draws; infinite for fewer than ``MIN_DRAWS`` draws, unless they are a census.

    :param inclusion: π of each draw; None for draws with replacement, which are all chance.
    :param parts: gᵢ, the part of each draw in the estimated sum; :param noise: of the measurements.
    """
    draws = contributions.size
    included = np.zeros(draws) if inclusion is None else inclusion
    chance = 1.0 - included
    variance = float((included * ((noise.pair * parts) ** 2 + (noise.speed * contributions) ** 2)).sum())
    if not chance.any() and not math.isinf(variance):
        return RelativeError(0.0, math.sqrt(variance), noise.degrees, draws)
    if draws < MIN_DRAWS:
        return RelativeError(math.inf, math.inf, 1.0, draws)
    sampling = float((chance * (contributions / (1.0 - leverages)) ** 2).sum())
    weights = chance * leverages**2
    degrees = max(1.0, float(weights.sum() ** 2 / (weights @ weights)) - 1.0)
    return RelativeError(
        math.sqrt(sampling), math.sqrt(variance), _join_degrees(sampling, degrees, variance, noise.degrees), draws
    )


def _join_degrees(first: float, first_degrees: float, second: float, second_degrees: float) -> float:
    """The degrees of freedom of a sum of two variances (Satterthwaite)."""
    spread = first**2 / first_degrees + second**2 / second_degrees
    return (first + second) ** 2 / spread if spread > 0 else first_degrees
