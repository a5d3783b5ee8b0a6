"""Two rows without pairs, against scipy's exact rank-sum test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.unpaired import shift, shift_interval, shift_p_value

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 24)


def rows(seed: int, first: int, second: int, effect: float = 0.0) -> tuple[list[float], list[float]]:
    random = np.random.default_rng(seed)
    return random.standard_t(3, first).tolist(), (effect + random.standard_t(3, second)).tolist()


def exact_p(before: list[float], after: list[float], **options: str) -> float:
    return float(stats.mannwhitneyu(after, before, method="exact", **options).pvalue)


@REPEATABLE
@given(seeds, sizes, sizes, st.sampled_from([0.0, 0.7, -2.0]))
def test_the_p_value_is_that_of_scipys_exact_test(seed: int, first: int, second: int, effect: float) -> None:
    before, after = rows(seed, first, second, effect)
    assert shift_p_value(before, after) == pytest.approx(exact_p(before, after), rel=1e-9)


@REPEATABLE
@given(seeds, sizes, sizes, st.sampled_from([0.25, 1.0]))
def test_a_smallest_shift_is_subtracted_before_the_one_sided_test(
    seed: int, first: int, second: int, smallest: float
) -> None:
    before, after = rows(seed, first, second, 1.0)
    greater = exact_p(before, [value - smallest for value in after], alternative="greater")
    less = exact_p(before, [value + smallest for value in after], alternative="less")
    assert shift_p_value(before, after, smallest) == pytest.approx(min(1.0, 2 * min(greater, less)), rel=1e-9)


@REPEATABLE
@given(seeds, st.integers(4, 24), st.integers(4, 24), st.sampled_from([0.9, 0.95]))
def test_the_interval_holds_what_the_test_does_not_reject(
    seed: int, first: int, second: int, confidence: float
) -> None:
    before, after = rows(seed, first, second)
    low, high = shift_interval(before, after, confidence)
    assert low <= shift(before, after) <= high
    for end, outside in ((low, -1e-9), (high, 1e-9)):
        for step, rejected in ((outside, True), (-outside, False)):
            moved = [value - end - step for value in after]
            assert (exact_p(before, moved) <= 1 - confidence + 1e-12) is rejected


def test_rows_too_short_to_reject_anything_have_an_infinite_interval() -> None:
    assert shift_interval([1.0], [2.0, 3.0], 0.95) == (-math.inf, math.inf)


def test_long_rows_use_an_approximation_that_errs_towards_width() -> None:
    before, after = rows(1, 120, 110, 1.5)
    asymptotic = stats.mannwhitneyu(after, before, method="asymptotic", use_continuity=True).pvalue
    assert shift_p_value(before, after) == pytest.approx(asymptotic, rel=1e-9)
    assert exact_p(before, after) <= shift_p_value(before, after) < 1e-6
    low, high = shift_interval(before, after, 0.95)
    assert 1.0 < low < shift(before, after) < high < 2.5


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([1.0], [math.inf])])
def test_a_row_without_numbers_is_refused(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match="both rows must hold numbers"):
        shift_p_value(before, after)
