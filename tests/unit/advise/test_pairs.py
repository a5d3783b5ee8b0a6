"""Pairs on several markets become gains; failing ones are left out, and too many end the request."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.runs import HERE, MARKET, scenario

from perfbench.advise import pairs
from perfbench.advise.pairs import MAX_FAILED_PAIRS, PairMeasurer, PlacedPair
from perfbench.advise.search_steps import PairRequest
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Failure, Result, Sample, Trial
from perfbench.runner.trial import Conditions

SECONDS = {"before": 3.0, "after": 1.5}


def place_pairs(count: int) -> list[PlacedPair]:
    placed = []
    for number in range(count):
        market = replace(MARKET, name=f"1.{number}")
        sides = [CaseInEnvironment(Case("mine", "run", name, market.name), HERE) for name in SECONDS]
        placed.append(PlacedPair(CaseGroup(scenario("run"), market, (), (sides[0],)), *sides))
    return placed


class FakeTrials:
    """Stands for the execution of duets: fixed seconds, and failures of the trials with these numbers."""

    def __init__(self, failing: set[int] | None = None, child_seconds: float = 0.0) -> None:
        self.failing = failing or set()
        self.child_seconds = child_seconds
        self.trials: list[Trial] = []
        self.options: list[dict[str, Any]] = []

    def __call__(self, trial: Trial, _table: CaseGroup, _conditions: Conditions, **options: Any) -> Iterator[Result]:
        self.trials.append(trial)
        self.options.append(options)
        for case in trial.cases:
            if trial.round in self.failing and case.environment == "after":
                yield Result(trial.id, case.id, failure=Failure("duet", "it crashed"))
                continue
            seconds = SECONDS[case.environment]
            metrics = {"cpu_seconds": seconds, "child_seconds": self.child_seconds}
            yield Result(trial.id, case.id, Sample("duet", trial.round, 0, trial.id, 10, metrics))


def run(trials: FakeTrials, request: PairRequest, markets: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pairs, "execute_trial", trials)
    measurer = PairMeasurer(Conditions(None, 60.0), 7)
    return measurer, measurer.measure(request, place_pairs(markets))


def test_pairs_are_spread_over_the_markets_and_give_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials()
    _, answer = run(trials, PairRequest("confirm", (), (0,), 0, 12), 4, monkeypatch)
    assert answer.gains == pytest.approx([math.log(2.0)] * 12)
    assert not answer.failure
    assert [trial.cases[0].data for trial in trials.trials] == [f"1.{n}" for n in range(4) for _ in range(3)]
    assert len({trial.id for trial in trials.trials}) == 12


def test_further_pairs_have_further_numbers_and_other_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials()
    run(trials, PairRequest("screen", (), (0,), 3, 3), 1, monkeypatch)
    assert [trial.round for trial in trials.trials] == [3, 4, 5]
    assert len({trial.hash_seed for trial in trials.trials}) == 3


def test_pair_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _, answer = run(FakeTrials({1}), PairRequest("screen", (), (0,), 0, 6), 1, monkeypatch)
    assert len(answer.gains) == 5
    assert not answer.failure


def test_too_many_failing_pairs_end_the_request_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials(set(range(2, 12)))
    _, answer = run(trials, PairRequest("confirm", (), (0,), 0, 12), 1, monkeypatch)
    assert answer.failure == "it crashed"
    assert len(trials.trials) == 2 + MAX_FAILED_PAIRS + 1


def test_pairs_that_all_fail_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    _, answer = run(FakeTrials({0}), PairRequest("screen", (), (0,), 0, 1), 1, monkeypatch)
    assert (answer.gains, answer.failure) == ((), "it crashed")


def test_slices_follow_what_passes_took(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials()
    run(trials, PairRequest("screen", (), (0,), 0, 3), 1, monkeypatch)
    passes = [
        {case.environment: part.passes for case, part in zip(trial.cases, options["parts"], strict=True)}
        for trial, options in zip(trials.trials, trials.options, strict=True)
    ]
    assert passes == [{"before": 1, "after": 1}, {"before": 1, "after": 2}, {"before": 1, "after": 2}]


def test_program_with_child_processes_is_measured_sequentially_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials(child_seconds=0.5)
    measurer, _ = run(trials, PairRequest("screen", (), (0,), 0, 2), 1, monkeypatch)
    assert [options["sequential"] for options in trials.options] == [False, True]
    assert measurer.sequential
