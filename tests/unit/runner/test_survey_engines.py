"""Engines of a survey on this machine: every draw once, on a core of its own, also if a process that measures is killed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.surveys import prepared, write_markets

from perfbench.model import Result
from perfbench.runner import machine
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress, Shortfall
from perfbench.runner.survey import engines
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.engines import ATTEMPTS, OnSeveralCores
from perfbench.runner.survey.job import JobProcess
from perfbench.runner.survey.measure import Engine, measure_survey

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9")
CORES = machine.find_quietest_cores(2)


@pytest.fixture
def run(tmp_path: Path) -> PreparedRun:
    return prepared(tmp_path, write_markets(tmp_path / "markets", 5), rounds=4)


def engine(folder: Path) -> OnSeveralCores:
    return OnSeveralCores(CORES, 60.0, folder)


def events_of(run: PreparedRun, engine: Engine) -> Iterator[Progress | Shortfall | tuple[Result, ...]]:
    assert run.survey is not None
    return measure_survey(run.tables[0], run.survey, run.run.settings, engine)


def results_of(run: PreparedRun, engine: Engine) -> list[Result]:
    return [result for event in events_of(run, engine) if isinstance(event, tuple) for result in event]


def pairs_of(results: list[Result]) -> Counter[tuple[str, str]]:
    """How often each case has each of its pairs; of several short passes in one pair the first counts."""
    orders: dict[tuple[str, str], list[int]] = {}
    for result in results:
        if result.sample is not None and result.sample.kind == "duet":
            orders.setdefault((result.case, result.trial), []).append(result.sample.order)
    return Counter({pair: places.count(min(places)) for pair, places in orders.items()})


def job_processes() -> list[psutil.Process]:
    running = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "perfbench.runner.survey.job" in child.cmdline():
                running.append(child)
    return running


def test_every_planned_pair_is_measured_once_on_one_core(run: PreparedRun, tmp_path: Path) -> None:
    results = results_of(run, engine(tmp_path))
    pairs = pairs_of(results)
    assert len(pairs) >= 2 * 4
    assert set(pairs.values()) == {1}
    cores: dict[str, set[int | None]] = {}
    for result in results:
        if result.sample is not None and result.sample.kind == "duet":
            cores.setdefault(result.trial, set()).add(result.sample.core)
    assert all(len(used) == 1 for used in cores.values())
    assert not job_processes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")], "unpacked files are left"


def test_draw_whose_process_is_killed_is_measured_again_without_repeating_what_came(
    run: PreparedRun, tmp_path: Path
) -> None:
    results: list[Result] = []
    killed = 0
    for event in events_of(run, engine(tmp_path)):
        if not isinstance(event, tuple):
            continue
        results += event
        if event[0].sample is not None and killed < 2:
            os.kill(job_processes()[0].pid, signal.SIGKILL)
            killed += 1
    assert killed == 2
    assert not [result.failure for result in results if result.failure is not None]
    assert set(pairs_of(results).values()) == {1}
    undisturbed = results_of(run, engine(tmp_path))
    assert pairs_of(results).keys() == pairs_of(undisturbed).keys()


def test_draw_whose_process_is_killed_every_time_becomes_a_failure_and_the_others_are_measured(
    run: PreparedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.survey is not None
    doomed = run.survey.corpus.draws[0].batch
    begun: Counter[str] = Counter()

    class Killed(JobProcess):
        def begin(self, task: DrawTask) -> None:
            begun[task.draw.batch] += 1
            super().begin(task)
            if task.draw.batch == doomed:
                os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(engines, "JobProcess", Killed)
    results = results_of(run, engine(tmp_path))
    failures = [result.failure.message for result in results if result.failure is not None]
    assert failures[0] == f"{doomed}: the process that measured it was killed by signal 9, {ATTEMPTS} times"
    assert begun[doomed] == ATTEMPTS * len(failures)
    assert {batch for batch in begun if batch != doomed} == {draw.batch for draw in run.survey.corpus.draws[1:4]}


def test_tasks_are_taken_only_when_a_core_is_free(run: PreparedRun, tmp_path: Path) -> None:
    taken: list[str] = []
    assert run.survey is not None
    group, plan = run.tables[0], run.survey

    def tasks() -> Iterator[DrawTask]:
        for draw in plan.corpus.draws[:4]:
            taken.append(draw.batch)
            members = tuple(plan.listing.members[index] for index in plan.find(draw.batch).members)
            yield DrawTask(draw, group, members, 1, run.run.settings)

    events = engine(tmp_path).measure(tasks())
    assert isinstance(events, Generator)
    next(events)
    assert len(taken) == len(CORES)
    events.close()
    assert not job_processes()
