"""Passes of a trial one after the other: start a worker, let it go, turn its answers into a result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from perfbench.errors import TrialFailed
from perfbench.model import (
    CPU_SECONDS,
    WALL_SECONDS,
    Case,
    CaseGroup,
    CaseInEnvironment,
    Failure,
    Result,
    Sample,
    Trial,
)
from perfbench.runner import imported_versions, worker_process
from perfbench.worker.protocol import (
    AllocationProfile,
    CpuProfile,
    Done,
    LineMemoryProfile,
    ParameterValue,
    PassMeasurement,
    Ready,
    Request,
    UpdateTimings,
)

Answer = TypeVar("Answer", AllocationProfile, LineMemoryProfile, CpuProfile, UpdateTimings)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The core that trials are pinned to (None: not pinned), and the timeout of a pass in seconds.

    ``memory``: every pass notes its peak memory, also those of pairs. ``spare`` is a core on which the workers of the next pair may
    start while a pair runs; None: they start when it is over.
    """

    core: int | None
    timeout: float
    memory: bool = False
    spare: int | None = None

    def core_for(self, table: CaseGroup) -> int | None:
        """The core of a group; None for a scenario that waits: its own processes would compete for one core."""
        return None if table.scenario.metric == WALL_SECONDS.name else self.core


def run_solo_passes(trial: Trial, table: CaseGroup, conditions: Conditions) -> Iterator[Result]:
    """The results of one trial, one per case: its passes run one after the other.

    A worker that fails gives a failure, never an exception.
    """
    for order, index in enumerate(trial.go):
        yield _run_solo_pass(trial, table, trial.cases[index], order, conditions)


def start_worker(
    table: CaseGroup, case: Case, request: Request, trial: Trial, timeout: float, prefix: Sequence[str] = ()
) -> worker_process.WorkerProcess:
    """Start the worker of a case in its environment. Raises TrialFailed.

    A worker that replays another file than the table's market ends with TrialFailed, whatever it was requested to do.
    """

    def accept(done: Done) -> None:
        replayed = [*done.replayed, *[None] * (len(table.files) - len(done.replayed))]
        for market, file in zip(table.files, replayed, strict=False):
            if wrong := imported_versions.find_wrong_file(market, file):
                raise TrialFailed(wrong)

    environment = table.place(case).environment
    return worker_process.WorkerProcess(
        environment, request, hash_seed=trial.hash_seed, timeout=timeout, prefix=prefix, accept=accept
    )


def build_request(task: str, table: CaseGroup, case: Case, core: int | None = None, memory: bool = False) -> Request:
    """The request to a worker for a case."""
    return Request(
        task=task,
        scenario=table.scenario.path,
        mode=case.mode,
        market=table.files[0].path if table.files else None,
        batch=[market.path for market in table.files[1:]],
        parameters={**dict(case.parameters), **_build_program_parameters(table, case)},
        core=core,
        memory=memory,
        slowdown=table.place(case).slowdown,
    )


def _build_program_parameters(table: CaseGroup, case: Case) -> dict[str, ParameterValue]:
    """What a program is given beside its market: its arguments and the levers that are applied to it, as JSON; where it works."""
    own = {"arguments": table.arguments, "levers": table.place(case).levers}
    given: dict[str, ParameterValue] = {name: json.dumps(value) for name, value in own.items() if value}
    return {**given, "working": table.working} if table.working else given


def build_failure(trial: Trial, case: Case, error: TrialFailed) -> Result:
    """The result of a trial that failed."""
    return Result(trial.id, case.id, failure=Failure(trial.kind, str(error), error.detail, error.unavailable))


def _run_solo_pass(trial: Trial, table: CaseGroup, case: Case, order: int, conditions: Conditions) -> Result:
    request = build_request(
        "time", table, case, conditions.core_for(table), memory=conditions.memory or trial.kind == "memory"
    )
    try:
        with start_worker(table, case, request, trial, conditions.timeout) as worker:
            ready = wait_until_ready(worker, table)
            worker.go()
            measured = worker.expect(PassMeasurement)
            worker.end()
            return build_sample_result(trial, table.place(case), order, ready, measured, worker.describe_output())
    except TrialFailed as error:
        return build_failure(trial, case, error)


def request_answer(
    trial: Trial, table: CaseGroup, case: Case, request: Request, timeout: float, kind: type[Answer]
) -> Answer:
    """The answer of a worker that observes one pass of a case.

    Raises TrialFailed, also if other packages were imported than the environment requires.
    """
    with start_worker(table, case, request, trial, timeout) as worker:
        wait_until_ready(worker, table)
        worker.go()
        answer = worker.expect(kind)
        worker.end()
    if wrong := imported_versions.find_wrong_import(table.place(case).environment, tuple(answer.packages)):
        raise TrialFailed(wrong)
    return answer


def wait_until_ready(worker: worker_process.WorkerProcess, table: CaseGroup) -> Ready:
    """Wait until a worker is ready. Raises TrialFailed, also if the scenario file has changed since it was described."""
    ready = worker.expect(Ready)
    if ready.scenario != table.scenario.sha256:
        raise TrialFailed("the scenario file was edited while it was measured: sample rejected")
    return ready


def build_sample_result(
    trial: Trial, place: CaseInEnvironment, order: int, ready: Ready, measured: PassMeasurement, printed: str = ""
) -> Result:
    """The result of a pass; a failure where it did nothing or its times cannot be right.

    :param printed: what the worker printed, the reason of a pass that did no work.
    """
    case, packages = place.case, tuple(measured.packages)
    metrics = {**measured.metrics, "startup_seconds": ready.startup_seconds}
    wrong = imported_versions.find_wrong_import(place.environment, packages)
    if measured.work == 0:
        wrong = describe_no_work("updates", printed)
    stopped = [name for name in (CPU_SECONDS.name, WALL_SECONDS.name) if measured.metrics[name] <= 0]
    if stopped:
        wrong = f"took {measured.metrics[stopped[0]]:g} s by its clock, which stood still or went back: sample rejected"
    if wrong:
        return Result(trial.id, case.id, failure=Failure(trial.kind, wrong))
    parts = tuple(measured.parts)
    sample = Sample(trial.kind, trial.round, order, trial.id, measured.work, metrics, measured.numbers, parts=parts)
    return Result(trial.id, case.id, sample=sample, packages=packages)


def describe_no_work(unit: str, printed: str) -> str:
    """The reason of a pass without work, with what the worker printed."""
    return f"did no work: 0 {unit} came out" + (f"; {printed}" if printed else "")
