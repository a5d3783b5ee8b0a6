"""Measure the draws of a survey on a cluster: dask.distributed carries them to workers, one draw at a time on a core."""

from __future__ import annotations

import asyncio
import concurrent.futures
import pickle
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from perfbench.errors import EngineProblem
from perfbench.runner.state import Progress
from perfbench.runner.survey.cluster_answers import AnswerCheck, build_failure
from perfbench.runner.survey.cluster_connection import RESOURCE, list_workers
from perfbench.runner.survey.draw import DrawTask, Events
from perfbench.runner.survey.machine_identity import compute_code_digest
from perfbench.runner.survey.remote_task import Answer, JobEnded, measure_sent_task
from perfbench.runner.survey.sent_task import MeasuredDraw, PartsMissing, TaskRefused
from perfbench.runner.survey.task_packer import TaskPacker
from perfbench.util.formatting import format_plural

TASKS_PER_WORKER = 2
"""Tasks that are with the scheduler for each worker: one that is measured, and one that waits."""

RETRIES = 2
"""How often Dask begins a task again whose process ended."""

MAX_ATTEMPTS = 10
"""How often a draw is submitted that other machines refuse, or whose workers go."""

POLL_SECONDS = 1.0
RESULT_SECONDS = 30.0
"""Seconds for the answer to a finished task. After the death of the worker that held it, it is computed again."""

RESUME_HINT = "start a scheduler and workers, then resume with --resume --cluster ADDRESS"


@dataclass(slots=True)
class _Flight:
    """A task that is with the scheduler; ``workers`` are the addresses that it may go to, if only some may."""

    task: DrawTask
    attempt: int
    future: Any
    workers: tuple[str, ...] = ()


