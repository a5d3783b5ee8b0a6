"""Two runs without pairs, against scipy's exact rank-sum test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.stats.rank_sum import compute_shift_interval, compute_shift_p_value

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
