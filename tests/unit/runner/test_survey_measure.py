"""The order of the draws of a survey, what ends it, and what it takes from earlier results: with an engine without processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from support.planned_surveys import group_of, open_result, pair_results, plan_of
from support.runs import settings

from perfbench.model import (
    SHARDED_DRAWS,
    SOLO_ROUNDS,
    Draw,
    GatePolicy,
    PairBudget,
    Result,
)
from perfbench.runner.state import Progress, Shortfall
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan
from perfbench.runner.survey.draw import DrawTask, Events
from perfbench.runner.survey.measure import (
    SurveyState,
    build_task,
    measure_survey,
    plan_stages,
    select_shard,
)
from perfbench.stats.survey_census import CENSUS_REPEATS


def stages_of(plan: SurveyPlan, count: int | None = None, **changes: object) -> list[tuple[Draw, ...]]:
    return list(itertools.islice(plan_stages(plan, settings(**changes)), count))


def numbers(stage: Iterable[Draw], round_: int = 0) -> list[int]:
    return [draw.number for draw in stage if draw.round == round_]


# Stages ------------------------------------------------------------------------------------------------------------------------


def test_stages_end_at_the_looks() -> None:
    stages = stages_of(plan_of(5000))
    assert [len(stage) for stage in stages] == [12, 12, 24, 48, 104, 200]
    assert [draw.number for stage in stages for draw in stage] == list(range(MAX_DRAWS))
    assert {draw.round for stage in stages for draw in stage} == {0}


def test_first_draws_are_measured_again_where_the_sample_is_a_large_part() -> None:
    stages = stages_of(plan_of(200), 3)
    assert (len(numbers(stages[0])), numbers(stages[0], 1)) == (12, [])  # 6 % of the batches
    assert (len(numbers(stages[1])), numbers(stages[1], 1)) == (12, list(range(CENSUS_REPEATS)))  # 12 %
    assert numbers(stages[2], 1) == [], "they are not measured a third time"


def test_whole_corpus_begins_again_after_its_last_batch() -> None:
    stages = stages_of(plan_of(20), 4)
    assert numbers(stages[0]) == list(range(12))
    assert numbers(stages[0], 1) == list(range(12))
    assert numbers(stages[1]) == list(range(12, 20))
    assert numbers(stages[2], 1) == list(range(12, 20)), "the first twelve had their second round"
    assert numbers(stages[3], 2) == list(range(20))


def test_small_corpus_is_not_measured_without_end() -> None:
    measured = sum(len(stage) for stage in stages_of(plan_of(20)))
    assert MAX_DRAWS <= measured <= MAX_DRAWS + 2 * 20


def test_corpus_of_one_batch_has_stages_too() -> None:
    stages = stages_of(plan_of(1), 3)
    assert [(draw.number, draw.round) for stage in stages for draw in stage][:2] == [(0, 0), (0, 1)]


def test_fixed_rounds_are_one_stage() -> None:
    stages = stages_of(plan_of(5000), rounds=30)
    assert [len(stage) for stage in stages] == [30]


def test_more_rounds_than_looks_are_planned() -> None:
    stages = stages_of(plan_of(20_000, draws=500), rounds=500)
    assert [len(stage) for stage in stages] == [500]


def test_fixed_rounds_above_the_corpus_measure_it_again() -> None:
    stages = stages_of(plan_of(10), rounds=25)
    assert numbers(stages[0]) == list(range(10))
    rounds = [draw.round for stage in stages for draw in stage]
    assert rounds.count(0) == rounds.count(1) == 10
    assert len(rounds) >= 25


def test_gate_draws_no_more_than_its_budget_and_never_begins_again() -> None:
    plan = plan_of(20)
    policy = GatePolicy(pairs=(PairBudget("a", "b", 15),))
    stages = stages_of(plan, gate=policy)
    assert [len(numbers(stage)) for stage in stages] == [12, 3]
    census = stages_of(plan, gate=GatePolicy())
    assert sum(len(numbers(stage)) for stage in census) == 20
    assert max(draw.round for stage in census for draw in stage) == 1


# Shards ------------------------------------------------------------------------------------------------------------------------


def test_gate_of_few_batches_measures_them_again_before_its_only_look() -> None:
    policy = GatePolicy(pairs=(PairBudget("a", "b", 12),))
    (stage,) = stages_of(plan_of(3), gate=policy)
    assert len(stage) == 12
    assert {draw.round for draw in stage} == {0, 1, 2, 3}
    assert len({(draw.batch, draw.round) for draw in stage}) == 12


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_shards_divide_the_draws(parts: int) -> None:
    draws = plan_of(50).corpus.draws
    shards = [select_shard(draws, settings(shard=(part, parts))) for part in range(1, parts + 1)]
    assert sorted(draw.number for shard in shards for draw in shard) == list(range(50))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_shards_together_measure_what_one_machine_would() -> None:
    plan = plan_of(300)
    together = [draw for part in (1, 2, 3) for stage in stages_of(plan, shard=(part, 3)) for draw in stage]
    whole = [draw for stage in stages_of(plan, rounds=SHARDED_DRAWS) for draw in stage]
    assert len(together) == len(whole)
    assert set(together) == set(whole)


def test_repeats_of_a_batch_are_in_the_shard_of_its_first_measurement() -> None:
    for part in (1, 2):
        stages = stages_of(plan_of(100), shard=(part, 2))
        assert {draw.number % 2 for stage in stages for draw in stage} == {part - 1}


# State -------------------------------------------------------------------------------------------------------------------------


def state_of(plan: SurveyPlan, *results: Result) -> SurveyState:
    state = SurveyState(group_of(), plan)
    for result in results:
        state.add(result)
    return state


def test_draw_is_done_when_both_sides_have_its_round() -> None:
    plan = plan_of(20)
    first = plan.corpus.draws[0]
    before, after = pair_results(first.batch)
    assert not state_of(plan).is_done(first)
    assert not state_of(plan, open_result(first.batch), before).is_done(first)
    done = state_of(plan, open_result(first.batch), before, after)
    assert done.is_done(first)
    assert not done.is_done(replace(first, round=1))


def test_solo_passes_of_a_round_are_done_too() -> None:
    plan = plan_of(20)
    first = plan.corpus.draws[0]
    solo = [
        replace(result, sample=replace(result.sample, kind="alone", round=SOLO_ROUNDS))
        for result in pair_results(first.batch)
        if result.sample is not None
    ]
    assert state_of(plan, open_result(first.batch), *solo).is_done(first)


def test_batch_without_a_market_is_done_once_it_was_opened() -> None:
    plan = plan_of(20)
    first = plan.corpus.draws[0]
    assert state_of(plan, open_result(first.batch, None)).is_done(first)


def test_results_of_other_groups_and_unopened_batches_are_ignored() -> None:
    plan = plan_of(20)
    first = plan.corpus.draws[0].batch
    state = state_of(plan, *pair_results(first))
    assert not state.samples
    assert state.build_corpus(plan.corpus.draws).opened == ()


def test_expected_seconds_are_medians_per_byte_and_known_once_both_sides_are() -> None:
    plan = plan_of(20)
    names = [draw.batch for draw in plan.corpus.draws[:3]]
    results = [open_result(name, 1000 * (n + 1)) for n, name in enumerate(names)]
    for n, name in enumerate(names):
        results += pair_results(name, before=2.0 * (n + 1) ** 2, after=1.0 * (n + 1) ** 2)
    state = state_of(plan, *results)
    assert state.expect_seconds() == ((("before", "here"), 0.004), (("after", "here"), 0.002))
    assert state_of(plan, *results[:4]).expect_seconds() == ()


def test_task_has_the_members_of_its_batch_and_what_is_there_already() -> None:
    plan = plan_of(20)
    first, second = plan.corpus.draws[:2]
    results = [open_result(first.batch), *pair_results(first.batch)]
    task = build_task(first, state_of(plan, *results), settings())
    assert task.before == tuple(results)
    assert [member.name for member in task.members] == [first.batch]
    assert task.packed_bytes == plan.find(first.batch).packed_bytes
    assert build_task(second, state_of(plan, *results), settings()).before == ()


# Measuring ---------------------------------------------------------------------------------------------------------------------


@dataclass
class InMemory:
    """An engine whose pairs take the seconds that a function of the draw says, and ``cost`` seconds of the clock."""

    ratio: Callable[[DrawTask], float] = lambda _task: 0.5
    cost: float = 0.0
    now: float = 0.0
    taken: list[tuple[int, int]] = field(default_factory=list)

    def measure(self, tasks: Iterable[DrawTask]) -> Events:
        for task in tasks:
            self.taken.append((task.draw.number, task.draw.round))
            yield Progress(task.draw.batch, 0.0, None)
            if not task.before:
                yield (open_result(task.draw.batch),)
            yield pair_results(task.draw.batch, task.draw.round, 2.0, 2.0 * self.ratio(task))
            self.now += self.cost

    def clock(self) -> float:
        return self.now


def survey(plan: SurveyPlan, engine: InMemory, results: Iterable[Result] = (), **changes: object) -> list[object]:
    group = group_of()
    return list(measure_survey(group, plan, settings(**changes), engine, results, engine.clock))


def results_in(events: Iterable[object]) -> Iterator[Result]:
    return (result for event in events if isinstance(event, tuple) for result in event)


def test_survey_ends_at_the_first_look_with_a_narrow_interval() -> None:
    engine = InMemory()
    survey(plan_of(5000), engine, max_time=1e9)
    assert [number for number, _ in engine.taken] == list(range(12))


def test_opened_batch_of_a_draw_is_known_at_the_look_though_its_batch_was_used_before() -> None:
    plan = plan_of(20)
    first = plan.corpus.draws[0]
    state = state_of(plan)
    assert not state.is_done(first)
    build_task(first, state, settings())
    state.add(open_result(first.batch))
    state.add(open_result(first.batch))
    assert [batch.batch for batch in state.build_corpus(plan.corpus.draws).opened] == [first.batch]


def test_survey_goes_on_while_the_interval_is_wide() -> None:
    engine = InMemory(lambda task: 0.5 if task.draw.number % 2 else 0.6)
    survey(plan_of(5000), engine, max_time=1e9, survey_precision=0.03)
    assert len(engine.taken) in (48, 96)


def test_no_draw_is_begun_that_would_end_after_the_time() -> None:
    engine = InMemory(cost=3.0)
    survey(plan_of(5000), engine, max_time=10.0)
    assert len(engine.taken) == 3


def test_first_draw_is_measured_though_the_time_is_over() -> None:
    engine = InMemory(cost=3.0)
    survey(plan_of(5000), engine, max_time=1.0)
    assert len(engine.taken) == 1


def test_precision_not_reached_is_the_last_event() -> None:
    engine = InMemory(lambda task: 0.5 if task.draw.number % 2 else 0.6, cost=3.0)
    *_, last = survey(plan_of(5000), engine, max_time=60.0, survey_precision=0.001)
    assert isinstance(last, Shortfall)
    assert last.half_width is not None
    assert last.half_width > 0.001
    assert last.seconds > 60.0
    *_, short = survey(plan_of(5000), InMemory(cost=3.0), max_time=10.0)
    assert short == Shortfall(None, 9 * 3.0)


def test_fixed_rounds_are_measured_whatever_the_time() -> None:
    engine = InMemory(cost=3.0)
    events = survey(plan_of(5000), engine, max_time=10.0, rounds=30)
    assert len(engine.taken) == 30
    assert all(event.seconds_left is None for event in events if isinstance(event, Progress))


def test_progress_is_the_part_of_the_time_that_is_spent() -> None:
    engine = InMemory(cost=3.0)
    events = survey(plan_of(5000), engine, max_time=12.0)
    shown = [(event.share, event.seconds_left) for event in events if isinstance(event, Progress)]
    assert shown == [(0.0, 12.0), (0.25, 9.0), (0.5, 6.0), (0.75, 3.0)]


def test_draws_before_an_interruption_are_not_measured_again() -> None:
    plan = plan_of(5000)
    whole = list(results_in(survey(plan, InMemory(), rounds=20)))
    rest = InMemory()
    cut = 3 * 7 + 2  # three results a draw: the eighth has one side only
    again = list(results_in(survey(plan, rest, whole[:cut], rounds=20)))
    assert rest.taken == [(number, 0) for number in range(7, 20)]
    assert {(r.trial, r.case) for r in (*whole[:cut], *again)} == {(r.trial, r.case) for r in whole}


@pytest.mark.parametrize(("ratio", "most", "expected"), [(1.5, 48, 12), (1.0, 48, 12)])
def test_gate_ends_once_its_verdict_is_clear(ratio: float, most: int, expected: int) -> None:
    before, after = group_of().duets[0]
    policy = GatePolicy(pairs=(PairBudget(before.id, after.id, most),))
    engine = InMemory(lambda _task: ratio)
    survey(plan_of(5000), engine, max_time=1e9, gate=policy)
    assert len(engine.taken) == expected


def test_gate_that_stays_inconclusive_ends_with_its_budget() -> None:
    before, after = group_of().duets[0]
    policy = GatePolicy(pairs=(PairBudget(before.id, after.id, 30),))
    engine = InMemory(lambda task: 0.9 if task.draw.number % 2 else 1.1)
    survey(plan_of(5000), engine, max_time=1e9, gate=policy)
    assert len(engine.taken) == 30


@pytest.mark.parametrize(("seconds", "expected"), [(5.0, 12), (20.0, 24)])
def test_gate_reaches_its_look_though_its_time_is_over(seconds: float, expected: int) -> None:
    before, after = group_of().duets[0]
    policy = GatePolicy(pairs=(PairBudget(before.id, after.id, 30),))
    engine = InMemory(lambda task: 0.9 if task.draw.number % 2 else 1.1, cost=1.0)
    survey(plan_of(5000), engine, max_time=seconds, gate=policy)
    assert len(engine.taken) == expected


def test_modes_that_are_not_paired_are_surveyed_by_their_totals() -> None:
    engine = InMemory()
    group = replace(group_of(), duets=())
    list(measure_survey(group, plan_of(5000), settings(max_time=1e9), engine, (), engine.clock))
    assert len(engine.taken) == 12
