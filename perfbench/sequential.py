"""When to stop measuring pairs, and what may be said then: the looks of a gate and the level of each. Pure, NumPy only.

A gate looks at its pairs several times and stops when the case is clear. Each look is another chance to be wrong, so each has a
smaller level: the same for all looks, such that the chance of any of them to be wrong is what was promised (Pocock, *Group
sequential methods in the design and analysis of clinical trials*, Biometrika 64, 1977; the chance by recursive integration after
Armitage, McPherson, Rowe, *Repeated significance tests on accumulating data*, JRSS A 132, 1969). The sum of signed ranks grows
nearly like a sum of independent normal steps, which is what the integration takes for granted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LOOKS = (12, 17, 24, 34, 48, 68, 96, 136)
"""The numbers of pairs after which a gate may look: each √2 times the one before (method.md)."""

SIDE = 0.005
"""The chance that a gate of unchanged code says regressed, over all its looks and cases; the same for improved."""

POINTS = 201
FARTHEST = 8.0
BISECTIONS = 40

_NORMAL = NormalDist()


def looks(pairs: int) -> tuple[int, ...]:
    """Those looks that so many pairs allow; at least the first."""
    return tuple(look for look in LOOKS if look <= pairs) or LOOKS[:1]


@cache
def level(looks: tuple[int, ...], side: float = SIDE) -> float:
    """The one-sided level of each of these looks, such that one of them is wrong with probability ``side`` at most.

    Raises ValueError without a look, for looks that do not grow, or a side that is no probability below ½.
    """
    if not looks or looks[0] < 1 or any(later <= earlier for earlier, later in itertools.pairwise(looks)):
        raise ValueError(f"looks are growing numbers of pairs, not {looks}")
    if not 0 < side < 0.5:
        raise ValueError(f"the chance to be wrong lies between 0 and ½, not at {side}")
    low, high = _NORMAL.inv_cdf(1 - side), _NORMAL.inv_cdf(1 - side / len(looks))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance_of_crossing(middle, looks) > side else (low, middle)
    return _NORMAL.cdf(-high)


def _chance_of_crossing(bound: float, looks: Sequence[int]) -> float:
    """That a sum of independent standard normal steps is, at any look, above ``bound`` of its standard deviations."""
    grid, weights = _grid(bound, looks[0])
    density = np.exp(-(grid**2) / 2 / looks[0]) / math.sqrt(2 * math.pi * looks[0])
    chance = _NORMAL.cdf(-bound)
    for before, now in itertools.pairwise(looks):
        steps = now - before
        beyond = [_NORMAL.cdf(-(bound * math.sqrt(now) - start) / math.sqrt(steps)) for start in grid]
        chance += float((weights * density) @ np.array(beyond))
        arrived, arrived_weights = _grid(bound, now)
        moved = np.exp(-((arrived[:, None] - grid[None, :]) ** 2) / 2 / steps) / math.sqrt(2 * math.pi * steps)
        density = moved @ (weights * density)
        grid, weights = arrived, arrived_weights
    return chance


def _grid(bound: float, look: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums that have not crossed yet, and the weights of the trapezoidal rule."""
    grid = np.linspace(-FARTHEST * math.sqrt(look), bound * math.sqrt(look), POINTS)
    weights = np.full(POINTS, grid[1] - grid[0])
    weights[0] = weights[-1] = weights[0] / 2
    return grid, weights


POWER = 0.95
"""How often a gate finds what it calls detectable."""


def detectable(sigma: float, pairs: int, level: float, smallest: float) -> float:
    """The change, as a share, that so many pairs find 95 times of 100 at this level of a look, beyond ``smallest``.

    As the normal distribution has it, with a factor for what ranks lose, most where the pairs hardly suffice for the level at all.
    The factor is fitted to simulations with normal noise and 1, 3, 5 and 8 looks; it is within 6 % of them. Infinite below the
    first look, and where even pairs of one sign would not reach the level.
    """
    fewest = -math.log2(level)
    if pairs < LOOKS[0] or pairs < fewest:
        return math.inf
    ranks = 1.045 + 0.62 * math.pow(fewest / pairs, 2.5)
    return ranks * (_NORMAL.inv_cdf(1 - level) + _NORMAL.inv_cdf(POWER)) / math.sqrt(pairs) * sigma + smallest
