"""The comparison of two saved runs: its figures, its verdict from either side, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import measurement, sample

from perfbench.model import CPU_SECONDS, Measurement, Verdict
from perfbench.stats.comparison import compare_unpaired

SCATTER = (0.1, 0.1001, 0.0999, 0.1002, 0.0998, 0.1003, 0.0997, 0.1004, 0.0996, 0.1005)


def side(factor: float) -> Measurement:
    """Ten passes in pairs and ten alone, slower by this factor."""
    made = measurement("one", [factor * seconds for seconds in SCATTER])
    alone = tuple(sample(number, factor * seconds, kind="alone") for number, seconds in enumerate(SCATTER))
    return replace(made, samples=(*made.samples, *alone))


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.2, Verdict.REGRESSED), (0.8, Verdict.IMPROVED), (1.0, Verdict.UNCHANGED)]
)
def test_verdict_and_figures_are_those_of_all_passes(factor: float, expected: Verdict) -> None:
    comparison = compare_unpaired(side(1.0), side(factor), CPU_SECONDS.name, 0.95)
    assert comparison is not None
    assert comparison.verdict is expected
    assert (comparison.metric, comparison.pairs) == (CPU_SECONDS, 20)
    assert (comparison.before, comparison.after) == pytest.approx((0.10005, 0.10005 * factor))
    assert comparison.low < comparison.ratio < comparison.high
    assert comparison.ratio == pytest.approx(factor, rel=0.002)


@pytest.mark.parametrize("seconds", [(), (0.1, 0.0, 0.1)])
def test_side_without_passes_or_with_a_clock_that_stood_still_is_not_compared(seconds: tuple[float, ...]) -> None:
    broken = measurement("one", seconds)
    assert compare_unpaired(broken, side(1.0), CPU_SECONDS.name, 0.95) is None
    assert compare_unpaired(side(1.0), broken, CPU_SECONDS.name, 0.95) is None
