"""Seconds that an operation saves: from pairs where there are enough, else from both sides apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.runs import measurement, sample, sides_of

from perfbench.model import CPU_SECONDS, Measurement, Metric, Sample, TrialKind, Verdict
from perfbench.stats import rank_sum, signed_rank
from perfbench.stats.savings import compare_saving

OWN = Metric("ms", name="parse_ms")
SECONDS = Metric("seconds", name="parse_seconds")


def reported(values: Sequence[float], kind: TrialKind = "duet", name: str = "parse_ms") -> Measurement:
    """A case whose pairs run one side after the other, so that its own metric counts in them."""
    samples = tuple(
        Sample(kind, n, 0, f"pair {n}", 10, {"wall_seconds": 1.0}, {name: value}) for n, value in enumerate(values)
    )
    return replace(measurement("plain", ()), metric="wall_seconds", samples=samples)


def test_seconds_of_pairs_are_divided_by_the_work_of_a_pass() -> None:
    before, after = sides_of("plain", [2.0, 2.1, 2.2, 2.3, 2.4, 2.5], [1.0, 1.2, 1.1, 1.3, 1.5, 1.4])
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    assert found is not None
    differences = [1.0, 0.9, 1.1, 1.0, 0.9, 1.1]
    low, high = signed_rank.compute_interval([value / 100 for value in differences], 0.95)
    assert (found.before, found.after) == pytest.approx((0.0225, 0.0125))
    assert (found.saved, found.low, found.high) == pytest.approx((0.01, low, high))
    assert found.verdict is Verdict.IMPROVED


def test_case_that_takes_longer_saves_less_than_nothing() -> None:
    before, after = sides_of("plain", [1.0] * 6, [1.5] * 6)
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    assert found is not None
    assert (found.saved, found.low, found.high) == pytest.approx((-0.005,) * 3)
    assert found.verdict is Verdict.REGRESSED


def test_work_of_zero_divides_nothing() -> None:
    before, after = (replace(measurement("plain", [1.0] * 6, work=0)), measurement("plain", [0.5] * 6, work=0))
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    assert found is not None
    assert found.saved == pytest.approx(0.5)


def test_too_few_pairs_for_the_confidence_are_compared_as_two_sides() -> None:
    first, second = [2.0, 2.2, 2.4, 2.6, 2.8], [1.0, 1.1, 1.2, 1.3, 1.4]
    before, after = sides_of("plain", first, second)
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    middle, low, high = rank_sum.compute_difference_interval(first, second, 0.95)
    assert found is not None
    assert (found.saved, found.low, found.high) == pytest.approx((-middle / 100, -high / 100, -low / 100))
    assert found.verdict is Verdict.IMPROVED


def test_interval_without_ends_is_inconclusive() -> None:
    before, after = sides_of("plain", [2.0], [1.0])
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    assert found is not None
    assert found.saved == pytest.approx(0.01)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_solo_passes_count_where_nothing_is_paired() -> None:
    before, after = (measurement("plain", ()) for _ in range(2))
    before = replace(before, samples=tuple(sample(n, 4.0, "alone") for n in range(4)))
    after = replace(after, samples=tuple(sample(n, 3.0, "alone") for n in range(4)))
    found = compare_saving(CPU_SECONDS, before, after, 0.95)
    assert found is not None
    assert found.saved == pytest.approx(0.01)


@pytest.mark.parametrize("missing", ["before", "after"])
def test_side_without_a_value_gives_nothing(missing: str) -> None:
    before, after = sides_of("plain", [] if missing == "before" else [1.0] * 6, [] if missing == "after" else [1.0] * 6)
    assert compare_saving(CPU_SECONDS, before, after, 0.95) is None


# Metrics that the mode reports --------------------------------------------------------------------------------------------


def test_own_metric_is_of_an_operation_and_in_its_unit() -> None:
    found = compare_saving(OWN, reported([50.0] * 6), reported([20.0] * 6), 0.95)
    assert found is not None
    assert (found.before, found.after, found.saved) == pytest.approx((0.05, 0.02, 0.03))
    seconds = compare_saving(
        SECONDS, reported([5.0] * 6, name="parse_seconds"), reported([2.0] * 6, name="parse_seconds"), 0.95
    )
    assert seconds is not None
    assert seconds.saved == pytest.approx(3.0)


def test_only_pairs_that_both_sides_have_count_for_an_own_metric() -> None:
    before, after = reported([50.0] * 8), reported([20.0] * 8)
    after = replace(after, samples=(*after.samples[:6], replace(after.samples[6], pair="another", numbers={})))
    before = replace(before, samples=(*before.samples[:6], replace(before.samples[6], numbers={"parse_ms": 1e9})))
    found = compare_saving(OWN, before, after, 0.95)
    assert found is not None
    assert found.before == pytest.approx(0.05)


def test_own_metric_in_interleaved_pairs_is_taken_from_solo_passes() -> None:
    paused = [Sample("duet", n, 0, f"pair {n}", 10, {"cpu_seconds": 1.0}, {"parse_ms": 999.0}) for n in range(8)]
    before, after = (
        replace(
            measurement("plain", ()),
            samples=(*paused, *(replace(s, kind="alone", numbers={"parse_ms": value}) for s in paused[:4])),
        )
        for value in (50.0, 20.0)
    )
    found = compare_saving(OWN, before, after, 0.95)
    assert found is not None
    assert found.saved == pytest.approx(0.03)


def test_nothing_before_and_after_is_no_change_that_can_be_named() -> None:
    found = compare_saving(OWN, reported([0.0] * 6), reported([0.0] * 6), 0.95)
    assert found is not None
    assert (found.saved, found.low, found.high) == (0.0, 0.0, 0.0)
    assert found.verdict is Verdict.INCONCLUSIVE
