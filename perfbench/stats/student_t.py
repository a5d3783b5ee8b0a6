"""Student's t distribution: tail probabilities and quantiles for any positive number of degrees of freedom.

The tail is the regularised incomplete beta function I_x(ν/2, 1/2) / 2 at x = ν / (ν + t²) (Abramowitz, Stegun, *Handbook of
Mathematical Functions*, 26.7.1 and 26.5.8), evaluated by its continued fraction.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

FRACTION_STEPS = 400
FRACTION_TOLERANCE = 1e-15
NEWTON_STEPS = 60
NEWTON_TOLERANCE = 1e-12
TINY = 1e-300


def compute_tail(t: float, degrees: float) -> float:
    """P(T > t) for T with this many degrees of freedom. Raises ValueError unless they are positive and ``t`` is a number."""
    if not degrees > 0 or math.isnan(t):
        raise ValueError(f"Student's t needs positive degrees of freedom and a number, not {degrees} and {t}")
    if math.isinf(degrees):
        return math.erfc(t / math.sqrt(2)) / 2
    beyond = _compute_incomplete_beta(degrees / 2, t * t, degrees) / 2
    return beyond if t >= 0 else 1.0 - beyond


@cache
def compute_quantile(tail: float, degrees: float) -> float:
    """The t that is exceeded with probability ``tail``: 2.201 for 0.025 and 11 degrees of freedom.

    Raises ValueError for a tail outside 0 … 1 (both excluded), and unless the degrees of freedom are positive.
    """
    if not 0 < tail < 1:
        raise ValueError(f"the probability of a tail lies between 0 and 1, not at {tail}")
    if tail == 0.5:
        return 0.0
    if tail > 0.5:
        return -compute_quantile(1.0 - tail, degrees)
    place = NormalDist().inv_cdf(1.0 - tail)
    for _ in range(NEWTON_STEPS):
        beyond = compute_tail(place, degrees)
        # On logarithmic scales the tail is concave: the first step may go too far, and all others approach from there.
        step = math.log(beyond / tail) * beyond / (place * _compute_density(place, degrees))
        place *= math.exp(step)
        if abs(step) < NEWTON_TOLERANCE:
            break
    return place


def _compute_density(t: float, degrees: float) -> float:
    if math.isinf(degrees):
        return math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - math.log(math.pi * degrees) / 2
    return math.exp(log_scale - (degrees + 1) / 2 * math.log1p(t * t / degrees))


def _compute_incomplete_beta(half: float, square: float, degrees: float) -> float:
    """I_x(half, 1/2) at x = degrees / (degrees + square): by symmetry, the fraction that converges is evaluated."""
    inside, outside = degrees / (degrees + square), square / (degrees + square)
    if outside == 0:
        return 1.0
    if inside == 0:
        return 0.0
    log_front = math.lgamma(half + 0.5) - math.lgamma(half) - math.lgamma(0.5)
    front = math.exp(log_front + half * math.log(inside) + 0.5 * math.log(outside))
    if inside < (half + 1) / (half + 2.5):
        return front * _evaluate_fraction(half, 0.5, inside) / half
    return 1.0 - front * _evaluate_fraction(0.5, half, outside) / 0.5


def _evaluate_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction 26.5.8 of the incomplete beta function, by the method of Lentz and Thompson."""
    numerator, denominator = 1.0, 1.0 / _keep_from_zero(1.0 - (a + b) * x / (a + 1))
    value = denominator
    for step in range(1, FRACTION_STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            denominator = 1.0 / _keep_from_zero(1.0 + term * denominator)
            numerator = _keep_from_zero(1.0 + term / numerator)
            change = denominator * numerator
            value *= change
        if abs(change - 1.0) < FRACTION_TOLERANCE:
            break
    return value


def _keep_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
