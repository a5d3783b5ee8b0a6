"""The pilot of a gate on a corpus: the cost of a draw and the budget that follows, without processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.planned_surveys import group_of, open_result, pair_results, plan_of
from support.runs import settings

from perfbench.model import Draw, Failure, GatePolicy, PairBudget, Result
from perfbench.runner.pilot import fix_budgets
from perfbench.runner.state import Progress
from perfbench.runner.survey import pilot
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan
from perfbench.runner.survey.draw import DrawTask, Events
from perfbench.runner.survey.pilot import PILOT_DRAWS, run_survey_pilots
from perfbench.runner.time_limit import TimeLimit
from perfbench.runner.trial import Conditions
from perfbench.stats import survey

COSTS = [9.0, 2.0]
"""Seconds of the two draws of a pilot: only the second is that of the draws that follow."""


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[DrawTask]:
    """The tasks of the pilot, which take these seconds of a clock that stands still otherwise."""
    tasks: list[DrawTask] = []
    now = [0.0]

    def measure_draw(task: DrawTask, _conditions: Conditions, _folder: Path) -> Events:
        now[0] += COSTS[len(tasks) % len(COSTS)]
        tasks.append(task)
        yield Progress("a pass", 0.0, None)
        yield (open_result(task.draw.batch),)
        yield pair_results(task.draw.batch)

    monkeypatch.setattr(pilot, "measure_draw", measure_draw)
    monkeypatch.setattr("perfbench.runner.survey.pilot.time.monotonic", lambda: now[0])
    return tasks


def budget_of(plan: SurveyPlan, seconds: float, folder: Path) -> PairBudget:
    policy = GatePolicy(seconds=seconds, threshold=0.05)
    pilots = run_survey_pilots([group_of()], plan, settings(gate=policy), Conditions(None, 60.0), folder)
    found = fix_budgets(pilots, policy, TimeLimit(1.0))
    assert (found.seconds, found.threshold) == (seconds, 0.05)
    (budget,) = found.pairs
    return budget


@pytest.mark.parametrize(
    ("seconds", "batches", "most"),
    [
        (100.0, 5000, 50),
        (101.9, 5000, 50),
        (1.0, 5000, survey.LOOKS[0]),
        (24.0, 5000, survey.LOOKS[0]),
        (1e6, 5000, MAX_DRAWS),
        (100.0, 30, 50),  # a corpus of few batches is measured again
        (1.0, 5, survey.LOOKS[0]),
    ],
)
def test_budget_is_what_fits_and_at_least_the_first_look(
    seconds: float, batches: int, most: int, drawn: list[DrawTask], tmp_path: Path
) -> None:
    before, after = group_of().duets[0]
    expected = PairBudget(before.id, after.id, most, COSTS[1])
    assert budget_of(plan_of(batches), seconds, tmp_path) == expected
    assert len(drawn) == PILOT_DRAWS


def test_pilot_draws_from_the_middle_where_batches_are_like_most(drawn: list[DrawTask], tmp_path: Path) -> None:
    budget_of(plan_of(5000), 60.0, tmp_path)
    assert [task.draw.number for task in drawn] == [survey.LOOKS[0] // 2, survey.LOOKS[0] // 2 + 1]


def test_second_draw_knows_what_its_passes_are_expected_to_take(drawn: list[DrawTask], tmp_path: Path) -> None:
    budget_of(plan_of(5000), 60.0, tmp_path)
    assert drawn[0].expected == ()
    assert dict(drawn[1].expected) == {("before", "here"): 0.002, ("after", "here"): 0.001}


def test_corpus_of_one_batch_has_a_pilot(drawn: list[DrawTask], tmp_path: Path) -> None:
    assert budget_of(plan_of(1), 60.0, tmp_path).most == survey.LOOKS[0]
    assert [task.draw.number for task in drawn] == [0]


def test_pilot_that_fails_leaves_the_first_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun: list[Draw] = []

    def measure_draw(task: DrawTask, *_where: object) -> Iterator[tuple[Result, ...]]:
        begun.append(task.draw)
        yield (Result("duet 0", "case", failure=Failure("duet 0", "it crashed")),)

    monkeypatch.setattr(pilot, "measure_draw", measure_draw)
    found = budget_of(plan_of(5000), 60.0, tmp_path)
    assert (found.most, found.cost) == (survey.LOOKS[0], 0.0)
    assert len(begun) == 1
