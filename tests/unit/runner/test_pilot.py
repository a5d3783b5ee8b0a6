"""Budgets of pairs that follow from the time limit of a gate and the cost of a pair."""

from __future__ import annotations

import pytest
from support.runs import offer, scenario, settings

from perfbench.model import CaseGroup, Environment, GatePolicy
from perfbench.runner import plan
from perfbench.runner.pilot import (
    MIN_PASS_SECONDS,
    UNCUT_BELOW_SECONDS,
    PassLength,
    PilotResult,
    choose_length,
    find_excess,
    fix_budgets,
    share_seconds,
)
from perfbench.runner.time_limit import TimeLimit

LEAST = 12


def comparison() -> CaseGroup:
    places = [Environment(f"bflw=={version}", "python") for version in ("1", "2")]
    (made,) = plan.plan_groups([[offer(scenario("base"), place) for place in places]], [], settings())
    return made


def pilots(*costs: float, overhead: float = 0.0) -> list[PilotResult]:
    return [PilotResult(comparison(), cost, overhead) for cost in costs]


def limit(seconds: float) -> TimeLimit:
    return TimeLimit(seconds, lambda: 0.0)


@pytest.mark.parametrize(
    ("available", "costs", "seconds"),
    [
        (60.0, [1.0], 60.0),
        (60.0, [1.0, 1.0], 30.0),
        (60.0, [1.0, 1.0, 0.1], 20.0),
        (60.0, [3.0, 0.5, 0.5], 12.0),
        (60.0, [9.0, 9.0], 0.0),
        (0.0, [1.0], 0.0),
        (60.0, [], 60.0),
    ],
    ids=["one", "two share", "the cheap one too", "least pairs of one take 36", "more than there is", "over", "none"],
)
def test_comparisons_share_the_time_beyond_the_least_pairs_of_the_expensive_ones(
    available: float, costs: list[float], seconds: float
) -> None:
    assert share_seconds(available, [(cost, LEAST) for cost in costs]) == seconds


def test_budgets_take_together_what_is_left_of_the_limit() -> None:
    found = fix_budgets(pilots(1.0, 0.5, overhead=4.0), GatePolicy(seconds=0.0), limit(68.0))
    assert found.seconds == 30.0
    assert [budget.most for budget in found.pairs] == [24, 48]
    assert sum(budget.most * budget.cost for budget in found.pairs) <= 68.0 - 2 * 4.0


def test_calibration_keeps_the_seconds_of_its_simulated_gates() -> None:
    found = fix_budgets(pilots(1.0), GatePolicy(seconds=30.0), limit(600.0))
    assert (found.seconds, found.pairs[0].most) == (30.0, 24)


def test_least_pairs_are_planned_though_they_do_not_fit_and_the_excess_is_known() -> None:
    made = pilots(2.0, 2.0, overhead=1.0)
    found = fix_budgets(made, GatePolicy(seconds=0.0), limit(10.0))
    assert [budget.most for budget in found.pairs] == [LEAST, LEAST]
    assert find_excess(made, limit(10.0)) == 2 * (LEAST * 2.0 + 1.0) - 10.0
    assert find_excess(made, limit(100.0)) == 0.0


def test_comparison_without_a_pilot_pair_keeps_the_first_look() -> None:
    found = fix_budgets(pilots(0.0), GatePolicy(seconds=0.0), limit(60.0))
    assert (found.pairs[0].most, found.pairs[0].cost) == (LEAST, 0.0)


def lengths(startup: float, available: float, *, simulated: float = 0.0) -> PassLength:
    gated = settings(gate=GatePolicy(seconds=simulated))
    return choose_length([startup / 2, startup], comparison(), gated, available)


def test_pass_of_a_gate_is_long_beside_its_start_up_where_there_is_time() -> None:
    assert lengths(0.2, float("inf")) == PassLength(0.4, UNCUT_BELOW_SECONDS)
    assert lengths(0.2, 120.0) == PassLength(0.4, UNCUT_BELOW_SECONDS)
    assert lengths(0.01, 120.0) == PassLength(MIN_PASS_SECONDS, UNCUT_BELOW_SECONDS)


def test_pass_of_a_gate_is_shorter_where_its_fewest_pairs_would_not_fit() -> None:
    made = lengths(0.25, 20.0)
    assert MIN_PASS_SECONDS < made.wanted < 0.5
    assert made.uncut_below == made.wanted
    pairs, checks, solo = LEAST + 3, 15, 2
    assert pairs * (2 * made.wanted + 0.25) + (checks + solo) * made.wanted + (1 + solo) * 0.25 < 20.0
    assert lengths(0.25, 0.0) == PassLength(MIN_PASS_SECONDS, MIN_PASS_SECONDS)


def test_pass_of_a_calibration_leaves_time_for_all_its_pairs() -> None:
    assert lengths(0.12, 300.0, simulated=30.0) == lengths(0.12, 300.0) == PassLength(0.24, UNCUT_BELOW_SECONDS)
    made = lengths(0.12, 60.0, simulated=30.0)
    assert MIN_PASS_SECONDS < made.wanted < lengths(0.12, 60.0).wanted
    assert 63 * (2 * made.wanted + 0.12) + 4 * 17 * made.wanted < 60.0
