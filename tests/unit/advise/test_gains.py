"""The scatter of pairs that screening goes by: pooled over candidates, whatever a single one does."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from perfbench.advise.gains import PRIOR_SIGMA, estimate_gain, pool_sigma


def noise(seed: int, pairs: int, sigma: float, gain: float = 0.0) -> tuple[float, ...]:
    numbers = random.Random(seed)
    return tuple(gain + numbers.gauss(0.0, sigma) for _ in range(pairs))


def test_scatter_is_what_is_expected_before_any_pair_shows_it() -> None:
    assert pool_sigma([]) == PRIOR_SIGMA
    assert pool_sigma([(), (0.1,)]) == PRIOR_SIGMA


@pytest.mark.parametrize("pairs", [3, 6, 12])
@pytest.mark.parametrize("sigma", [0.02, 0.03])
def test_scatter_of_many_alike_candidates_is_theirs_on_average(pairs: int, sigma: float) -> None:
    pooled = [pool_sigma([noise(100 * run + n, pairs, sigma) for n in range(15)]) for run in range(60)]
    assert math.sqrt(fmean(value**2 for value in pooled)) == pytest.approx(sigma, rel=0.1)


def test_single_candidate_decides_alone() -> None:
    assert pool_sigma([noise(1, 12, 0.1)]) == pytest.approx(0.1, rel=0.5)


def test_candidate_whose_gain_differs_from_market_to_market_does_not_hide_what_another_gains() -> None:
    """As measured on a corpus: garbage collected whenever a market closes costs little in large markets, and much in small ones."""
    wild = [(-1.231, -1.554, -0.026), (-0.598, -0.339, -0.009)]
    calm = [noise(n, 12, 0.03, gain) for n, gain in enumerate((0.06, 0.05, 0.0, -0.05))]
    assert pool_sigma([*wild, *calm]) < 0.05
    assert estimate_gain(calm[0], pool_sigma([*wild, *calm])).is_clear
    assert estimate_gain(calm[2], pool_sigma([*wild, *calm])).is_clear is False


def test_two_candidates_that_disagree_share_the_scatter() -> None:
    calm, wild = (0.0, 0.01, -0.01), (0.0, 1.0, -1.0)
    assert pool_sigma([calm]) < pool_sigma([calm, wild]) < pool_sigma([wild])
