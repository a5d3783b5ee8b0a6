"""Carry out one trial: its workers started, let go, and what they answered as results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from perfbench import differing, spawn, turns
from perfbench.errors import TrialFailed
from perfbench.model import Case, Difference, Failure, Output, Package, Result, Sample, Table, Trial
from perfbench.turns import Part
from perfbench.worker.protocol import Digested, Imported, Item, Measured, Ready, Request


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
    if trial.kind == "check":
        yield from _check(trial, table, conditions)
    elif len(trial.cases) == 1 or in_turn or conditions.core is None:
        for order, index in enumerate(trial.go):
            yield _pass(trial, table, trial.cases[index], order, conditions)
    else:
        yield from _duet(trial, table, conditions, parts)


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
        with spawn.Worker(table.environment, request, hash_seed=trial.hash_seed, timeout=conditions.timeout) as worker:
            ready = worker.expect(Ready)
            worker.go()
            measured = worker.expect(Measured)
            worker.end()
            return _sampled(trial, case, order, ready, measured)
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
                    started = spawn.Worker(table.environment, request, hash_seed=trial.hash_seed, timeout=timeout)
                    cases[ends.enter_context(started)] = case
                    ready[started] = started.expect(Ready)
                except TrialFailed as error:
                    results.append(_failed(trial, case, error))
                    break
        if not results:
            results = list(_by_turns(trial, parts, cases, ready))
    yield from results if all(result.failure is None for result in results) else _one_failure_a_case(results)


def _by_turns(
    trial: Trial, parts: Sequence[Part], cases: Mapping[spawn.Worker, Case], ready: Mapping[spawn.Worker, Ready]
) -> Iterator[Result]:
    sides = [
        ([worker for worker, case in cases.items() if case == trial.cases[index]], parts[index].turn)
        for index in trial.go
    ]
    for order, worker in enumerate(turns.finishing(sides)):
        try:
            measured = worker.expect(Measured)
            worker.end()
            yield _sampled(trial, cases[worker], order, ready[worker], measured)
        except TrialFailed as error:
            yield _failed(trial, cases[worker], error)
        worker.close()


def _one_failure_a_case(results: Sequence[Result]) -> Iterator[Result]:
    failed = {result.case: result for result in results if result.failure is not None}
    yield from failed.values()


def _sampled(trial: Trial, case: Case, order: int, ready: Ready, measured: Measured) -> Result:
    metrics = {**measured.metrics, "startup_seconds": ready.startup_seconds}
    if measured.work == 0:
        return Result(trial.id, case.id, failure=Failure(trial.kind, "did no work: 0 updates came out"))
    sample = Sample(trial.kind, trial.round, order, trial.id, measured.work, metrics, measured.numbers)
    return Result(trial.id, case.id, sample=sample, packages=_packages(measured.packages))


def _packages(imported: Sequence[Imported]) -> tuple[Package, ...]:
    return tuple(Package(package.name, package.version, package.file) for package in imported)


def _check(trial: Trial, table: Table, conditions: Conditions) -> Iterator[Result]:
    """Untimed, so as many at a time as there are cores."""
    outputs: dict[str, Output] = {}
    width = os.cpu_count() or 1
    for start in range(0, len(trial.cases), width):
        with ExitStack() as ends:
            started = [
                (case, _start_check(table, case, conditions, ends)) for case in trial.cases[start : start + width]
            ]
            for case, worker in started:
                result = _checked(trial, table, case, worker, conditions, outputs)
                if result.output is not None:
                    outputs[case.id] = result.output
                yield result


def _start_check(table: Table, case: Case, conditions: Conditions, ends: ExitStack) -> spawn.Worker | TrialFailed:
    try:
        request = _request("check", table, case)
        timeout = conditions.timeout * CHECK_PATIENCE
        return ends.enter_context(spawn.Worker(table.environment, request, hash_seed=0, timeout=timeout))
    except TrialFailed as error:
        return error


CHECK_PATIENCE = 10
"""A check pass writes out every book and may take this many times as long as a pass."""


def _checked(
    trial: Trial,
    table: Table,
    case: Case,
    worker: spawn.Worker | TrialFailed,
    conditions: Conditions,
    outputs: Mapping[str, Output],
) -> Result:
    try:
        if isinstance(worker, TrialFailed):
            raise worker
        digested = worker.expect(Digested)
        worker.end()
    except TrialFailed as error:
        return _failed(trial, case, error)
    output = Output(digested.digest, digested.updates, digested.block_size, tuple(digested.blocks))
    reference = outputs.get(table.cases[0].id)
    difference = None
    if reference is not None and reference.updates != output.updates:
        unit = table.scenario.unit
        amounts = f"{reference.updates:,} {unit}", f"{output.updates:,} {unit}"
        difference = Difference(min(reference.updates, output.updates) + 1, "amount of work", *amounts, less_work=True)
    elif reference is not None and reference.digest != output.digest:
        try:
            difference = first_difference(table, case, reference, output, conditions)
        except TrialFailed as error:
            difference = Difference(1, f"the outputs differ; where could not be found: {error}", "", "")
    return Result(trial.id, case.id, output=output, difference=difference, packages=_packages(digested.packages))


def first_difference(table: Table, case: Case, before: Output, after: Output, conditions: Conditions) -> Difference:
    """Where the output of a case leaves that of the baseline: both show the first block that differs, field by field."""
    pairs = zip(before.blocks, after.blocks, strict=False)
    first = next((number for number, (a, b) in enumerate(pairs) if a != b), 0) * before.block_size
    last = first + before.block_size - 1
    with ExitStack() as ends:
        dumps = []
        for shown in (table.cases[0], case):
            request = replace(_request("dump", table, shown), first=first, last=last)
            worker = spawn.Worker(table.environment, request, hash_seed=0, timeout=conditions.timeout * CHECK_PATIENCE)
            dumps.append(ends.enter_context(worker).answers(Item))
        for a, b in zip(*dumps, strict=False):
            place = differing.first_field(a.value, b.value)
            if place is not None:
                return Difference(a.number + 1, *place)
    return Difference(first + 1, "an order of fields or a number's type that the shown form does not tell", "", "")
