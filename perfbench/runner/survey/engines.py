"""Where the draws of a survey are measured: one at a time in this process, or several, each on a core of its own."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.model import Failure, Result, Settings
from perfbench.runner import machine
from perfbench.runner.state import Progress
from perfbench.runner.survey.cluster import OnCluster
from perfbench.runner.survey.cluster_connection import connect
from perfbench.runner.survey.draw import DrawTask, Events, measure_draw
from perfbench.runner.survey.job import JobConditions, JobProcess, TaskEnded
from perfbench.runner.survey.measure import Engine
from perfbench.runner.trial import Conditions

ATTEMPTS = 3
"""How often a task is begun whose process ends before it does."""


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """Measure one draw after the other in this process; batches are unpacked in ``workspace``."""

    conditions: Conditions
    workspace: Path

    def measure(self, tasks: Iterable[DrawTask]) -> Events:
        """The events of each task."""
        for task in tasks:
            yield from measure_draw(task, self.conditions, self.workspace)


@dataclass(frozen=True, slots=True)
class OnSeveralCores:
    """Measure as many draws at a time as there are cores, each in a process that stays on its core."""

    cores: Sequence[int | None]
    timeout: float
    workspace: Path

    def measure(self, tasks: Iterable[DrawTask]) -> Events:
        """The events of all tasks, as they come. A task whose process is killed is begun again on a new one."""
        with ExitStack() as ends:
            jobs = [_Job(self._start(core, ends), core) for core in self.cores]
            yield from self._run(jobs, iter(tasks), ends)

    def _start(self, core: int | None, ends: ExitStack) -> JobProcess:
        process = JobProcess(JobConditions(core, self.timeout, str(self.workspace)))
        ends.callback(process.close)
        return process

    def _run(self, jobs: Sequence[_Job], tasks: Iterator[DrawTask], ends: ExitStack) -> Events:
        while True:
            for job in jobs:
                if job.task is None and (task := next(tasks, None)) is not None:
                    job.begin(task)
            busy = [job for job in jobs if job.task is not None]
            if not busy:
                return
            for process in select.select([job.process for job in busy], [], [])[0]:
                job = next(job for job in busy if job.process is process)
                yield from self._receive(job, ends)

    def _receive(self, job: _Job, ends: ExitStack) -> Events:
        try:
            event = job.process.receive()
        except (EOFError, OSError):
            yield from self._begin_again(job, ends)
            return
        if isinstance(event, TaskEnded):
            job.task = None
            return
        assert isinstance(event, (Progress, tuple))
        if isinstance(event, tuple):
            job.received += event
        yield event

    def _begin_again(self, job: _Job, ends: ExitStack) -> Events:
        assert job.task is not None
        reason = job.process.describe_end()
        job.process, task = self._start(job.core, ends), job.task
        if job.attempts < ATTEMPTS:
            job.begin(replace(task, before=(*task.before, *job.received)), job.attempts + 1)
            return
        job.task = None
        failure = Failure("open", f"{task.draw.batch}: the process that measured it {reason}, {ATTEMPTS} times")
        yield (Result(f"open {task.draw.batch}", "", failure=failure),)


@dataclass(slots=True)
class _Job:
    """A process, its core, and the task that it is at with what is there of it: a task that is begun again measures the rest."""

    process: JobProcess
    core: int | None
    task: DrawTask | None = None
    attempts: int = 0
    received: tuple[Result, ...] = ()

    def begin(self, task: DrawTask, attempts: int = 1) -> None:
        self.task, self.attempts, self.received = task, attempts, ()
        self.process.begin(task)


@contextmanager
def open_engine(settings: Settings, workspace: Path, name: str, observe: Callable[[str], None]) -> Iterator[Engine]:
    """The engine of these settings: a cluster, this process for one job, else a process for each of the least busy cores.

    :param name: of the run; :param observe: receives status lines of a cluster.

    Raises EngineProblem if the cluster cannot be reached.
    """
    if settings.cluster:
        with connect(settings.cluster, settings.jobs, observe) as client:
            yield OnCluster(client, str(client.scheduler.address), name, settings.timeout, observe)
    elif settings.jobs == 1:
        core, spare = machine.choose_cores()
        yield OneAtATime(Conditions(core, settings.timeout, spare=spare), workspace)
    else:
        yield OnSeveralCores(machine.find_quietest_cores(settings.jobs), settings.timeout, workspace)
