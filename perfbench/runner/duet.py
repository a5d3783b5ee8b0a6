"""Duets: two passes interleaved on one core, whose workers may be started on another core while the pair before them runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Result, Trial
from perfbench.runner import interleave
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.trial import (
    Conditions,
    build_failure,
    build_request,
    build_sample_result,
    run_solo_passes,
    start_worker,
    wait_until_ready,
)
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import PassCompleted, PassMeasurement, Ready


class StartedDuet:
    """The workers of a duet, started and not let go."""

    def __init__(
        self,
        trial: Trial,
        table: CaseGroup,
        conditions: Conditions,
        parts: Sequence[InterleavedSide],
        core: int | None = None,
    ) -> None:
        """Start the workers. One that cannot be started gives a failure when the duet is run.

        :param core: where they start, if not on the core of the conditions, to which they move when they are let go.
        """
        self.trial = trial
        self._table = table
        self._conditions = conditions
        self._parts = parts
        self._moves = core is not None
        self._ends = ExitStack()
        self._workers: list[tuple[WorkerProcess, int]] = []
        self._failures: list[Result] = []
        self._ready: dict[WorkerProcess, Ready] = {}
        timeout = conditions.timeout * sum(part.passes for part in parts)
        own = conditions.core_for(table) if core is None else core
        for index, (case, part) in enumerate(zip(trial.cases, parts, strict=True)):
            request = replace(build_request("time", table, case, own, conditions.memory), held=True)
            try:
                for _ in range(part.passes):
                    worker = self._ends.enter_context(start_worker(table, case, request, trial, timeout))
                    self._workers.append((worker, index))
            except TrialFailed as error:
                self._failures.append(build_failure(trial, case, error))

    def close(self) -> None:
        """End the workers."""
        self._ends.close()

    def wait(self) -> None:
        """Wait until all workers are ready, or one has failed; their whole timeout is left for the pass then."""
        for worker, index in self._workers if not self._failures else ():
            try:
                if worker not in self._ready:
                    self._ready[worker] = wait_until_ready(worker, self._table)
                worker.renew_deadline()
            except TrialFailed as error:
                self._failures.append(build_failure(self.trial, self.trial.cases[index], error))
                return

    def run(self) -> Iterator[Result]:
        """The results of the pair: one for each pass, or a failure of each case that failed; after one there is no pair."""
        self.wait()
        with self._ends:
            results = self._failures or list(self._interleave())
        failed = {result.case: result for result in results if result.failure is not None}
        yield from failed.values() if failed else results

    def _interleave(self) -> Iterator[Result]:
        if self._moves:
            for worker, _ in self._workers:
                move_to_core(worker.pid, self._conditions.core_for(self._table))
        numbers = dict(self._workers)
        sides = [
            ([worker for worker, index in self._workers if index == side], self._parts[side].turn)
            for side in self.trial.go
        ]
        for order, worker in enumerate(interleave.run_interleaved(sides)):
            case = self.trial.cases[numbers[worker]]
            try:
                worker.expect(PassCompleted)
                worker.go()
                measured = worker.expect(PassMeasurement)
                worker.end()
                place, ready = self._table.place(case), self._ready[worker]
                yield build_sample_result(self.trial, place, order, ready, measured, worker.describe_output())
            except TrialFailed as error:
                yield build_failure(self.trial, case, error)
            worker.close()


def move_to_core(pid: int, core: int | None) -> None:
    """Pin every thread of a process to a core; a process or thread that has ended is left out."""
    if core is None:
        return
    with suppress(FileNotFoundError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), {core})


class DuetQueue:
    """Runs duets one after the other, and starts the workers of the next one while a pair runs, where a core is left for it."""

    def __init__(self, table: CaseGroup, conditions: Conditions) -> None:
        self._table = table
        self._conditions = conditions
        self._waiting: StartedDuet | None = None

    def __enter__(self) -> DuetQueue:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._waiting is not None:
            self._waiting.close()

    def run(
        self,
        trial: Trial,
        parts: Sequence[InterleavedSide],
        following: Callable[[], tuple[Trial, Sequence[InterleavedSide]] | None],
    ) -> Iterator[Result]:
        """The results of a duet, as ``StartedDuet.run``.

        :param following: the duet that probably comes next, with the slices of its sides.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.trial.id != trial.id:
            waiting.close()
            waiting = None
        duet = waiting or StartedDuet(trial, self._table, self._conditions, parts)
        duet.wait()
        if self._conditions.spare is not None and (coming := following()) is not None:
            self._waiting = StartedDuet(coming[0], self._table, self._conditions, coming[1], self._conditions.spare)
        yield from duet.run()


def execute_trial(
    trial: Trial,
    table: CaseGroup,
    conditions: Conditions,
    *,
    sequential: bool = False,
    parts: Sequence[InterleavedSide] = (),
    queue: DuetQueue | None = None,
    following: Callable[[], tuple[Trial, Sequence[InterleavedSide]] | None] = lambda: None,
) -> Iterator[Result]:
    """The results of one trial, one per case. A worker that fails gives a failure, never an exception.

    :param sequential: the passes of a duet run one after the other, because the scenario waits or the system cannot pin.
    :param parts: the slices of both sides of a duet (``interleave.plan_slices``).
    :param queue: starts the workers of the duet ``following`` this one, with its slices, while this one runs.
    """
    if len(trial.cases) == 1 or sequential or conditions.core_for(table) is None:
        yield from run_solo_passes(trial, table, conditions)
    elif queue is None:
        yield from StartedDuet(trial, table, conditions, parts).run()
    else:
        yield from queue.run(trial, parts, following)
