"""What runs in a worker of a cluster: adapt a draw that was sent to this machine, and measure it in a process on its core."""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.datasets.corpus import remote
from perfbench.environments.locked_build import build_locked_environment
from perfbench.errors import EnvironmentProblem
from perfbench.model import CaseGroup, Environment, Result
from perfbench.runner.state import Progress
from perfbench.runner.survey import sent_task
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.job import JobConditions, JobProcess, TaskEnded
from perfbench.runner.survey.machine_identity import MachineIdentity, compute_code_digest, identify_machine
from perfbench.runner.survey.sent_task import MeasuredDraw, PartsMissing, SentGroup, SentTask, TaskRefused
from perfbench.util.extras import require_extra

CORE_VARIABLE = "_PERFBENCH_WORKER_CORE"
"""The core that a worker measures on, in its environment; empty where a process cannot be pinned."""

MEASURED_CORES_VARIABLE = "_PERFBENCH_MEASURED_CORES"
"""All cores of its machine that are measured on, in the environment of a worker, with commas."""

MACHINE_VARIABLE = "_PERFBENCH_WORKER_MACHINE"
"""The name of the machine of a worker, in its environment; empty on the machine of the run."""

Answer = MeasuredDraw | PartsMissing | TaskRefused


class JobEnded(Exception):
    """The process of a draw ended before it was done; Dask begins the task again."""


def measure_sent_task(code: str, content: bytes) -> bytes | str:
    """The pickled answer to a pickled SentTask; the names of machine and worker where perfbench is not that of the sender.

    :param code: the digest of the sender's perfbench. Raises JobEnded.
    """
    place = WorkerPlace.get()
    if code != compute_code_digest():
        return f"{place.identity.described.name} {place.worker}"
    sent: SentTask = pickle.loads(content)  # noqa: S301 - whoever reaches a scheduler of Dask may run code anyway
    return pickle.dumps(place.measure(sent))


@dataclass(slots=True)
class WorkerPlace:
    """The one place of a worker process: its machine, its core, its folder, and the process that measures there."""

    identity: MachineIdentity
    core: int | None
    folder: Path
    worker: str = ""
    _job: JobProcess | None = None
    _timeout: float = 0.0
    _environments: dict[str, Environment] = field(default_factory=dict)

    @classmethod
    def get(cls) -> WorkerPlace:
        """The place of this process, made when it is asked for first."""
        global _place  # noqa: PLW0603 - one for the process
        if _place is None:
            require_extra("cluster", "a worker of a cluster", "distributed")
            from distributed import get_worker  # noqa: PLC0415 - an extra

            worker = get_worker()
            core = os.environ.get(CORE_VARIABLE, "")
            _place = cls(
                identify_machine(os.environ.get(MACHINE_VARIABLE, "")),
                int(core) if core else None,
                Path(tempfile.mkdtemp(prefix="perfbench-", dir=worker.local_directory)),
                str(worker.address),
            )
            atexit.register(_place.close)
            _leave_measured_cores()
        return _place

    def measure(self, sent: SentTask) -> Answer:
        """The answer to a task. Raises JobEnded."""
        if MACHINE_VARIABLE not in os.environ:
            return self._refuse("the worker was not started by perfbench", hint="start it with `perfbench worker`")
        adapted = self._adapt(sent)
        if not isinstance(adapted, DrawTask):
            return adapted
        events = tuple(tuple(map(self._add_machine, event)) for event in self._run(adapted))
        machine = replace(self.identity.described, name=self._label)
        return MeasuredDraw(machine, self.identity.fingerprint, self.worker, events)

    def close(self) -> None:
        """End the process and remove its files."""
        self._end_job()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _adapt(self, sent: SentTask) -> DrawTask | PartsMissing | TaskRefused:
        """The task as it can be measured here, or what is missing."""
        task = sent.task
        foreign = sent.fingerprint != self.identity.fingerprint
        urls = any(remote.is_url(member.source.location) for member in task.members)
        cause, hint = remote.explain_missing() if urls else ("", "")
        if cause:
            return self._refuse(cause, hint=hint)
        absent = not all(map(sent_task.is_at_hand, task.members))
        missing = PartsMissing(group=foreign and sent.group is None, contents=absent and sent.contents is None)
        if missing.contents and sent.unsendable:
            reason = f"not at the same path on {self.identity.described.name}, and {sent.unsendable}"
            return replace(self._refuse(reason), only_this=True)
        if missing.group or missing.contents:
            return missing
        if absent and sent.contents is not None:
            folder = self._make_folder("members")
            task = replace(task, members=sent_task.store_contents(task.members, sent.contents, folder))
        if not foreign or sent.group is None:
            return task
        try:
            return replace(task, group=self._move_group(task, sent.group))
        except EnvironmentProblem as problem:
            return self._refuse(problem.cause, hint=problem.hint)

    def _move_group(self, task: DrawTask, group: SentGroup) -> CaseGroup:
        environments = {}
        for place, locked in zip(task.group.places, group.locks, strict=True):
            key = hashlib.sha256(pickle.dumps(locked)).hexdigest()
            if key not in self._environments:
                self._environments[key] = build_locked_environment(locked, lambda _line: None)
            environments[place.environment.python] = self._environments[key]
        scenario = sent_task.store_scenario(group.scenario, self._make_folder("scenario"))
        return sent_task.move_group(task.group, environments, scenario)

    def _make_folder(self, name: str) -> Path:
        """An empty folder of this worker."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _run(self, task: DrawTask) -> list[tuple[Result, ...]]:
        job = self._job if self._timeout == task.settings.timeout else None
        if job is None:
            self._end_job()
            workspace = self._make_folder("unpacked")
            job = self._job = JobProcess(JobConditions(self.core, task.settings.timeout, str(workspace)))
            self._timeout = task.settings.timeout
        events: list[tuple[Result, ...]] = []
        try:
            job.begin(task)
            while not isinstance(event := job.receive(), TaskEnded):
                assert isinstance(event, (Progress, tuple))
                if isinstance(event, tuple):
                    events.append(event)
        except (EOFError, OSError):
            reason = job.describe_end()
            self._end_job()
            raise JobEnded(f"the process that measured {task.draw.batch} {reason}") from None
        return events

    def _end_job(self) -> None:
        if self._job is not None:
            self._job.close()
            self._job, self._timeout = None, 0.0

    def _add_machine(self, result: Result) -> Result:
        if result.sample is None:
            return result
        return replace(result, sample=replace(result.sample, machine=self._label))

    @property
    def _label(self) -> str:
        return os.environ.get(MACHINE_VARIABLE, "")

    def _refuse(self, reason: str, hint: str = "") -> TaskRefused:
        return TaskRefused(self.identity.described.name, self.worker, reason, hint)


def _leave_measured_cores() -> None:
    """Keep this process, which answers the scheduler while a draw is measured, off the cores of all draws if others are left."""
    if hasattr(os, "sched_setaffinity"):
        measured = {int(core) for core in os.environ.get(MEASURED_CORES_VARIABLE, "").split(",") if core}
        if rest := os.sched_getaffinity(0) - measured:
            os.sched_setaffinity(0, rest)


_place: WorkerPlace | None = None
