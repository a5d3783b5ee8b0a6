"""Student's t against SciPy and against closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.stats.student_t import compute_quantile, compute_tail

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=200)

degrees_of_freedom = st.one_of(st.integers(1, 500).map(float), st.floats(0.5, 2000))


@REPEATABLE
@given(st.floats(-60, 60), degrees_of_freedom)
def test_tail_is_that_of_scipy(t: float, degrees: float) -> None:
    assert compute_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-9, abs=1e-13)


@REPEATABLE
@given(st.floats(1e-9, 0.499), degrees_of_freedom)
def test_quantile_is_that_of_scipy(tail: float, degrees: float) -> None:
    assert compute_quantile(tail, degrees) == pytest.approx(stats.t.isf(tail, degrees), rel=1e-8)


@REPEATABLE
@given(st.floats(1e-6, 0.999999), degrees_of_freedom)
def test_tail_of_a_quantile_is_the_probability_of_its_name(tail: float, degrees: float) -> None:
    assert compute_tail(compute_quantile(tail, degrees), degrees) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(("degrees", "value"), [(1, 12.706), (5, 2.571), (11, 2.201), (23, 2.069), (95, 1.985)])
def test_quantiles_are_those_of_printed_tables(degrees: float, value: float) -> None:
    assert compute_quantile(0.025, degrees) == pytest.approx(value, abs=0.0005)


def test_single_degree_of_freedom_is_the_distribution_of_cauchy() -> None:
    assert compute_tail(1.0, 1.0) == pytest.approx(0.25, rel=1e-12)
    assert compute_tail(-1.0, 1.0) == pytest.approx(0.75, rel=1e-12)
    assert compute_quantile(0.25, 1.0) == pytest.approx(1.0, rel=1e-12)


def test_infinitely_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert compute_quantile(0.025, math.inf) == pytest.approx(1.959963984540054, rel=1e-12)
    assert compute_tail(1.959963984540054, math.inf) == pytest.approx(0.025, rel=1e-12)


def test_centre_is_exact() -> None:
    assert compute_quantile(0.5, 7.0) == 0.0
    assert compute_tail(0.0, 7.0) == 0.5


@pytest.mark.parametrize("tail", [0.0, 1.0, -0.1, math.nan])
def test_probability_that_is_none_is_refused(tail: float) -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        compute_quantile(tail, 5.0)


@pytest.mark.parametrize(("t", "degrees"), [(1.0, 0.0), (1.0, -2.0), (1.0, math.nan), (math.nan, 5.0)])
def test_degrees_of_freedom_that_are_none_are_refused(t: float, degrees: float) -> None:
    with pytest.raises(ValueError, match="positive degrees of freedom"):
        compute_tail(t, degrees)
