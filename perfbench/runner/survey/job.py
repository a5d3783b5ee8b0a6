"""A process that measures draws on a core of its own: pickled frames in, pickled frames out.

Both ends are of one perfbench on one machine. A process per core, and not a thread: a thread of the host beside a pair would take
part of the core that is measured, and its workers could not be started safely (``worker_process.WorkerProcess``).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from perfbench.model import Result
from perfbench.runner.state import Progress
from perfbench.runner.survey.draw import DrawTask, measure_draw
from perfbench.runner.trial import Conditions
from perfbench.runner.worker_process import end_with_host

LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class JobConditions:
    """Where a process measures: its core, the timeout of a pass in seconds, the folder for unpacked files."""

    core: int | None
    timeout: float
    workspace: str


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """The last frame of a task."""


def write_frame(pipe: BinaryIO, value: object) -> None:
    """Write a value with its length before it."""
    content = pickle.dumps(value)
    rest = memoryview(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    while rest:
        rest = rest[pipe.write(rest) :]
    pipe.flush()


def read_frame(pipe: BinaryIO) -> Any:
    """The next value; raises EOFError where the pipe has ended."""
    size = int.from_bytes(_read_exactly(pipe, LENGTH_BYTES), "big")
    return pickle.loads(_read_exactly(pipe, size))  # noqa: S301 - from a process of our own


def _read_exactly(pipe: BinaryIO, size: int) -> bytes:
    """``size`` bytes of a pipe that may have no buffer. Raises EOFError where it ends before."""
    parts = []
    while size > 0:
        part = pipe.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class JobProcess:
    """The host's end: one process, which measures one task at a time."""

    def __init__(self, conditions: JobConditions) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perfbench.runner.survey.job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # ``select`` does not see what a buffer holds
            start_new_session=True,  # and no preexec_fn: a worker of a cluster has threads
        )
        write_frame(self._pipe(self._process.stdin), conditions)

    @staticmethod
    def _pipe(pipe: Any) -> Any:
        assert pipe is not None
        return pipe

    def fileno(self) -> int:
        """The descriptor of its answers, for ``select``."""
        return int(self._pipe(self._process.stdout).fileno())

    def begin(self, task: DrawTask) -> None:
        """Give it a task. Raises OSError if it has ended."""
        write_frame(self._pipe(self._process.stdin), task)

    def receive(self) -> object:
        """The next event of its task, or ``TaskEnded``. Raises EOFError if the process has ended."""
        return read_frame(self._pipe(self._process.stdout))

    def describe_end(self) -> str:
        """How the process ended: ``was killed by signal 9`` or ``ended with 1``."""
        code = self._process.wait()
        return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def close(self) -> None:
        """Kill it; its worker processes end with it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            self._pipe(pipe).close()


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Measure one task after the other until the requests end."""
    conditions: JobConditions = read_frame(requests)
    if conditions.core is not None:
        os.sched_setaffinity(0, {conditions.core})
    while True:
        try:
            task = read_frame(requests)
        except EOFError:
            return
        where = Conditions(conditions.core, conditions.timeout)
        for event in measure_draw(task, where, Path(conditions.workspace)):
            core = where.core_for(task.group)
            write_frame(answers, event if isinstance(event, Progress) else tuple(_add_core(r, core) for r in event))
        write_frame(answers, TaskEnded())


def _add_core(result: Result, core: int | None) -> Result:
    return result if result.sample is None else replace(result, sample=replace(result.sample, core=core))


def main() -> None:
    """Serve on standard input and output; what anything prints goes to standard error. The process ends with its host."""
    end_with_host()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    # Pickled classes name their module: as __main__ it would be another one than the host's.
    from perfbench.runner.survey.job import main as main_of_module

    main_of_module()