@dataclass(slots=True)
class OnCluster:
    """Measure draws on the workers of a scheduler; the client plans, and keeps the journal.

    ``name`` is that of the run, for the keys of its tasks. ``patience``: seconds without a worker after which it is given up.
    """

    client: Any
    address: str
    name: str
    patience: float
    observe: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _packer: TaskPacker = field(init=False)
    _check: AnswerCheck = field(default_factory=AnswerCheck)
    _flights: dict[str, _Flight] = field(default_factory=dict)
    _ended: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _refusals: dict[str, TaskRefused] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is packed as long as no worker asks for it."""
        self._packer = TaskPacker(self.observe)

    def measure(self, tasks: Iterable[DrawTask]) -> Events:
        """The events of all tasks, as they are finished. At most two tasks a worker are taken before they can begin.

        Raises EngineProblem if the scheduler ends, if no worker can measure, and if none is there for ``patience`` seconds.
        """
        waiting = iter(tasks)
        upcoming = next(waiting, None)
        seen = self.clock()
        try:
            while upcoming is not None or self._flights:
                workers = self._list_usable()
                seen = self.clock() if workers else self._require_patience(seen)
                while upcoming is not None and len(self._flights) < TASKS_PER_WORKER * len(workers):
                    self._submit(upcoming)
                    upcoming = next(waiting, None)
                yield self._describe(len(workers))
                for key in self._wait_for_ended():
                    yield from self._receive(key)
                self._move_stranded()
        finally:
            self._cancel_all()

    def _list_usable(self) -> list[str]:
        """The addresses of the workers that may measure. Raises EngineProblem if all that are there refused."""
        self._require_running()
        addresses = list_workers(self.client)
        usable = [address for address in addresses if address not in self._refusals]
        if addresses and not usable:
            refusal = self._refusals[addresses[0]]
            raise EngineProblem(
                f"no worker of {self.address} can measure: {refusal.machine}: {refusal.reason}", hint=refusal.hint
            )
        return usable

    def _require_running(self) -> None:
        if self.client.status != "running":
            raise self._build_lost()

    def _build_lost(self) -> EngineProblem:
        return EngineProblem(f"the scheduler at {self.address} cannot be reached any more", hint=RESUME_HINT)

    def _require_patience(self, seen: float) -> float:
        """The time when the last worker was seen. Raises EngineProblem if that is too long ago."""
        if self.clock() - seen > self.patience:
            raise EngineProblem(
                f"no worker has joined {self.address} for {self.patience:.0f} s",
                hint=f"start one: perfbench worker {self.address}",
            )
        return seen

    def _describe(self, workers: int) -> Progress:
        if not workers:
            return Progress(f"waiting for a worker: perfbench worker {self.address}", 0.0, None)
        return Progress(f"draws on {format_plural(workers, 'worker')} of {self.address}", 0.0, None)

    def _submit(self, task: DrawTask, attempt: int = 0) -> None:
        """Give a task to the scheduler; only to workers that may measure, where others refused. Raises EngineProblem."""
        workers = self._list_usable() if self._refusals else ()
        draw = task.draw
        key = f"draw-{self.name}-{draw.number}.{draw.round}-{task.group.cases[0].id}-{attempt}"
        future = self.client.submit(
            measure_sent_task,
            compute_code_digest(),
            pickle.dumps(self._packer.pack(task)),
            key=key,
            resources={RESOURCE: 1},
            retries=RETRIES,
            pure=False,
            workers=list(workers) or None,
        )
        self._flights[key] = _Flight(task, attempt, future, tuple(workers))
        future.add_done_callback(lambda _future: self._ended.put(key))

    def _wait_for_ended(self) -> list[str]:
        """The keys of tasks that have ended; none if none does in the next second."""
        keys = []
        try:
            keys.append(self._ended.get(timeout=POLL_SECONDS))
            while True:
                keys.append(self._ended.get_nowait())
        except Empty:
            return keys

    def _receive(self, key: str) -> Events:
        flight = self._flights.get(key)
        if flight is None:
            return
        try:
            answer = _decode(flight.future.result(timeout=RESULT_SECONDS))
        except (TimeoutError, asyncio.TimeoutError):  # its worker died when it was done: it is computed again
            flight.future.add_done_callback(lambda _future: self._ended.put(key))
            return
        except (Exception, asyncio.CancelledError, concurrent.futures.CancelledError) as error:
            if flight.future.status == "cancelled" or self.client.status != "running":
                raise self._build_lost() from None
            answer = TaskRefused("", "", _describe_error(error), only_this=True)
        self._flights.pop(key).future.release()
        yield from self._evaluate(flight, answer)

    def _evaluate(self, flight: _Flight, answer: Answer) -> Events:
        """The events of an answer; a task that needs more, or another worker, is submitted again."""
        if isinstance(answer, MeasuredDraw):
            yield from self._check.accept(flight.task, answer)
        elif isinstance(answer, PartsMissing):
            self._packer.add_parts(answer)
            self._submit(flight.task, flight.attempt + 1)
        elif answer.only_this:
            yield (build_failure(flight.task, answer.reason),)
        elif flight.attempt + 1 >= MAX_ATTEMPTS:
            yield (build_failure(flight.task, f"{answer.machine}: {answer.reason}"),)
        else:
            self.observe(f"! {answer.machine} measures nothing: {answer.reason}")
            self._refusals[answer.worker] = answer
            self._submit(flight.task, flight.attempt + 1)

    def _move_stranded(self) -> None:
        """Submit tasks again whose workers are all gone."""
        if not any(flight.workers for flight in self._flights.values()):
            return
        there = set(list_workers(self.client))
        for key, flight in list(self._flights.items()):
            if flight.workers and not there.intersection(flight.workers) and not flight.future.done():
                self._flights.pop(key).future.cancel(force=True)
                self._submit(flight.task, flight.attempt + 1)

    def _cancel_all(self) -> None:
        """Give up what is with the scheduler: nobody waits for it any more."""
        futures = [flight.future for flight in self._flights.values()]
        self._flights.clear()
        if futures and self.client.status == "running":
            self.client.cancel(futures, force=True)


def _decode(answer: bytes | str) -> Answer:
    if isinstance(answer, bytes):
        decoded: Answer = pickle.loads(answer)  # noqa: S301 - from a worker with this very perfbench
        return decoded
    machine, _, worker = answer.rpartition(" ")
    return TaskRefused(machine, worker, "it has another perfbench", hint="install the same perfbench on all machines")


def _describe_error(error: BaseException) -> str:
    """Why Dask gave up a task, in a line."""
    if isinstance(error, JobEnded):
        return f"{error}, {RETRIES + 1} times"
    if type(error).__name__ == "KilledWorker":
        return "every worker that measured it was killed"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
