"""Budgets of a gate: the figure against each limit, exactly at it and beyond it, and the line that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.runs import measurement, sides_of

from perfbench.gate.budgets import (
    BudgetResult,
    describe_regression,
    evaluate_budgets,
    find_breaches,
    find_unreported,
    format_budget,
)
from perfbench.model import (
    CPU_SECONDS,
    Budget,
    Comparison,
    GatePolicy,
    Measurement,
    Metric,
    Sample,
    TrialKind,
    Verdict,
)
from perfbench.stats.instructions import HASH_SEEDS

PAUSE = Metric("ms", name="pause_ms")
RATE = Metric("updates/s", better="higher", name="rate")


def with_passes(
    case: Measurement, kind: TrialKind, values: Sequence[float], name: str, *, own: bool = False
) -> Measurement:
    """The case with a pass of this kind for each value, of its own metric or of one that perfbench measures."""
    samples = (
        Sample(kind, n, 0, f"{kind} {n}", 100, {} if own else {name: value}, {name: value} if own else {})
        for n, value in enumerate(values)
    )
    return replace(case, samples=(*case.samples, *samples))


def reporting(metric: Metric, before: Sequence[float], after: Sequence[float]) -> list[Measurement]:
    sides = sides_of("plain", [1.0] * 12, [1.0] * 12)
    return [
        with_passes(side, "alone", values, metric.name, own=True)
        for side, values in zip(sides, (before, after), strict=True)
    ]


def counted(before: float, after: float, work: int = 100) -> list[Measurement]:
    """Both sides counted under every hash seed; the side after did this work."""
    first, second = sides_of("plain", [1.0] * 12, [1.0] * 12)
    first = with_passes(first, "count", [before] * len(HASH_SEEDS), "instructions")
    second = with_passes(second, "count", [after] * len(HASH_SEEDS), "instructions")
    last = tuple(replace(s, work=work) if s.kind == "count" else s for s in second.samples)
    return [first, replace(second, samples=last)]


def peaks(before: float, after: float) -> list[Measurement]:
    sides = sides_of("plain", [1.0] * 12, [1.0] * 12)
    return [
        with_passes(side, "memory", [peak] * 3, "peak_rss_bytes")
        for side, peak in zip(sides, (before, after), strict=True)
    ]


def only(
    budget: Budget, sides: Sequence[Measurement], own: Sequence[Metric] = (), compared: Comparison | None = None
) -> BudgetResult:
    (result,) = evaluate_budgets(GatePolicy(budgets=(budget,)), sides[0], sides[1], compared, own)
    return result


def comparison(ratio: float, verdict: Verdict, part: str = "") -> Comparison:
    return Comparison(CPU_SECONDS, 1.0, ratio, ratio, ratio - 0.05, ratio + 0.05, 24, 0.01, verdict, part=part)


# Metrics that a mode reports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "told"), [(19.0, False), (20.0, False), (20.5, True)])
def test_number_may_be_its_limit_and_no_more(value: float, told: bool) -> None:
    found = only(Budget("number", 20.0, metric="pause_ms"), reporting(PAUSE, [10.0] * 3, [value] * 3), [PAUSE])
    assert (found.before, found.after) == (None, value)
    assert bool(found.breach) is told
    if told:
        assert found.breach == "pause_ms 20.5 ms: allowed is at most 20 ms"


@pytest.mark.parametrize(("value", "told"), [(21.0, False), (20.0, False), (19.5, True)])
def test_number_of_which_more_is_better_is_at_least_its_limit(value: float, told: bool) -> None:
    found = only(Budget("number", 20.0, metric="rate"), reporting(RATE, [10.0] * 3, [value] * 3), [RATE])
    assert found.measured == f"{value:g} updates/s"
    assert found.breach == ("rate 19.5 updates/s: allowed is at least 20 updates/s" if told else "")


@pytest.mark.parametrize(
    ("metric", "after", "told"),
    [
        (PAUSE, 10.9, False),
        (PAUSE, 11.0, False),  # exactly the share: a tie counts against the regression
        (PAUSE, 11.1, True),
        (PAUSE, 5.0, False),
        (RATE, 9.1, False),
        (RATE, 9.0, False),
        (RATE, 8.9, True),
        (RATE, 20.0, False),
    ],
)
def test_metric_may_become_worse_by_the_share_of_its_budget(metric: Metric, after: float, told: bool) -> None:
    sides = reporting(metric, [10.0] * 6, [after] * 6)
    found = only(Budget("change", 0.1, metric=metric.name), sides, [metric])
    assert (found.before, found.after) == (10.0, after)
    assert bool(found.breach) is told
    assert all("worse by more than 10.0%" in line for line in [found.breach] if line)


def test_few_samples_exceed_a_budget_only_if_all_of_them_do() -> None:
    budget = Budget("change", 0.0, metric="pause_ms")
    assert only(budget, reporting(PAUSE, [10.0, 10.1], [10.2, 10.3]), [PAUSE]).breach
    assert not only(budget, reporting(PAUSE, [10.0, 10.1], [10.05, 10.3]), [PAUSE]).breach


def test_error_probability_of_a_metric_is_shared_by_the_comparisons() -> None:
    before = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7]
    after = [10.65, 10.8, 10.9, 11.0, 11.1, 11.2, 11.3, 10.45]  # p = 0.0015: below 0.005, above 0.005 / 12
    policy = GatePolicy(budgets=(Budget("change", 0.0, metric="pause_ms"),))
    sides = reporting(PAUSE, before, after)
    assert find_breaches(policy, sides[0], sides[1], None, [PAUSE], cases=1)
    assert not find_breaches(policy, sides[0], sides[1], None, [PAUSE], cases=12)


def test_change_from_zero_has_amounts_and_no_share() -> None:
    found = only(Budget("change", 0.1, metric="pause_ms"), reporting(PAUSE, [0.0] * 6, [5.0] * 6), [PAUSE])
    assert found.measured == "0 ms → 5 ms"
    assert found.breach == "pause_ms 0 ms → 5 ms: worse by more than 10.0%"


def test_metric_that_a_side_or_the_scenario_lacks_has_no_result() -> None:
    policy = GatePolicy(budgets=(Budget("number", 20.0, metric="pause_ms"),))
    before, after = reporting(PAUSE, [], [30.0])
    assert evaluate_budgets(policy, before, after, None, [PAUSE]) == ()
    before, after = reporting(PAUSE, [30.0], [30.0])
    assert evaluate_budgets(policy, before, after, None, [RATE]) == ()


# Instructions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "told"), [(1001e6, False), (1002e6, False), (1003e6, True), (900e6, False)])
def test_instructions_may_grow_by_their_share(after: float, told: bool) -> None:
    found = only(Budget("count", 0.002001), counted(1000e6, after))
    assert (found.before, found.after) == pytest.approx((1000e6, after))
    assert bool(found.breach) is told
    if told:
        assert found.breach == "executes 1.00 G → 1.00 G instructions, +0.30 %: more than 0.2001% above"


def test_instructions_of_other_work_or_none_are_not_compared() -> None:
    policy = GatePolicy(budgets=(Budget("count", 0.002),))
    other = counted(1e9, 2e9, work=99)
    assert evaluate_budgets(policy, other[0], other[1], None) == ()
    before, after = sides_of("plain", [1.0], [1.0])
    assert evaluate_budgets(policy, before, after, None) == ()


# Memory ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "told"), [(105e6, False), (105.1e6, True)])
def test_memory_at_its_limit_passes(after: float, told: bool) -> None:
    found = only(Budget("memory", 0.05), peaks(100e6, after))
    assert bool(found.breach) is told
    assert found.measured == f"100.0 MB → {after / 1e6:.1f} MB, +{after / 1e6 - 100:.1f} %"


@pytest.mark.parametrize(("after", "told"), [(2.0e6, False), (2.1e6, True)])
def test_growth_of_a_megabyte_is_let_through_whatever_its_share(after: float, told: bool) -> None:
    assert bool(only(Budget("memory", 0.05), peaks(1.0e6, after)).breach) is told


def test_peak_at_its_limit_passes() -> None:
    assert only(Budget("peak", 150e6), peaks(1e6, 150e6)).breach == ""
    assert only(Budget("peak", 150e6), peaks(1e6, 150e6)).measured == "150.0 MB"


def test_memory_of_a_side_without_a_memory_pass_has_no_result() -> None:
    before, _ = sides_of("plain", [1.0], [1.0])
    _, after = peaks(1e6, 9e6)
    for kind, limit in (("memory", 0.05), ("peak", 1e6)):
        assert evaluate_budgets(GatePolicy(budgets=(Budget(kind, limit),)), before, after, None) == ()  # type: ignore[arg-type]


# Ratios of modes -------------------------------------------------------------------------------------------------------------

RATIO = Budget("ratio", 1.8, "heavy", "light")


def modes() -> list[Measurement]:
    return [measurement("light", [1.0] * 12), measurement("heavy", [1.7] * 12)]


def test_ratio_within_its_limit_is_told_with_its_interval() -> None:
    found = only(RATIO, modes(), compared=comparison(1.7, Verdict.UNCHANGED))
    assert (found.before, found.after, found.breach) == (1.0, 1.7, "")
    assert found.measured == "1.700 (1.650–1.750)"


def test_ratio_above_its_limit_is_one_breach_and_not_also_a_regression() -> None:
    light, heavy = modes()
    lines = find_breaches(GatePolicy(budgets=(RATIO,)), light, heavy, comparison(1.9, Verdict.REGRESSED))
    assert lines == ("takes 1.900 times light: the limit is 1.8",)


@pytest.mark.parametrize("budget", [Budget("ratio", 1.8, "light", "heavy"), Budget("ratio", 1.8, "heavy", "other")])
def test_ratio_of_other_modes_does_not_apply(budget: Budget) -> None:
    light, heavy = modes()
    found = evaluate_budgets(GatePolicy(budgets=(budget,)), light, heavy, comparison(1.9, Verdict.REGRESSED))
    assert found == ()


def test_ratio_that_was_not_measured_has_no_result() -> None:
    light, heavy = modes()
    assert evaluate_budgets(GatePolicy(budgets=(RATIO,)), light, heavy, None) == ()


def test_budgets_of_environments_do_not_apply_to_modes_nor_the_other_way_round() -> None:
    light, heavy = modes()
    of_environments = GatePolicy(budgets=(Budget("memory", 0.0), Budget("peak", 0.0), Budget("count", 0.0)))
    assert evaluate_budgets(of_environments, light, heavy, None) == ()
    before, after = sides_of("heavy", [1.0], [9.0])
    assert evaluate_budgets(GatePolicy(budgets=(RATIO,)), before, after, comparison(9.0, Verdict.REGRESSED)) == ()


# Lines -----------------------------------------------------------------------------------------------------------------------


def test_regression_stands_before_the_budgets_that_are_exceeded() -> None:
    before, after = peaks(100e6, 120e6)
    policy = GatePolicy(budgets=(Budget("memory", 0.05), Budget("peak", 110e6)))
    assert find_breaches(policy, before, after, comparison(1.03, Verdict.REGRESSED)) == (
        "is slower: +3.0 %",
        "peak memory 100.0 MB → 120.0 MB: more than 5.0% above",
        "peak memory 120.0 MB: the limit is 110.0 MB",
    )


@pytest.mark.parametrize("verdict", [Verdict.UNCHANGED, Verdict.IMPROVED, Verdict.INCONCLUSIVE])
def test_other_verdicts_are_no_breach(verdict: Verdict) -> None:
    before, after = peaks(100e6, 100e6)
    assert find_breaches(GatePolicy(), before, after, comparison(1.03, verdict)) == ()


def test_regression_of_a_corpus_names_its_part() -> None:
    found = comparison(1.001, Verdict.REGRESSED, "in-play up to half +12.0 %")
    assert describe_regression(found) == "is slower: +0.1 %, in-play up to half +12.0 %"
    faster = comparison(0.97, Verdict.REGRESSED, "in-play up to half +12.0 %")
    assert describe_regression(faster) == "is slower in a part: in-play up to half +12.0 %; the whole corpus −3.0 %"


def test_metrics_with_a_budget_that_are_not_reported_are_named() -> None:
    policy = GatePolicy(budgets=(Budget("number", 20.0, metric="pause_ms"), Budget("memory", 0.05)))
    silent, reported = reporting(PAUSE, [], [1.0])
    assert find_unreported(policy, silent, [PAUSE, RATE]) == ("pause_ms", "peak memory")
    assert find_unreported(policy, reported, [PAUSE, RATE]) == ("peak memory",)
    assert find_unreported(GatePolicy(), silent, [PAUSE]) == ()
    assert find_unreported(policy, with_passes(reported, "memory", [1e6], "peak_rss_bytes"), [PAUSE]) == ()


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (RATIO, "heavy/light=1.8"),
        (Budget("memory", 0.05), "memory=5%"),
        (Budget("count", 0.002), "count=0.2%"),
        (Budget("peak", 200e6), "peak=200MB"),
        (Budget("peak", 1.5e9), "peak=1.5GB"),
        (Budget("peak", 1e9), "peak=1GB"),
        (Budget("peak", 500.0), "peak=0.5kB"),
        (Budget("number", 20.0, metric="pause_ms"), "pause_ms=20"),
        (Budget("change", 0.1, metric="pause_ms"), "pause_ms=10%"),
    ],
)
def test_budget_is_written_as_it_is_typed(budget: Budget, text: str) -> None:
    assert format_budget(budget) == text
