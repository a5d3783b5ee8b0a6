"""Carry out one trial: its workers started, let go, and what they answered as results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from perfbench import differing, provenance, spawn, turns
from perfbench.errors import TrialFailed
from perfbench.model import (
    Case,
    Change,
    Difference,
    Failure,
    Output,
    Place,
    Result,
    Sample,
    Table,
    Trial,
)
from perfbench.turns import Part
from perfbench.worker.protocol import Digested, Item, Measured, Ready, Request


@dataclass(frozen=True, slots=True)
class Conditions:
    """How trials are carried out: the core that they are pinned to (None: not at all), the seconds that a pass may take."""

    core: int | None
    timeout: float


def execute(
    trial: Trial,
    table: Table,
    conditions: Conditions,
    *,
    in_turn: bool = False,
    parts: Sequence[Part] = (),
) -> Iterator[Result]:
    """The results of one trial, one for every case. A worker that fails gives a failure, never an exception.

    :param in_turn: the passes of a duet run one after the other, because the scenario waits or the system cannot pin.
    :param parts: of the cases of a duet: see ``turns.arrange``.
    """
    if len(trial.cases) == 1 or in_turn or conditions.core is None:
        for order, index in enumerate(trial.go):
            yield _pass(trial, table, trial.cases[index], order, conditions)
    else:
        yield from _duet(trial, table, conditions, parts)


def _worker(table: Table, case: Case, request: Request, trial: Trial, timeout: float) -> spawn.Worker:
    return spawn.Worker(table.place(case).environment, request, hash_seed=trial.hash_seed, timeout=timeout)


def _request(task: str, table: Table, case: Case, core: int | None = None, memory: bool = False) -> Request:
    return Request(
        task=task,
        scenario=table.scenario.path,
        mode=case.mode,
        market=table.market.path if table.market else None,
        parameters=dict(case.parameters),
        core=core,
        memory=memory,
    )


def _failed(trial: Trial, case: Case, error: TrialFailed) -> Result:
    return Result(trial.id, case.id, failure=Failure(trial.kind, str(error), error.detail))


def _pass(trial: Trial, table: Table, case: Case, order: int, conditions: Conditions) -> Result:
    request = _request("time", table, case, conditions.core, memory=trial.kind == "memory")
    try:
        with _worker(table, case, request, trial, conditions.timeout) as worker:
            ready = worker.expect(Ready)
            worker.go()
            measured = worker.expect(Measured)
            worker.end()
            return _sampled(trial, table.place(case), order, ready, measured)
    except TrialFailed as error:
        return _failed(trial, case, error)


def _duet(trial: Trial, table: Table, conditions: Conditions, parts: Sequence[Part]) -> Iterator[Result]:
    """Both sides on one core by turns: whatever the machine does, it does to both. After a failure there is no pair."""
    results: list[Result] = []
    with ExitStack() as ends:
        cases: dict[spawn.Worker, Case] = {}
        ready: dict[spawn.Worker, Ready] = {}
        timeout = conditions.timeout * sum(part.passes for part in parts)
        for case, part in zip(trial.cases, parts, strict=True):
            request = _request("time", table, case, conditions.core)
            for _ in range(part.passes):
                try:
                    started = _worker(table, case, request, trial, timeout)
                    cases[ends.enter_context(started)] = case
                    ready[started] = started.expect(Ready)
                except TrialFailed as error:
                    results.append(_failed(trial, case, error))
                    break
        if not results:
            results = list(_by_turns(trial, table, parts, cases, ready))
    yield from results if all(result.failure is None for result in results) else _one_failure_a_case(results)


def _by_turns(
    trial: Trial,
    table: Table,
    parts: Sequence[Part],
    cases: Mapping[spawn.Worker, Case],
    ready: Mapping[spawn.Worker, Ready],
) -> Iterator[Result]:
    sides = [
        ([worker for worker, case in cases.items() if case == trial.cases[index]], parts[index].turn)
        for index in trial.go
    ]
    for order, worker in enumerate(turns.finishing(sides)):
        try:
            measured = worker.expect(Measured)
            worker.end()
            yield _sampled(trial, table.place(cases[worker]), order, ready[worker], measured)
        except TrialFailed as error:
            yield _failed(trial, cases[worker], error)
        worker.close()


def _one_failure_a_case(results: Sequence[Result]) -> Iterator[Result]:
    failed = {result.case: result for result in results if result.failure is not None}
    yield from failed.values()


def _sampled(trial: Trial, place: Place, order: int, ready: Ready, measured: Measured) -> Result:
    case, packages = place.case, provenance.imported(measured.packages)
    metrics = {**measured.metrics, "startup_seconds": ready.startup_seconds}
    wrong = provenance.wrong_import(place.environment, packages)
    if measured.work == 0:
        wrong = "did no work: 0 updates came out"
    if wrong:
        return Result(trial.id, case.id, failure=Failure(trial.kind, wrong))
    sample = Sample(trial.kind, trial.round, order, trial.id, measured.work, metrics, measured.numbers)
    return Result(trial.id, case.id, sample=sample, packages=packages)


def check(trials: Sequence[Trial], table: Table, conditions: Conditions) -> Iterator[Result]:
    """The check passes of cases; untimed, so as many at a time as there are cores."""
    width = os.cpu_count() or 1
    for start in range(0, len(trials), width):
        with ExitStack() as ends:
            started = [
                (trial, _start_check(trial, table, (), conditions, ends)) for trial in trials[start : start + width]
            ]
            for trial, worker in started:
                yield _checked(trial, table.place(trial.cases[0]), worker)


def _start_check(
    trial: Trial, table: Table, undone: Sequence[Sequence[str]], conditions: Conditions, ends: ExitStack, index: int = 0
) -> spawn.Worker | TrialFailed:
    case = trial.cases[index]
    try:
        request = replace(_request("check", table, case), undone=[list(names) for names in undone])
        return ends.enter_context(_worker(table, case, request, trial, conditions.timeout * CHECK_PATIENCE))
    except TrialFailed as error:
        return error


CHECK_PATIENCE = 10
"""A check pass writes out every book and may take this many times as long as a pass."""


def _digested(worker: spawn.Worker | TrialFailed) -> Digested:
    if isinstance(worker, TrialFailed):
        raise worker
    digested = worker.expect(Digested)
    worker.end()
    return digested


def _checked(trial: Trial, place: Place, worker: spawn.Worker | TrialFailed) -> Result:
    try:
        digested = _digested(worker)
    except TrialFailed as error:
        return _failed(trial, place.case, error)
    packages = provenance.imported(digested.packages)
    wrong = provenance.wrong_import(place.environment, packages)
    if wrong:
        return Result(trial.id, place.case.id, failure=Failure(trial.kind, wrong))
    blocks = tuple(digested.blocks)
    output = Output(digested.digest, digested.updates, digested.block_size, blocks, digested.traits)
    return Result(trial.id, place.case.id, output=output, packages=packages)


def differ(
    trial: Trial, table: Table, outputs: tuple[Output, Output], known: Sequence[Change], conditions: Conditions
) -> Result:
    """How the outputs of a trial's two cases differ, as a result of the second: by known changes alone, or where first.

    :param known: the announced changes that lie between the two.
    """
    if trial.cases[0].mode != trial.cases[1].mode:
        outputs = (replace(outputs[0], traits={}), replace(outputs[1], traits={}))
    before, after = outputs
    against, case = (one.id for one in trial.cases)
    if before.updates != after.updates:
        amount, other = (f"{side.updates:,} {table.scenario.unit}" for side in outputs)
        place = Difference(min(before.updates, after.updates) + 1, "amount of work", amount, other, less_work=True)
    else:
        try:
            place = _explained(trial, table, outputs, known, conditions) or _first_difference(
                trial, table, outputs, known, conditions
            )
        except TrialFailed as error:
            place = Difference(1, f"the outputs differ; where could not be found: {error}", "", "")
    return Result(trial.id, case, difference=replace(place, against=against))


def _explained(
    trial: Trial, table: Table, outputs: tuple[Output, Output], known: Sequence[Change], conditions: Conditions
) -> Difference | None:
    """The changes that explain the difference, if the outputs agree with all of them undone on both sides.

    A change counts only if the outputs would differ without undoing it.
    """
    traits = [change for change in known if change.trait]
    names = [change.name for change in known if not change.trait]
    if not differing.same_traits(*outputs, {change.trait for change in traits}):
        return None
    shown = [change.name for change in traits if differing.trait_differs(*outputs, change.trait)]
    if outputs[0].digest == outputs[1].digest:
        return Difference(0, "", "", "", changes=tuple(shown))
    if not names:
        return None
    sets = [names, *([other for other in names if other != name] for name in names)]
    with ExitStack() as ends:
        started = [_start_check(trial, table, sets, conditions, ends, index) for index in range(2)]
        first, second = (_digested(worker).undone for worker in started)
    if first[0] != second[0]:
        return None
    needed = [name for name, a, b in zip(names, first[1:], second[1:], strict=True) if a != b]
    return Difference(0, "", "", "", changes=(*(needed or names), *shown))


def _first_difference(
    trial: Trial, table: Table, outputs: tuple[Output, Output], known: Sequence[Change], conditions: Conditions
) -> Difference:
    """Where the second output leaves the first, field by field, known changes undone."""
    before, after = outputs
    for trait in sorted({*before.traits, *after.traits}):
        announced = any(change.trait == trait for change in known)
        if not announced and differing.trait_differs(before, after, trait):
            return Difference(1, trait, before.traits.get(trait, "nothing"), after.traits.get(trait, "nothing"))
    names = [change.name for change in known if not change.trait]
    first, last = (0, before.updates) if names else differing.first_block(before, after)
    with ExitStack() as ends:
        dumps = []
        for case in trial.cases:
            request = replace(_request("dump", table, case), first=first, last=last, undone=[names])
            worker = ends.enter_context(_worker(table, case, request, trial, conditions.timeout * CHECK_PATIENCE))
            dumps.append(worker.answers(Item))
        for a, b in zip(*dumps, strict=False):
            place = differing.first_field(a.value, b.value)
            if place is not None:
                return Difference(a.number + 1, *place)
    return Difference(first + 1, "an order of fields or a number's type that the shown form does not tell", "", "")
