"""The looks of a gate and their levels, against the table of the method and against simulations with known truth."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from perfbench.stats import sequential, signed_rank
from perfbench.stats.sequential import GATE_LOOKS, ONE_SIDED_ERROR, compute_detectable, compute_level, select_looks

METHOD = {1: 0.0050, 2: 0.0034, 3: 0.0023, 4: 0.0017, 5: 0.0014, 6: 0.0012, 7: 0.0010, 8: 0.0009}
"""The levels that were simulated for LOOKS[:k]."""


@pytest.mark.parametrize("count", METHOD)
def test_the_levels_are_those_that_were_simulated(count: int) -> None:
    assert compute_level(GATE_LOOKS[:count]) == pytest.approx(METHOD[count], rel=0.1)


@pytest.mark.parametrize(("count", "bound"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_the_bounds_of_equally_spaced_looks_are_those_of_pocock(count: int, bound: float) -> None:
    """Table 1 of his article, for a chance of 5 % on both sides."""
    spaced = tuple(range(1, count + 1))
    assert -NormalDist().inv_cdf(compute_level(spaced, 0.025)) == pytest.approx(bound, abs=0.0006)


def test_single_look_spends_the_whole_alpha() -> None:
    assert compute_level((12,)) == pytest.approx(ONE_SIDED_ERROR)


def test_more_cases_leave_each_less_than_its_share_of_the_level() -> None:
    assert compute_level(GATE_LOOKS, ONE_SIDED_ERROR / 3) < compute_level(GATE_LOOKS) / 2
    assert compute_level(GATE_LOOKS, ONE_SIDED_ERROR / 3) > compute_level(GATE_LOOKS) / 3 / 1.5


def crossings(differences: NDArray[np.float64], looks: tuple[int, ...], one_look: float) -> NDArray[np.bool_]:
    """Which rows of differences are above zero at one of the looks, by the exact distribution of the signed ranks."""
    crossed = np.zeros(len(differences), dtype=bool)
    for look in looks:
        part = differences[:, :look]
        ranks = np.abs(part).argsort(axis=1).argsort(axis=1) + 1
        sums = (ranks * (part < 0)).sum(axis=1)
        crossed |= sums <= signed_rank._find_critical_rank_sum(look, one_look)
    return crossed


@pytest.mark.parametrize("noise", ["normal", "heavy tails"])
def test_false_alarm_rate_on_unchanged_code_stays_within_alpha(noise: str) -> None:
    rng = np.random.default_rng(7)
    size = (20_000, GATE_LOOKS[-1])
    differences = rng.standard_normal(size) if noise == "normal" else rng.standard_t(2, size)
    wrong = crossings(differences, GATE_LOOKS, compute_level(GATE_LOOKS)).mean()
    assert ONE_SIDED_ERROR / 3 < wrong <= ONE_SIDED_ERROR + 3 * math.sqrt(ONE_SIDED_ERROR / size[0])


def test_the_looks_are_those_that_there_is_time_for_and_never_none() -> None:
    assert select_looks(5) == (12,)
    assert select_looks(24) == (12, 17, 24)
    assert select_looks(1000) == GATE_LOOKS


def test_detectable_change_falls_with_the_pairs_and_grows_with_the_noise() -> None:
    seen = [compute_detectable(0.015, pairs, 0.001, 0.0025) for pairs in range(12, 200)]
    assert seen == sorted(seen, reverse=True)
    assert compute_detectable(0.03, 48, 0.001, 0.0) == pytest.approx(2 * compute_detectable(0.015, 48, 0.001, 0.0))


def test_threshold_adds_to_the_detectable_change() -> None:
    assert compute_detectable(0.015, 48, 0.001, 0.0025) == pytest.approx(
        compute_detectable(0.015, 48, 0.001, 0.0) + 0.0025
    )


def test_too_few_pairs_detect_nothing() -> None:
    assert math.isinf(compute_detectable(0.015, 11, 0.005, 0.0025))
    assert math.isinf(compute_detectable(0.015, 12, 2.0**-13, 0.0025))


@pytest.mark.parametrize("allowed", [GATE_LOOKS[:1], GATE_LOOKS[:3], GATE_LOOKS[:5], GATE_LOOKS])
def test_a_change_of_that_size_is_found_nineteen_times_of_twenty(allowed: tuple[int, ...]) -> None:
    noise = np.random.default_rng(3).standard_normal((4000, allowed[-1]))
    one_look = compute_level(allowed)
    for count in range(1, len(allowed) + 1):
        size = compute_detectable(1.0, allowed[count - 1], one_look, 0.0)
        found = crossings(noise + size, allowed[:count], one_look).mean()
        assert 0.92 <= found <= 0.98


@pytest.mark.parametrize("wrong", [(), (12, 12), (17, 12), (0, 12)])
def test_looks_that_are_none_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="growing numbers of pairs"):
        sequential.compute_level(wrong)


@pytest.mark.parametrize("wrong", [0.0, 0.5, -1.0, math.nan])
def test_a_chance_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="chance to be wrong"):
        sequential.compute_level((12,), wrong)
