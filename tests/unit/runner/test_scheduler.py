"""The scheduler on a controlled clock with synthetic trials: stopping, dropped cases, resumption."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from support.runs import offer, program, scenario, settings

from perfbench.model import (
    Case,
    CaseGroup,
    Change,
    Environment,
    Failure,
    GatePolicy,
    Output,
    OutputDifference,
    Package,
    Result,
    Sample,
    Trial,
)
from perfbench.runner import instruction_pass, output_check, plan, repeat_check, scheduler
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.state import GroupState, Progress, Shortfall
from perfbench.runner.stopping import FixedRounds, choose_rule
from perfbench.runner.trial import Conditions

CONDITIONS = Conditions(None, 60.0)
Noise = Callable[[str, int], float]


class Stage:
    """Trials that are made up; the clock goes on by a second for each pass."""

    def __init__(self, noise: Noise = lambda _mode, _round: 1.0) -> None:
        self.now = 0.0
        self.noise = noise
        self.failing: dict[str, str] = {}
        """By mode, or by environment: the kind of trial that fails."""
        self.reported: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        """By mode: what its passes take, if not a second."""
        self.less_work: set[str] = set()
        self.outputs: dict[str, str] = {}
        self.known: tuple[str, ...] = ()
        self.trials: list[Trial] = []
        self.parts: list[tuple[InterleavedSide, ...]] = []

    def clock(self) -> float:
        return self.now

    def fails(self, case: Case) -> str | None:
        return self.failing.get(case.mode) or self.failing.get(case.environment)

    def execute(
        self,
        trial: Trial,
        table: CaseGroup,
        conditions: Conditions,
        *,
        parts: Sequence[InterleavedSide] = (),
        **_: object,
    ) -> Iterator[Result]:
        self.trials.append(trial)
        if trial.kind == "duet":
            self.parts.append(tuple(parts))
        failed = [case for case in trial.cases if self.fails(case) == trial.kind]
        for case in trial.cases:
            self.now += self.seconds.get(case.mode, 1.0)
            if case in failed:
                yield Result(trial.id, case.id, failure=Failure(trial.kind, "it broke"))
            elif not failed:
                seconds = self.noise(case.mode, trial.round)
                metrics = {"cpu_seconds": seconds, "wall_seconds": seconds, **self.reported}
                yield Result(trial.id, case.id, sample=Sample(trial.kind, trial.round, 0, trial.id, 1, metrics))

    def check(self, checks: Sequence[Trial], *_: object) -> Iterator[Result]:
        for trial in checks:
            self.trials.append(trial)
            (case,) = trial.cases
            if self.fails(case) == "check":
                yield Result(trial.id, case.id, failure=Failure("check", "it broke"))
            else:
                updates = 1 if case.mode in self.less_work else 2
                packages = (Package("bflw", case.environment.partition("==")[2] or "1", "x"),)
                output = Output(self.outputs.get(case.mode, "d"), updates, 1, ())
                yield Result(trial.id, case.id, output=output, packages=packages)

    def count(self, trial: Trial, *_: object) -> Result:
        self.trials.append(trial)
        (case,) = trial.cases
        if self.failing.get(case.mode) == "count":
            return Result(trial.id, case.id, failure=Failure("count", "it broke"))
        sample = Sample("count", trial.round, 0, trial.id, 1, {"instructions": 1e9})
        return Result(trial.id, case.id, sample=sample)

    def differ(
        self, trial: Trial, table: CaseGroup, outputs: tuple[Output, Output], known: Sequence[Change], *_: object
    ) -> Result:
        self.trials.append(trial)
        self.known = tuple(change.name for change in known)
        before, after = trial.cases
        less = outputs[0].updates != outputs[1].updates
        return Result(trial.id, after.id, difference=OutputDifference(1, "x", "2", "1", less, before.id))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(scheduler, "execute_trial", made.execute)
    monkeypatch.setattr(instruction_pass, "count_instructions", made.count)
    monkeypatch.setattr(output_check, "run_check_passes", made.check)
    monkeypatch.setattr(output_check, "explain_difference", made.differ)
    return made


def table(*modes: str) -> CaseGroup:
    (made,) = plan.plan_groups([[offer(scenario(*(modes or ("base", "one", "two"))))]], [], settings())
    return made


def measured(stage: Stage, made: CaseGroup, before: list[Result] | None = None, **changes: object) -> list[Result]:
    asked = settings(**changes)
    rule = choose_rule(asked, comparisons=1)
    events = scheduler.measure_group(made, asked, rule, CONDITIONS, before or [], stage.clock)
    return [result for event in events if isinstance(event, tuple) for result in event]


def shortfall(stage: Stage, made: CaseGroup, **changes: object) -> Shortfall | None:
    asked = settings(**changes)
    *_, last = scheduler.measure_group(made, asked, choose_rule(asked, 1), CONDITIONS, [], stage.clock)
    return last if isinstance(last, Shortfall) else None


PLACES = tuple(Environment(f"bflw=={version}", "python") for version in ("1.0", "2.0", "3.0"))


def side_by_side(*places: Environment) -> CaseGroup:
    (made,) = plan.plan_groups([[offer(scenario("base", "one"), place) for place in places]], [], settings())
    return made


def rounds(stage: Stage) -> int:
    return len({trial.round for trial in stage.trials if trial.kind == "duet"})


def test_scheduler_runs_exactly_the_requested_rounds(stage: Stage) -> None:
    measured(stage, table(), rounds=5)
    assert Counter(trial.kind for trial in stage.trials) == {"check": 3, "memory": 9, "alone": 9, "duet": 10}


def test_scheduler_stops_at_first_look_when_all_intervals_are_narrow(stage: Stage) -> None:
    measured(stage, table(), max_time=1e9)
    assert rounds(stage) == 8


def test_scheduler_continues_while_one_interval_is_wide(stage: Stage) -> None:
    chance = random.Random(3)
    stage.noise = lambda mode, _: chance.gauss(1, 0.03 if mode == "two" else 0.0001)
    results = measured(stage, table(), max_time=1e9)
    state = GroupState(table(), settings(), choose_rule(settings(), comparisons=1), results)
    assert rounds(stage) > 17
    widths = [found for found in state.estimates(0.95) if found is not None]
    assert all((found.high - found.low) / 2 < 0.011 for found in widths)


def noisy(low: float, high: float) -> Noise:
    chance = random.Random(3)
    return lambda _mode, _round: chance.uniform(low, high)


@pytest.mark.parametrize("seconds", [40.0, 41.0, 100.0, 333.0])
def test_scheduler_keeps_to_the_time_limit_and_uses_it(stage: Stage, seconds: float) -> None:
    """Check passes take no time here; every other pass takes a second."""
    stage.noise = noisy(0.5, 2)
    measured(stage, table(), max_time=seconds)
    assert seconds - 2 < stage.now <= seconds


def test_pairs_that_fit_into_the_rest_of_the_time_are_measured_though_a_round_does_not(stage: Stage) -> None:
    stage.noise = noisy(0.5, 2)
    stage.seconds["one"] = 9.0
    measured(stage, table(), max_time=66.0)
    pairs = Counter(c.mode for trial in stage.trials if trial.kind == "duet" for c in trial.cases)
    assert stage.now <= 66.0
    assert pairs["one"] >= 3
    assert pairs["two"] > pairs["one"]


def test_short_time_is_kept_for_the_pairs_that_an_interval_can_be_reached_for(stage: Stage) -> None:
    """A round takes 12 s, an interval of both pairs would take 72."""
    stage.noise = noisy(0.5, 2)
    stage.seconds["one"] = 9.0
    measured(stage, table(), max_time=45.0)
    pairs = Counter(c.mode for trial in stage.trials if trial.kind == "duet" for c in trial.cases)
    assert stage.now <= 45.0
    assert pairs["two"] >= scheduler.MIN_PAIRS == 6
    assert 1 <= pairs["one"] < 4


@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_one_round_is_measured_though_the_time_is_over(stage: Stage, seconds: float) -> None:
    measured(stage, table(), max_time=seconds)
    kinds = Counter(trial.kind for trial in stage.trials)
    assert kinds == {"memory": 3, "duet": 2, "check": 3}


def test_first_ratio_comes_before_the_check_passes_where_the_time_is_limited(stage: Stage) -> None:
    measured(stage, table(), max_time=60.0)
    kinds = [trial.kind for trial in stage.trials]
    assert kinds[:3] == ["memory", "memory", "duet"], "two passes, then the first pair"
    assert kinds[3:5] == ["memory", "duet"]
    assert kinds[5:8] == ["check"] * 3


def test_mode_without_output_check_is_dropped_after_the_first_round(stage: Stage) -> None:
    stage.failing = {"one": "check"}
    measured(stage, table(), max_time=1e9)
    pairs = Counter(c.mode for trial in stage.trials if trial.kind == "duet" for c in trial.cases)
    assert pairs["one"] == 1
    assert pairs["two"] == 8


def test_solo_passes_are_left_out_where_they_would_take_a_large_part_of_the_time(stage: Stage) -> None:
    stage.noise = noisy(0.5, 2)
    measured(stage, table(), max_time=1000.0)
    counted = Counter(trial.kind for trial in stage.trials)
    assert (counted["memory"], counted["alone"]) == (9, 9)
    stage.trials.clear()
    stage.now = 0.0
    measured(stage, table(), max_time=30.0)
    counted = Counter(trial.kind for trial in stage.trials)
    assert (counted["memory"], counted["alone"]) == (3, 0)


def test_precision_not_reached_in_the_time_comes_with_the_time_that_it_takes(stage: Stage) -> None:
    stage.noise = noisy(0.9, 1.1)
    assert shortfall(stage, table(), rounds=5) is None
    lacking = shortfall(stage, table(), max_time=100.0)
    assert lacking is not None
    assert lacking.half_width is not None
    assert lacking.half_width > 0.01
    assert lacking.seconds % 4 == 0, "rounds of four passes of a second"
    assert shortfall(stage, table(), max_time=1e9) is None or rounds(stage) == 136
    short = shortfall(stage, table(), max_time=12.0)
    assert short is not None
    assert short.half_width is None, "too few rounds for an interval"


@pytest.mark.parametrize("quick", [True, False])
def test_mode_whose_partner_failed_has_seconds_though_the_time_is_over(stage: Stage, quick: bool) -> None:
    stage.failing = {"base": "memory" if not quick else "check"}
    asked = settings(rounds=2, quick=True) if quick else settings(max_time=0.0)
    list(scheduler.measure_group(table(), asked, choose_rule(asked, 1), CONDITIONS, [], stage.clock, 0.0))
    assert Counter(t.cases[0].mode for t in stage.trials if t.kind == "alone") == {"one": 1, "two": 1}


def test_quick_run_makes_no_second_round_that_takes_too_long(stage: Stage) -> None:
    for seconds, expected in ((100.0, 2), (8.0, 1)):
        stage.trials.clear()
        asked = settings(rounds=2, quick=True)
        list(scheduler.measure_group(table(), asked, choose_rule(asked, 1), CONDITIONS, [], stage.clock, seconds))
        assert rounds(stage) == expected


def quick_trials(stage: Stage) -> Counter[str]:
    asked = settings(rounds=2, quick=True)
    list(scheduler.measure_group(table(), asked, choose_rule(asked, 1), CONDITIONS, [], stage.clock, 100.0))
    return Counter(trial.kind for trial in stage.trials)


def test_quick_run_makes_no_pass_that_its_pairs_make_superfluous(stage: Stage) -> None:
    modes = len(table().cases)
    assert quick_trials(stage) == {"check": modes, "memory": modes, "duet": 2 * (modes - 1)}


def test_quick_run_of_a_scenario_that_times_itself_has_one_memory_pass_that_shows_it(stage: Stage) -> None:
    stage.reported = {"reported_seconds": 1.0}
    assert quick_trials(stage)["memory"] == 1


def test_quick_run_repeats_no_side_however_short_it_is(stage: Stage) -> None:
    stage.noise = lambda mode, _round: {"base": 8.0}.get(mode, 1.0)
    quick_trials(stage)
    assert {part.passes for parts in stage.parts for part in parts} == {1}
    stage.parts.clear()
    measured(stage, table(), rounds=2)
    assert {part.passes for parts in stage.parts for part in parts} == {1, 8}


def test_scheduler_stops_at_the_last_look_whatever_the_noise(stage: Stage) -> None:
    chance = random.Random(3)
    stage.noise = lambda _mode, _round: chance.uniform(0.1, 9)
    measured(stage, table(), max_time=1e9)
    assert rounds(stage) == 136


@pytest.mark.parametrize("broken", ["bflw==1.0", "bflw==2.0"])
def test_side_that_fails_every_check_ends_the_table_after_the_checks(stage: Stage, broken: str) -> None:
    stage.failing = {broken: "check"}
    measured(stage, side_by_side(*PLACES[:2]), rounds=8)
    assert Counter(trial.kind for trial in stage.trials) == {"check": 4}


def test_side_that_fails_its_count_of_instructions_is_timed_nevertheless(stage: Stage) -> None:
    stage.failing = {"bflw==2.0": "count"}
    measured(stage, side_by_side(*PLACES[:2]), rounds=2, count=True)
    kinds = Counter(trial.kind for trial in stage.trials)
    assert (kinds["alone"], kinds["duet"]) == (12, 4)


def test_side_that_fails_its_checks_leaves_the_other_two_measured(stage: Stage) -> None:
    stage.failing = {"bflw==3.0": "check"}
    measured(stage, side_by_side(*PLACES), rounds=8)
    environments = Counter(c.environment for trial in stage.trials if trial.kind == "duet" for c in trial.cases)
    assert environments == {"bflw==1.0": 16, "bflw==2.0": 16}


def test_mode_that_fails_in_one_environment_is_measured_in_neither(stage: Stage) -> None:
    made = side_by_side(*PLACES[:2])
    before = [Result("check 0 x", made.places[-1].case.id, failure=Failure("check", "it broke"))]
    measured(stage, made, before, rounds=3)
    assert {case.mode for trial in stage.trials if trial.kind != "check" for case in trial.cases} == {"base"}


def test_gate_measures_nothing_of_a_mode_whose_partner_fails(stage: Stage) -> None:
    """A table of a budget for the ratio of two modes; elsewhere a mode without its baseline has its seconds."""
    made = table("base", "one")
    stage.failing = {"base": "check"}
    measured(stage, made, rounds=2)
    assert {case.mode for trial in stage.trials if trial.kind == "alone" for case in trial.cases} == {"one"}
    stage.trials.clear()
    measured(stage, made, rounds=2, gate=GatePolicy())
    assert Counter(trial.kind for trial in stage.trials) == {"check": 2}


def test_mode_that_fails_its_check_is_dropped_and_the_others_are_measured(stage: Stage) -> None:
    stage.failing = {"one": "check"}
    results = measured(stage, table(), rounds=8)
    modes = Counter(case.mode for trial in stage.trials if trial.kind == "duet" for case in trial.cases)
    assert modes == {"base": 8, "two": 8}
    assert sum(result.failure is not None for result in results) == 1


def test_mode_that_does_less_work_is_dropped(stage: Stage) -> None:
    stage.less_work = {"two"}
    measured(stage, table(), rounds=3)
    assert not [trial for trial in stage.trials if trial.kind == "duet" and "two" in {c.mode for c in trial.cases}]


def test_case_is_dropped_at_its_third_crash_in_pairs(stage: Stage) -> None:
    stage.failing = {"one": "duet"}
    results = measured(stage, table(), rounds=8)
    assert sum(result.failure is not None for result in results) == 3
    assert not [r for r in results if r.sample is not None and r.sample.kind == "duet" and "/one@" in r.case]


def test_pairs_need_the_baseline(stage: Stage) -> None:
    stage.failing = {"base": "check"}
    measured(stage, table(), rounds=8)
    assert rounds(stage) == 0
    assert {t.cases[0].mode for t in stage.trials if t.kind == "alone"} == {"one", "two"}


def by_the_wall(*modes: str) -> CaseGroup:
    """The passes of its pairs run one after the other."""
    made = table(*modes)
    return replace(made, scenario=replace(made.scenario, metric="wall_seconds"))


def test_sequential_pairs_replace_solo_passes(stage: Stage) -> None:
    measured(stage, by_the_wall(), rounds=5)
    assert Counter(trial.kind for trial in stage.trials) == {"check": 3, "memory": 9, "duet": 10}


def test_self_timing_modes_have_no_solo_passes(stage: Stage) -> None:
    stage.reported = {"reported_seconds": 1.0}
    measured(stage, table(), rounds=5)
    assert Counter(trial.kind for trial in stage.trials) == {"check": 3, "memory": 9, "duet": 10}


def test_modes_without_partner_have_solo_passes_by_wall_time(stage: Stage) -> None:
    stage.failing = {"base": "check"}
    measured(stage, by_the_wall(), rounds=8)
    assert Counter(t.cases[0].mode for t in stage.trials if t.kind == "alone") == {"one": 3, "two": 3}


def test_gate_keeps_solo_passes_because_it_may_stop_early(stage: Stage) -> None:
    assert measured(stage, by_the_wall("base", "one"), gate=GatePolicy())
    assert Counter(t.cases[0].mode for t in stage.trials if t.kind == "alone") == {"base": 1, "one": 1}


def test_single_mode_is_measured_in_solo_passes(stage: Stage) -> None:
    measured(stage, table("base"), rounds=6)
    assert Counter(trial.kind for trial in stage.trials) == {"check": 1, "memory": 3, "alone": 9}


@pytest.mark.parametrize("kept", [0, 3, 4, 15, 31, 41])
def test_resumed_run_measures_missing_trials_once(stage: Stage, kept: int) -> None:
    whole = measured(stage, table(), rounds=8)
    stage.trials.clear()
    rest = measured(stage, table(), whole[:kept], rounds=8)
    assert sorted((r.trial, r.case) for r in whole) == sorted((r.trial, r.case) for r in [*whole[:kept], *rest])


def test_progress_reports_share_and_time_left(stage: Stage) -> None:
    events = list(scheduler.measure_group(table(), settings(rounds=10), FixedRounds(10), CONDITIONS, [], stage.clock))
    shown = [event for event in events if isinstance(event, Progress)]
    assert shown[0].doing == "check passes: is the output the same?"
    last = shown[-1]
    assert last.doing.startswith("round 10: ")
    assert last.share == pytest.approx(0.93, abs=0.05)
    assert last.rounds == 9
    assert last.seconds_left == pytest.approx(4.0, abs=2.0)
    assert [event.share for event in shown] == sorted(event.share for event in shown)
    left = [event.seconds_left for event in shown if event.seconds_left is not None]
    assert len(left) > 10
    assert left == sorted(left, reverse=True), "it falls with each pair, not with each round"
    assert len(set(left)) == len(left)


# Instructions --------------------------------------------------------------------------------------------------------


def test_instructions_are_counted_after_the_check_passes_and_before_anything_is_timed(stage: Stage) -> None:
    measured(stage, table(), rounds=2, count=True)
    kinds = [trial.kind for trial in stage.trials]
    assert kinds[:12] == ["check"] * 3 + ["count"] * 9
    assert "count" not in kinds[12:]
    assert [trial.hash_seed for trial in stage.trials if trial.kind == "count"] == [0, 1, 2] * 3


def test_counting_leaves_the_timed_trials_unchanged(stage: Stage) -> None:
    measured(stage, table(), rounds=4)
    plain = list(stage.trials)
    stage.trials.clear()
    measured(stage, table(), rounds=4, count=True)
    assert [trial for trial in stage.trials if trial.kind != "count"] == plain


def test_case_that_cannot_be_counted_is_still_timed(stage: Stage) -> None:
    stage.failing = {"one": "count"}
    measured(stage, table(), rounds=4, count=True)
    counted = Counter(trial.cases[0].mode for trial in stage.trials if trial.kind == "count")
    assert counted == {"base": 3, "one": 1, "two": 3}
    assert rounds(stage) == 4
    assert sum("one" in {case.mode for case in trial.cases} for trial in stage.trials if trial.kind == "duet") == 4


def test_case_whose_check_fails_is_not_counted(stage: Stage) -> None:
    stage.failing = {"one": "check"}
    measured(stage, table(), rounds=2, count=True)
    assert {trial.cases[0].mode for trial in stage.trials if trial.kind == "count"} == {"base", "two"}


@pytest.mark.parametrize("kept", [4, 7, 12])
def test_resumed_run_counts_missing_cases_once(stage: Stage, kept: int) -> None:
    whole = measured(stage, table(), rounds=2, count=True)
    rest = measured(stage, table(), whole[:kept], rounds=2, count=True)
    assert sorted((r.trial, r.case) for r in whole) == sorted((r.trial, r.case) for r in [*whole[:kept], *rest])


# Outputs -------------------------------------------------------------------------------------------------------------


def test_differing_outputs_are_reported_before_timing_and_still_timed(stage: Stage) -> None:
    stage.outputs = {"one": "other"}
    results = measured(stage, table(), rounds=2)
    kinds = [trial.kind for trial in stage.trials]
    assert kinds[:4] == ["check", "check", "check", "differ"]
    assert [result.case for result in results if result.difference] == ["made_up/one@here"]
    assert kinds.count("duet") == 4


def test_only_changes_between_two_releases_can_explain_a_difference(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = tuple(Change(name, "bflw", release, (), "") for name, release in (("old", "1"), ("new", "1.5")))
    made = replace(scenario("base"), changes=announced)
    environments = (Environment("bflw==1", "python"), Environment("bflw==2", "python"))
    (both,) = plan.plan_groups([[offer(made, place) for place in environments]], [], settings())
    stage.check = lambda checks, *_: iter(  # type: ignore[method-assign]
        Result(
            trial.id,
            trial.cases[0].id,
            output=Output(trial.cases[0].environment, 2, 1, ()),
            packages=(Package("bflw", trial.cases[0].environment.partition("==")[2], "x"),),
        )
        for trial in checks
    )
    monkeypatch.setattr(output_check, "run_check_passes", stage.check)
    known = []
    for accepted in ((), ("old",)):
        measured(stage, both, rounds=1, accepted=accepted)
        known.append(stage.known)
    assert known == [("new",), ("old", "new")]


def test_case_in_two_links_of_a_chain_is_checked_once(stage: Stage) -> None:
    environments = [Environment(f"bflw=={number}", "python") for number in (1, 2, 3)]
    links = plan.plan_groups(
        [[offer(scenario("base"), place) for place in environments]], [], settings(links="neighbours")
    )
    results: list[Result] = []
    for link in links:
        results += measured(stage, link, results, rounds=2, links="neighbours")
    counted = Counter(trial.kind for trial in stage.trials)
    assert counted == {"check": 3, "memory": 3, "alone": 3, "duet": 4}


def test_slices_of_a_pair_follow_earlier_pairs_not_disturbed_solo_passes(stage: Stage) -> None:
    def disturbed(mode: str, _: int) -> float:
        return 1.4 if mode == "one" and stage.trials[-1].kind != "duet" else 1.0

    stage.noise = disturbed
    measured(stage, table("base", "one"), rounds=3)
    first, *others = stage.parts
    assert max(part.turn for part in first) > 0.03
    assert all(part.turn == pytest.approx(0.005) for parts in others for part in parts)


# Programs ---------------------------------------------------------------------------------------------------------------


def program_group(*modes: str) -> CaseGroup:
    (made,) = plan.plan_groups([[offer(program(*modes))]], [], settings())
    return made


def test_check_pass_of_a_program_runs_twice_before_anything_is_timed(stage: Stage) -> None:
    results = measured(stage, program_group("run"), rounds=1)
    assert [trial.id for trial in stage.trials if trial.kind == "check"] == [
        "check 0 backtest:run/run@here", "check 1 backtest:run/run@here",
    ]  # fmt: skip
    assert [result.output is not None for result in results if result.kind == "check"] == [True, False]


def test_second_check_pass_is_made_once_though_the_run_is_resumed(stage: Stage) -> None:
    whole = measured(stage, program_group("run"), rounds=1)
    stage.trials.clear()
    measured(stage, program_group("run"), whole[:1], rounds=1)
    assert [trial.id for trial in stage.trials if trial.kind == "check"] == ["check 1 backtest:run/run@here"]
    stage.trials.clear()
    measured(stage, program_group("run"), whole[:2], rounds=1)
    assert not [trial for trial in stage.trials if trial.kind == "check"]


def test_failed_program_is_reported_once(stage: Stage) -> None:
    stage.failing = {"run": "check"}
    results = measured(stage, program_group("run"), rounds=1)
    assert len([result for result in results if result.failure is not None]) == 1


def test_program_that_differs_from_run_to_run_is_timed_and_not_compared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(trial: Trial, _group: CaseGroup, _first: Output, checked: Result, _conditions: Conditions) -> Result:
        return Result(trial.id, checked.case, difference=OutputDifference(1, "x", "1", "2", against=checked.case))

    monkeypatch.setattr(repeat_check, "compare_repeat", compare)
    stage.outputs = {"run": "d", "again": "e"}
    measured(stage, program_group("run", "again"), rounds=6)
    kinds = Counter(trial.kind for trial in stage.trials)
    assert kinds["duet"] == 6
    assert "differ" not in kinds


@pytest.mark.parametrize("reported", [{}, {"child_seconds": 0.4}])
def test_passes_of_a_program_share_a_core_unless_it_starts_processes(stage: Stage, reported: dict[str, float]) -> None:
    stage.reported = {"reported_seconds": 1.0, **reported}
    measured(stage, program_group("run", "again"), rounds=3)
    assert all(bool(parts) is not bool(reported) for parts in stage.parts)
    assert len(stage.parts) == 3
