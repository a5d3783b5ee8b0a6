"""Group-sequential signed-rank test of a gate: looks, the level of each, the stopping rule, the detectable change.

The level of a look is solved for any number of cases (docs/concepts/gate.md). Each of several cases has its share of the error
probability; a case that has regressed passes its share on to the others (Holm, *A simple sequentially
rejective multiple test procedure*, 1979; for sequential tests Maurer, Bretz, *Multiple testing in group sequential trials using
graphical approaches*, 2013).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from perfbench.model import Case, GatePolicy, Verdict
from perfbench.stats import signed_rank
from perfbench.stats.signed_rank import Floats
from perfbench.stats.verdict_bounds import EQUIVALENCE_MARGIN, MIN_EFFECT, VerdictBounds


def build_bounds(policy: GatePolicy, before: Case, after: Case) -> VerdictBounds:
    """The bounds of a comparison of two environments, or of two modes in one (docs/concepts/estimate.md, "Thresholds").

    A budget for the ratio of modes has no margins.
    """
    limit = policy.limit(after.mode, before.mode) if before.environment == after.environment else None
    if limit is not None:
        return VerdictBounds(worse=math.log(limit), better=-math.inf, floor=-math.inf, ceiling=math.log(limit))
    margin = max(EQUIVALENCE_MARGIN, math.log1p(policy.threshold))
    return VerdictBounds(
        worse=max(MIN_EFFECT, math.log1p(policy.threshold)), better=-MIN_EFFECT, floor=-margin, ceiling=margin
    )


def is_settled(differences: Sequence[float], most: int, cases: int, allowed: VerdictBounds) -> bool:
    """Whether a case needs no more pairs: it has a verdict at one of its looks, or has had all of them.

    :param differences: log ratios of its pairs in order of time; :param most: its maximum of pairs; :param cases: of the gate.
    """
    looks = select_looks(most)
    level = compute_level(looks, ONE_SIDED_ERROR / cases)
    if len(differences) >= looks[-1]:
        return True
    return any(
        decide_verdict(differences[:look], level, allowed) is not Verdict.INCONCLUSIVE
        for look in looks
        if look <= len(differences)
    )


def decide_verdict(differences: Sequence[float] | Floats, level: float, allowed: VerdictBounds) -> Verdict:
    """The verdict on log ratios at this one-sided level."""
    return allowed.classify(*compute_log_interval(differences, level))


def compute_log_interval(differences: Sequence[float] | Floats, level: float) -> tuple[float, float]:
    """The interval of the logarithm at this one-sided level; without ends where the pairs are too few for it."""
    confidence = 1 - 2 * level
    if len(differences) < signed_rank.count_minimum_pairs(confidence):
        return -math.inf, math.inf
    return signed_rank.compute_interval(differences, confidence)


GATE_LOOKS = (12, 17, 24, 34, 48, 68, 96, 136)
"""The numbers of pairs at which a gate may look: each √2 times the one before (docs/concepts/gate.md)."""

ONE_SIDED_ERROR = 0.005
"""The probability that a gate of unchanged code reports a regression, over all looks and cases; the same for improved."""

GRID_POINTS = 201
GRID_LIMIT = 8.0
BISECTION_STEPS = 40

_NORMAL = NormalDist()


def select_looks(pairs: int) -> tuple[int, ...]:
    """The looks that this many pairs allow; at least the first."""
    return tuple(look for look in GATE_LOOKS if look <= pairs) or GATE_LOOKS[:1]


@cache
def compute_level(looks: tuple[int, ...], side: float = ONE_SIDED_ERROR) -> float:
    """The one-sided level of each of these looks, such that one of them is wrong with probability ``side`` at most.

    Raises ValueError without a look, for looks that do not grow, or a side that is no probability below ½.
    """
    if not looks or looks[0] < 1 or any(later <= earlier for earlier, later in itertools.pairwise(looks)):
        raise ValueError(f"looks are growing numbers of pairs, not {looks}")
    if not 0 < side < 0.5:
        raise ValueError(f"the chance to be wrong lies between 0 and ½, not at {side}")
    low, high = _NORMAL.inv_cdf(1 - side), _NORMAL.inv_cdf(1 - side / len(looks))
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _compute_crossing_probability(middle, looks) > side else (low, middle)
    return _NORMAL.cdf(-high)


def _compute_crossing_probability(bound: float, looks: Sequence[int]) -> float:
    """That a sum of independent standard normal steps is, at any look, above ``bound`` of its standard deviations."""
    grid, weights = _build_grid(bound, looks[0])
    density = np.exp(-(grid**2) / 2 / looks[0]) / math.sqrt(2 * math.pi * looks[0])
    chance = _NORMAL.cdf(-bound)
    for before, now in itertools.pairwise(looks):
        steps = now - before
        beyond = [_NORMAL.cdf(-(bound * math.sqrt(now) - start) / math.sqrt(steps)) for start in grid]
        chance += float((weights * density) @ np.array(beyond))
        arrived, arrived_weights = _build_grid(bound, now)
        moved = np.exp(-((arrived[:, None] - grid[None, :]) ** 2) / 2 / steps) / math.sqrt(2 * math.pi * steps)
        density = moved @ (weights * density)
        grid, weights = arrived, arrived_weights
    return chance


def _build_grid(bound: float, look: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums that have not crossed yet, and the weights of the trapezoidal rule."""
    grid = np.linspace(-GRID_LIMIT * math.sqrt(look), bound * math.sqrt(look), GRID_POINTS)
    weights = np.full(GRID_POINTS, grid[1] - grid[0])
    weights[0] = weights[-1] = weights[0] / 2
    return grid, weights


POWER = 0.95
"""The probability with which a gate detects a change that it calls detectable."""


def compute_detectable(sigma: float, pairs: int, level: float, smallest: float) -> float:
    """The change, as a share, that this many pairs detect with a power of 95 % at this level of a look, beyond ``smallest``.

    As the normal distribution has it, with a factor for what ranks lose, most where the pairs hardly suffice for the level at all.
    The factor is fitted to simulations with normal noise and 1, 3, 5 and 8 looks; it is within 6 % of them. Infinite below the
    first look, and where even pairs of one sign would not reach the level.
    """
    fewest = -math.log2(level)
    if pairs < GATE_LOOKS[0] or pairs < fewest:
        return math.inf
    ranks = 1.045 + 0.62 * math.pow(fewest / pairs, 2.5)
    return ranks * (_NORMAL.inv_cdf(1 - level) + _NORMAL.inv_cdf(POWER)) / math.sqrt(pairs) * sigma + smallest
