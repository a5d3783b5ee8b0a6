"""A process that measures draws on a core of its own: pickled frames in, pickled frames out.

Both ends are of one perfbench on one machine. A process per core, and not a thread: a thread of the host beside a pair would take
part of the core that is measured, and its workers could not be started safely (``worker_process.WorkerProcess``).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from perfbench.runner.state import Progress
from perfbench.runner.survey.draw import DrawTask, measure_draw
from perfbench.runner.trial import Conditions
from perfbench.runner.worker_process import start_process_group

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
    pipe.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> Any:
    """The next value; raises EOFError where the pipe has ended."""
    size = pipe.read(LENGTH_BYTES)
    if len(size) < LENGTH_BYTES:
        raise EOFError
    content = pipe.read(int.from_bytes(size, "big"))
    if len(content) < int.from_bytes(size, "big"):
        raise EOFError
    return pickle.loads(content)  # noqa: S301 - from a process of our own


class JobProcess:
    """The host's end: one process, which measures one task at a time."""

    def __init__(self, conditions: JobConditions) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perfbench.runner.survey.job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=start_process_group,  # noqa: PLW1509 - a host that measures on several cores has no threads
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
        for event in measure_draw(task, Conditions(conditions.core, conditions.timeout), Path(conditions.workspace)):
            write_frame(answers, event if isinstance(event, Progress) else tuple(event))
        write_frame(answers, TaskEnded())


def main() -> None:
    """Serve on standard input and output; what anything prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    # Pickled classes name their module: as __main__ it would be another one than the host's.
    from perfbench.runner.survey.job import main as main_of_module

    main_of_module()
