"""Steps between releases and the trajectory that they add up to, from made-up pairs with known truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sweeps import COSTS, FIXED, SIGMA, measured, pair, sweep

from perfbench.model import Failure, Measurement, Output, OutputDifference, Verdict
from perfbench.stats import rank_sum
from perfbench.stats.signed_rank import ADAPTIVE_LOOKS
from perfbench.sweep.steps import (
    ADAPTIVE_LOOK_COUNT,
    ReleaseStep,
    SamplingPlan,
    compute_standard_error,
    count_pairs_needed,
    estimate_anchored_step,
    estimate_paired_step,
    mark_significant_steps,
)
from perfbench.sweep.trajectory import SweepRelease, Trajectory, build_trajectory


def releases(*names: str, **problems: str) -> list[SweepRelease]:
    by_name = {name.replace("_", "."): problem for name, problem in problems.items()}
    return [SweepRelease(name, f"horses=={name}", by_name.get("v" + name, "")) for name in names]


def same(_before: Measurement, _after: Measurement) -> str:
    return "yes"


def found(
    measurements: Sequence[Measurement], plan: SamplingPlan = FIXED, names: Sequence[str] = tuple(COSTS)
) -> Trajectory:
    return build_trajectory(releases(*names), measurements, plan, same)


# Which steps are real -----------------------------------------------------------------------------------------------


def test_the_steps_of_a_sweep_are_found_with_their_sizes_and_no_others() -> None:
    steps = {step.after: step for step in found(sweep(COSTS, sigma=0.01)).steps}
    assert list(steps) == ["2.10.1", "2.11.2", "2.12.0", "2.19.1", "2.20.0", "2.23.2"]
    verdicts = {after: step.verdict for after, step in steps.items() if step.significant}
    assert verdicts == {
        "2.10.1": Verdict.IMPROVED,
        "2.12.0": Verdict.IMPROVED,
        "2.20.0": Verdict.REGRESSED,
        "2.23.2": Verdict.IMPROVED,
    }
    assert steps["2.11.2"].verdict is steps["2.19.1"].verdict is Verdict.UNCHANGED
    for step in steps.values():
        assert step.low <= COSTS[step.after] / COSTS[step.before] <= step.high
        assert step.pairs == 24
        assert step.output == "yes"


def test_a_machine_that_slows_down_all_the_time_makes_no_step() -> None:
    flat = dict.fromkeys(COSTS, 1.0)
    drifting = found(sweep(flat, drift=0.1))
    assert not any(step.significant for step in drifting.steps)
    assert drifting.lines[0].points[-1].relative == pytest.approx(1.0, abs=0.03)
    seconds = [point.seconds for point in drifting.lines[0].points]
    assert seconds[0] is not None
    assert seconds[-1] is not None
    assert seconds[-1] > 1.5 * seconds[0]


def test_sweeps_of_unchanged_code_have_a_false_step_in_at_most_one_of_twenty() -> None:
    """150 sweeps of 12 steps, 24 pairs each: at 5 % for the whole sweep; each step at 5 % would alarm in 46 % of them."""
    flat = {f"1.{number}": 1.0 for number in range(13)}
    alarms = naive = 0
    for seed in range(150):
        logs = np.random.default_rng(seed).normal(0, SIGMA, (12, 24))
        names = list(flat)
        steps = [estimate_paired_step("m", names[k], names[k + 1], logs[k].tolist(), FIXED) for k in range(12)]
        alarms += any(step.significant for step in mark_significant_steps(steps).values())
        naive += any(not step.low <= 1 <= step.high for step in steps)
    assert alarms / 150 <= 0.05
    assert naive / 150 >= 0.3


def test_a_change_below_a_quarter_of_a_per_cent_is_no_step_however_sure_it_is() -> None:
    sure = estimate_paired_step("m", "1", "2", [0.0024] * 136, FIXED)
    assert sure.p_value == 1.0
    assert estimate_paired_step("m", "1", "2", [0.0026] * 136, FIXED).p_value < 1e-30


def test_looking_at_a_table_several_times_costs_significance() -> None:
    logs = [0.02 + 0.001 * number for number in range(12)]
    once, often = (estimate_paired_step("m", "1", "2", logs, plan) for plan in (FIXED, SamplingPlan()))
    assert once.p_value == 2 / 2**12
    assert often.p_value == once.p_value * ADAPTIVE_LOOK_COUNT
    assert len(ADAPTIVE_LOOKS) + 1 == ADAPTIVE_LOOK_COUNT
    assert often.low <= once.low
    assert often.high >= once.high


def made_up(p_value: float, after: str = "2", ratio: float = 1.1) -> ReleaseStep:
    return ReleaseStep("m", "1", after, ratio, ratio * 0.99, ratio * 1.01, 24, p_value, paired=True)


def test_holms_method_by_the_example_of_its_definition() -> None:
    """Four p-values: .0125, .0167 and .025 are the levels that the smallest three have to reach."""
    steps = [made_up(p, str(number)) for number, p in enumerate((0.03, 0.005, 0.01, 0.04))]
    assert [mark_significant_steps(steps)["m", name].significant for name in "0123"] == [False, True, True, False]
    steps = [made_up(p, str(number)) for number, p in enumerate((0.0126, 0.013, 0.014, 0.02))]
    assert not any(step.significant for step in mark_significant_steps(steps).values())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_finds_what_bonferroni_finds_and_nothing_that_is_not_small_alone(p_values: list[float]) -> None:
    steps = mark_significant_steps([made_up(p, str(number)) for number, p in enumerate(p_values)])
    for number, p in enumerate(p_values):
        significant = steps["m", str(number)].significant
        assert significant or p > 0.05 / len(p_values)
        assert not significant or p <= 0.05
    assert [s.p_value for s in steps.values() if s.significant] == sorted(p_values)[
        : sum(s.significant for s in steps.values())
    ]


@given(st.integers(1, 400), st.sampled_from([1, ADAPTIVE_LOOK_COUNT]))
def test_the_pairs_needed_are_just_enough(steps: int, looks: int) -> None:
    plan = FIXED if looks == 1 else SamplingPlan()
    needed = count_pairs_needed(steps, looks)
    others = [made_up(1.0, f"other {number}") for number in range(steps - 1)]
    for pairs, enough in ((needed, True), (needed - 1, False)):
        step = estimate_paired_step("m", "1", "2", [0.5] * pairs, plan)
        assert mark_significant_steps([step, *others])["m", "2"].significant is enough


def test_twelve_pairs_for_two_modes_of_37_releases_and_fifteen_with_looks() -> None:
    assert count_pairs_needed(36 * 2) == 12
    assert count_pairs_needed(36 * 2, ADAPTIVE_LOOK_COUNT) == 15
    with pytest.raises(ValueError, match="at least one step"):
        count_pairs_needed(0)


def test_too_few_pairs_for_an_interval_are_shown_without_one() -> None:
    step = estimate_paired_step("m", "1", "2", [0.7] * 3, FIXED)
    assert step.ratio == pytest.approx(math.exp(0.7))
    assert (step.low, step.high) == (0.0, math.inf)
    assert mark_significant_steps([step])["m", "2"].verdict is Verdict.INCONCLUSIVE


# The trajectory ---------------------------------------------------------------------------------------------------------


def test_the_course_is_the_product_of_the_steps_and_its_uncertainty_adds_up() -> None:
    (line,) = found(sweep(COSTS)).lines
    assert line.reference == "2.10.0"
    first, *others = line.points
    assert (first.relative, first.low, first.high, first.step) == (1.0, 1.0, 1.0, None)
    product, widths = 1.0, [0.0]
    for point in others:
        assert point.step is not None
        assert point.relative is not None
        product *= point.step.ratio
        assert point.relative == pytest.approx(product)
        assert point.low <= COSTS[point.release] <= point.high
        widths.append(math.log(point.high / point.low))
        own = math.log(point.step.high / point.step.low)
        assert widths[-1] == pytest.approx(math.hypot(widths[-2], own))


def test_interval_of_a_trajectory_has_its_nominal_coverage() -> None:
    """400 sweeps of 8 steps with 12 pairs each; the estimate of 95 % scatters by 1.1 %."""
    covering = 0
    names = [str(number) for number in range(9)]
    for seed in range(400):
        logs = np.random.default_rng(seed).normal(0.1, SIGMA, (8, 12))
        steps = [estimate_paired_step("m", names[k], names[k + 1], logs[k].tolist(), FIXED) for k in range(8)]
        level = sum(math.log(step.ratio) for step in steps)
        error = math.sqrt(sum(compute_standard_error(step, FIXED) ** 2 for step in steps))
        covering += abs(level - 0.8) <= 1.96 * error
    assert covering / 400 >= 0.93


def test_a_release_that_was_not_installed_is_passed_over() -> None:
    costs = {name: cost for name, cost in COSTS.items() if name != "2.12.0"}
    points = (
        build_trajectory(releases(*COSTS, v2_12_0="orjson does not build"), sweep(costs), FIXED, same).lines[0].points
    )
    missing, after = points[3], points[4]
    assert (missing.release, missing.seconds, missing.relative, missing.step) == ("2.12.0", None, None, None)
    assert missing.problem == "orjson does not build"
    assert after.step is not None
    assert (after.step.before, after.step.after) == ("2.11.2", "2.19.1")
    assert after.step.ratio == pytest.approx(0.35 / 0.8, rel=0.02)
    assert after.relative == pytest.approx(0.35, rel=0.02)


def test_a_first_release_that_was_not_installed_leaves_the_next_one_as_the_reference() -> None:
    costs = {name: cost for name, cost in COSTS.items() if name != "2.10.0"}
    (line,) = build_trajectory(releases(*COSTS, v2_10_0="too old"), sweep(costs), FIXED, same).lines
    assert line.reference == "2.10.1"
    assert line.points[0].problem == "too old"
    assert line.points[1].relative == 1.0
    assert line.points[3].relative == pytest.approx(0.35 / 0.8, rel=0.02)


def test_a_mode_that_fails_in_one_release_breaks_only_its_own_course() -> None:
    wrong = Failure("check", "KeyError: 'mc'")
    broken = [
        replace(m, samples=(), failures=(wrong,)) if m.case.id.startswith("replay/full@horses==2.12.0") else m
        for m in sweep(COSTS, modes=("light", "full"))
    ]
    light, full = found(broken).lines
    assert all(point.relative is not None for point in light.points)
    assert [point.relative is not None for point in full.points] == [True] * 3 + [False] * 4
    assert full.points[3].problem == "2.11.2 → 2.12.0: KeyError: 'mc'"
    assert [point.step is not None for point in full.points] == [False, True, True, False, False, True, True]
    assert full.points[5].step is not None
    assert full.points[5].step.ratio == pytest.approx(0.375 / 0.35, rel=0.02)


def test_releases_that_did_other_work_have_no_ratio() -> None:
    one, two = pair(0, "a", "b", (1.0, 0.5))
    less = replace(two, work=99)
    (line,) = found([measured("light", "1", [one]), measured("light", "2", [less])], names=("1", "2")).lines
    assert line.points[1].relative is None
    assert line.points[1].step is None
    assert line.points[1].problem == "1 → 2: 100 updates before and 99 after: the work differs, no ratio"


def test_release_whose_work_differed_before_anything_was_timed_says_so() -> None:
    before, after = (
        replace(measured("light", name, []), output=Output("digest", updates, 1024, ()))
        for name, updates in (("1", 100), ("2", 99))
    )
    difference = OutputDifference(100, "amount of work", "100 updates", "99 updates", less_work=True)
    after = replace(after, differences=(replace(difference, against=before.case.id),))
    (line,) = found([before, after], names=("1", "2")).lines
    assert line.points[1].problem == "1 → 2: 100 updates before and 99 after: the work differs, no ratio"


def test_releases_in_which_a_program_reads_fewer_updates_have_a_ratio() -> None:
    """Its orders are compared, and not what it reads for them; but each release must do the same in every pass."""
    one, two = pair(0, "a", "b", (1.0, 0.5))
    after = measured("run", "2", [replace(two, work=99)])
    before = measured("run", "1", [one])
    (line,) = build_trajectory(releases("1", "2"), [before, after], FIXED, same, is_program=True).lines
    assert line.points[1].relative == pytest.approx(0.5)
    other = pair(1, "a", "b", (1.0, 0.5))
    unsteady = [measured("run", "1", [one, other[0]]), measured("run", "2", [two, replace(other[1], work=99)])]
    (line,) = build_trajectory(releases("1", "2"), unsteady, FIXED, same, is_program=True).lines
    assert line.points[1].problem == "1 → 2: 100 updates before and 99, 100 after: the work differs, no ratio"


def test_differing_outputs_are_reported_beside_the_step() -> None:
    def digest(_before: Measurement, after: Measurement) -> str:
        return "no" if after.case.environment.endswith("2.12.0") else "yes"

    steps = build_trajectory(releases(*COSTS), sweep(COSTS), FIXED, digest).steps
    assert [step.after for step in steps if step.output == "no"] == ["2.12.0"]


# With an anchor -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anchor", ["2.10.0", "2.12.0", "2.23.2"])
def test_anchor_finds_the_same_steps_less_certainly(anchor: str) -> None:
    plan = SamplingPlan(anchor, rounds=24)
    anchored = found(sweep(COSTS, anchor=anchor), plan)
    (line,) = anchored.lines
    assert line.reference == anchor
    for point in line.points:
        assert point.relative == pytest.approx(COSTS[point.release] / COSTS[anchor], rel=0.02)
        assert point.low <= COSTS[point.release] / COSTS[anchor] <= point.high
    significant = {step.after for step in anchored.steps if step.significant}
    assert {"2.10.1", "2.12.0", "2.20.0"} <= significant
    assert not {"2.11.2", "2.19.1"} & significant
    assert {(s.before, s.after) for s in anchored.steps if s.paired} == {
        (s.before, s.after) for s in anchored.steps if anchor in (s.before, s.after)
    }
    for step in anchored.steps:
        assert step.low <= COSTS[step.after] / COSTS[step.before] <= step.high


def test_a_step_by_way_of_the_anchor_is_the_rank_sum_test_of_both_rows() -> None:
    first, second = [0.01, 0.02, 0.0, -0.01, 0.005, 0.03], [0.11, 0.1, 0.13, 0.09, 0.12, 0.14]
    step = estimate_anchored_step("m", "1", "2", first, second, FIXED)
    sides = [[math.exp(log) for log in row] for row in (first, second)]
    assert (step.ratio, step.low, step.high) == rank_sum.compute_shift_interval(sides[0], sides[1], 0.95)
    assert step.p_value == pytest.approx(2 / math.comb(12, 6))
    assert step.paired is False


def test_anchor_without_pairs_leaves_the_reason_only() -> None:
    names = ("1", "2")
    (line,) = found([measured("light", "1"), measured("light", "2")], SamplingPlan("1", 24), names).lines
    assert [point.relative for point in line.points] == [None, None]
    assert [point.problem for point in line.points] == ["no pairs", "no pairs"]
