"""Two runs without pairs, against scipy's exact rank-sum test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.stats.rank_sum import (
    compute_difference_interval,
    compute_rank_sum_p_above,
    compute_shift_interval,
    compute_shift_p_value,
)

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 20)


def rows(seed: int, first: int, second: int, effect: float = 0.0) -> tuple[list[float], list[float]]:
    """Logarithms of the samples of two runs."""
    random = np.random.default_rng(seed)
    return random.standard_t(3, first).tolist(), (effect + random.standard_t(3, second)).tolist()


def samples(logs: list[float]) -> list[float]:
    return [math.exp(log) for log in logs]


def p_value(before: list[float], after: list[float], smallest: float = 0.0) -> float:
    return compute_shift_p_value(samples(before), samples(after), smallest)


def exact_p(before: list[float], after: list[float], **options: str) -> float:
    return float(stats.mannwhitneyu(after, before, method="exact", **options).pvalue)


@REPEATABLE
@given(seeds, sizes, sizes, st.sampled_from([0.0, 0.7, -2.0]))
def test_the_p_value_is_that_of_scipys_exact_test(seed: int, first: int, second: int, effect: float) -> None:
    before, after = rows(seed, first, second, effect)
    assert p_value(before, after) == pytest.approx(exact_p(before, after), rel=1e-9)


@REPEATABLE
@given(seeds, sizes, sizes, st.sampled_from([0.25, 1.0]))
def test_a_smallest_shift_is_subtracted_before_the_one_sided_test(
    seed: int, first: int, second: int, smallest: float
) -> None:
    before, after = rows(seed, first, second, 1.0)
    greater = exact_p(before, [value - smallest for value in after], alternative="greater")
    less = exact_p(before, [value + smallest for value in after], alternative="less")
    assert p_value(before, after, smallest) == pytest.approx(min(1.0, 2 * min(greater, less)), rel=1e-9)


@REPEATABLE
@given(seeds, st.integers(4, 20), st.integers(4, 20), st.sampled_from([0.9, 0.95]))
def test_the_interval_holds_what_the_test_does_not_reject(
    seed: int, first: int, second: int, confidence: float
) -> None:
    before, after = rows(seed, first, second)
    ratio, *ends = compute_shift_interval(samples(before), samples(after), confidence)
    assert ends[0] <= ratio <= ends[1]
    low, high = map(math.log, ends)
    for end, outside in ((low, -1e-9), (high, 1e-9)):
        for step, rejected in ((outside, True), (-outside, False)):
            moved = [value - end - step for value in after]
            assert (exact_p(before, moved) <= 1 - confidence + 1e-12) is rejected


def test_rows_too_short_to_reject_anything_have_an_infinite_interval() -> None:
    ratio, low, high = compute_shift_interval([1.0], [2.0, 4.0], 0.95)
    assert ratio == pytest.approx(math.sqrt(8))
    assert (low, high) == (0.0, math.inf)


def test_long_rows_use_an_approximation_that_errs_towards_width() -> None:
    before, after = rows(1, 120, 110, 1.5)
    asymptotic = stats.mannwhitneyu(after, before, method="asymptotic", use_continuity=True).pvalue
    assert p_value(before, after) == pytest.approx(asymptotic, rel=1e-9)
    assert exact_p(before, after) <= p_value(before, after) < 1e-6


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([1.0], [0.0])])
def test_a_row_without_numbers_is_refused(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match="both sides need samples, all of them positive and finite"):
        compute_shift_p_value(before, after)


# Beyond the exact distribution, differences and one side ----------------------------------------------------------------


def test_interval_of_long_rows_ends_at_the_rank_of_the_normal_approximation() -> None:
    before, after = rows(3, 30, 25, 0.5)
    ratio, low, high = compute_shift_interval(samples(before), samples(after), 0.95)
    shifts = sorted(second - first for first in before for second in after)
    rank = math.floor(30 * 25 / 2 - 0.5 - 1.959964 * math.sqrt(30 * 25 * 56 / 12))
    assert (math.log(low), math.log(high)) == pytest.approx((shifts[rank], shifts[-1 - rank]))
    assert low < ratio < high


@REPEATABLE
@given(seeds, st.integers(4, 30), st.integers(4, 30))
def test_differences_of_logarithms_have_the_interval_of_the_ratio(seed: int, first: int, second: int) -> None:
    before, after = rows(seed, first, second)
    expected = compute_shift_interval(samples(before), samples(after), 0.9)
    assert compute_difference_interval(before, after, 0.9) == pytest.approx(tuple(map(math.log, expected)))


def test_differences_may_be_of_numbers_that_are_zero() -> None:
    assert compute_difference_interval([0.0] * 4, [0.0, 1.0, 1.0, 3.0]) == (1.0, 0.0, 3.0)


def test_too_few_differences_have_an_interval_without_ends() -> None:
    assert compute_difference_interval([1.0, 1.0], [3.0, 5.0]) == (3.0, -math.inf, math.inf)


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([math.inf], [1.0]), ([1.0], [math.nan])])
def test_differences_need_finite_numbers_on_both_sides(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match="both sides need samples, all of them finite"):
        compute_difference_interval(before, after)


@REPEATABLE
@given(seeds, sizes, sizes, st.sampled_from([0.0, 1.0, -1.0]))
def test_the_one_sided_p_value_is_that_of_scipys_exact_test(seed: int, first: int, second: int, effect: float) -> None:
    before, after = rows(seed, first, second, effect)
    expected = exact_p(before, after, alternative="greater")
    assert compute_rank_sum_p_above(before, after) == pytest.approx(expected, rel=1e-9)


def test_ties_count_against_samples_that_lie_above() -> None:
    assert compute_rank_sum_p_above([1.0] * 5, [1.0] * 5) == 1.0
    clear = compute_rank_sum_p_above([1.0] * 5, [2.0] * 5)
    assert clear == pytest.approx(1 / math.comb(10, 5))
    assert compute_rank_sum_p_above([1.0] * 5, [2.0] * 4 + [1.0]) > clear
