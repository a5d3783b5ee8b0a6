"""Two rows of measurements that were not taken in pairs: how far apart are they? Exact, NumPy only.

The Wilcoxon rank-sum test and what follows from it (Hollander, Wolfe, Chicken, *Nonparametric Statistical Methods*, 3rd ed.,
sections 4.1 to 4.3). It assumes that both rows scatter alike and differ by a shift; what disturbs one row and not the other goes
into the result, which is why pairs are better wherever there are some.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST_EXACT = 10_000
"""Up to this product of both sizes the null distribution is exact; beyond, a normal approximation that errs towards width."""


def shift(before: Sequence[float], after: Sequence[float]) -> float:
    """The median of all differences after − before (Hodges–Lehmann). Raises ValueError if a row is empty."""
    return float(np.median(_differences(before, after)))


def shift_interval(before: Sequence[float], after: Sequence[float], confidence: float) -> tuple[float, float]:
    """Those shifts that a two-sided rank-sum test at level 1 − confidence does not reject.

    Where the rows are too short to reject anything it is minus to plus infinity. Raises ValueError if a row is empty.
    """
    differences = np.sort(_differences(before, after))
    rank = _critical_rank_sum(len(before), len(after), (1.0 - confidence) / 2)
    if rank < 0:
        return -math.inf, math.inf
    return float(differences[rank]), float(differences[-1 - rank])


def shift_p_value(before: Sequence[float], after: Sequence[float], smallest: float = 0.0) -> float:
    """The two-sided p-value of the rank-sum test that the shift lies within ± ``smallest``.

    As in ``statistics.signed_rank_p_value``: one-sided after a shift by ``smallest`` towards zero, doubled; ties and zeros only
    make it larger. Raises ValueError if a row is empty.
    """
    differences = _differences(before, after)
    beyond = max(int((differences > smallest).sum()), int((differences < -smallest).sum()))
    return min(1.0, 2.0 * _lower_tail(len(before), len(after), differences.size - beyond))


def _differences(before: Sequence[float], after: Sequence[float]) -> Floats:
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not (first.size and second.size and np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("both rows must hold numbers, and finite ones only")
    return np.asarray(np.subtract.outer(second, first)).ravel()


def _lower_tail(first: int, second: int, excess: int) -> float:
    """P(U ≤ excess) of the Mann–Whitney U."""
    if first * second <= LARGEST_EXACT:
        return min(1.0, float(_cumulative(first, second)[excess]))
    mean, deviation = _moments(first, second)
    return math.erfc((mean - excess - 0.5) / (math.sqrt(2) * deviation)) / 2


def _critical_rank_sum(first: int, second: int, tail: float) -> int:
    """The largest U with P(U ≤ it) ≤ tail, −1 if there is none."""
    if first * second <= LARGEST_EXACT:
        return int(np.searchsorted(_cumulative(first, second), tail, side="right")) - 1
    mean, deviation = _moments(first, second)
    return math.floor(NormalDist(mean, deviation).inv_cdf(tail) - 0.5)


def _moments(first: int, second: int) -> tuple[float, float]:
    """Mean and standard deviation of the Mann–Whitney U."""
    return first * second / 2, math.sqrt(first * second * (first + second + 1) / 12)


@cache
def _cumulative(first: int, second: int) -> Floats:
    """P(U ≤ 0), P(U ≤ 1), … if every order of the two rows is equally likely.

    The largest value belongs to the first row with probability first / (first + second); it then exceeds all of the second.
    """
    shorter = [np.ones(1)] * (second + 1)
    for i in range(1, first + 1):
        longer = [np.ones(1)]
        for j in range(1, second + 1):
            probabilities = np.zeros(i * j + 1)
            probabilities[j:] += i / (i + j) * shorter[j]
            probabilities[: i * (j - 1) + 1] += j / (i + j) * longer[j - 1]
            longer.append(probabilities)
        shorter = longer
    return np.cumsum(shorter[second])
