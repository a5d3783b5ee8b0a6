"""Metrics that a mode reports itself: which passes count, and the verdict on each kind of number."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from support.runs import measurement

from perfbench.model import Measurement, Metric, Sample, TrialKind, Verdict
from perfbench.stats.metrics import compare_metric, compare_samples, select_metric_values
from perfbench.stats.rank_sum import compute_shift_interval

PAUSE = Metric("ms", name="pause_ms")
RATE = Metric("updates/s", better="higher", name="rate")
COUNT = Metric("books", better="neither", name="books")
BYTES = Metric("bytes", name="bytes_per_update", floor=8.0)
PEAK = Metric("bytes", name="peak_rss_bytes")


def passes(kind: TrialKind, *values: float, name: str = "pause_ms", cpu: str = "cpu_seconds") -> tuple[Sample, ...]:
    """A pass of this kind for each value, with its seconds by the metric ``cpu``."""
    return tuple(Sample(kind, n, 0, f"{kind} {n}", 10, {cpu: 1.0}, {name: value}) for n, value in enumerate(values))


def case(*samples: Sample, metric: str = "cpu_seconds") -> Measurement:
    return replace(measurement("plain", ()), samples=samples, metric=metric)


# Which passes count -----------------------------------------------------------------------------------------------------


def test_passes_of_interleaved_pairs_do_not_count() -> None:
    samples = (*passes("duet", 90.0), *passes("alone", 5.0, 6.0), *passes("memory", 7.0))
    assert select_metric_values(PAUSE, case(*samples)) == [5.0, 6.0, 7.0]


@pytest.mark.parametrize("seconds", ["wall_seconds", "reported_seconds"])
def test_passes_of_sequential_pairs_count(seconds: str) -> None:
    samples = (*passes("duet", 4.0, cpu=seconds), *passes("alone", 5.0, cpu=seconds))
    assert select_metric_values(PAUSE, case(*samples, metric="wall_seconds")) == [4.0, 5.0]


def test_checks_and_counts_never_count() -> None:
    assert select_metric_values(PAUSE, case(*passes("check", 1.0), *passes("count", 2.0))) == []


def test_metric_that_perfbench_measures_is_taken_from_its_own_numbers() -> None:
    own = replace(passes("memory", 1.0)[0], metrics={"peak_rss_bytes": 5e6})
    assert select_metric_values(PEAK, case(own)) == [5e6]
    unknown = replace(own, metrics={"pause_ms": 3.0}, numbers={})
    assert select_metric_values(PAUSE, case(unknown)) == []


# Comparisons ---------------------------------------------------------------------------------------------------------------


def test_case_that_does_not_report_a_metric_has_no_comparison() -> None:
    assert compare_metric(PAUSE, case(*passes("alone", 1.0)), case(*passes("alone", 1.0, name="other"))) is None


@pytest.mark.parametrize("before", [None, case(*passes("alone", 9.0, name="other"))])
def test_metric_that_has_no_value_before_is_the_median_alone(before: Measurement | None) -> None:
    found = compare_metric(PAUSE, before, case(*passes("alone", 3.0, 1.0, 2.0)))
    assert found is not None
    assert (found.after, found.before, found.verdict) == (2.0, None, None)
    assert math.isnan(found.ratio)


def test_numbers_above_zero_are_compared_by_their_ratio() -> None:
    before, after = [10.0, 10.1, 10.2, 10.3, 10.4], [11.0, 11.1, 11.2, 11.3, 11.4]
    found = compare_metric(PAUSE, case(*passes("alone", *before)), case(*passes("alone", *after)))
    assert found is not None
    assert (found.before, found.after) == (10.2, 11.2)
    assert (found.ratio, found.low, found.high) == compute_shift_interval(before, after, 0.95)
    assert found.verdict is Verdict.REGRESSED


@pytest.mark.parametrize(("metric", "expected"), [(PAUSE, Verdict.REGRESSED), (RATE, Verdict.IMPROVED), (COUNT, None)])
def test_more_is_worse_or_better_or_neither(metric: Metric, expected: Verdict | None) -> None:
    assert compare_samples(metric, [10.0] * 6, [12.0] * 6).verdict is expected


def test_too_few_samples_are_inconclusive_whatever_they_say() -> None:
    found = compare_samples(PAUSE, [1.0], [2.0])
    assert found.ratio == pytest.approx(2.0)
    assert (found.low, found.high) == (0.0, math.inf)
    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.0, 20.0, Verdict.REGRESSED),
        (20.0, 0.0, Verdict.IMPROVED),
        (0.0, 7.9, Verdict.UNCHANGED),
        (0.0, 8.0, Verdict.INCONCLUSIVE),  # exactly the floor: neither above it nor within it
        (8.0, 15.0, Verdict.UNCHANGED),  # a side at its floor: the difference counts, not the ratio
    ],
)
def test_side_at_its_floor_is_compared_by_the_difference(before: float, after: float, expected: Verdict) -> None:
    found = compare_samples(BYTES, [before] * 6, [after] * 6)
    assert found.verdict is expected
    assert math.isnan(found.ratio)


def test_both_sides_above_the_floor_have_a_ratio() -> None:
    assert compare_samples(BYTES, [9.0] * 6, [18.0] * 6).ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.0, 0.0, Verdict.UNCHANGED),
        (0.0, 1.0, Verdict.REGRESSED),
        (-4.0, -6.0, Verdict.IMPROVED),
        (0.0, 1e-12, Verdict.REGRESSED),
    ],
)
def test_metric_that_has_no_floor_has_its_difference_as_a_share_of_the_larger_side(
    before: float, after: float, expected: Verdict
) -> None:
    found = compare_samples(PAUSE, [before] * 6, [after] * 6)
    assert found.verdict is expected
    assert (found.before, found.after) == (before, after)
