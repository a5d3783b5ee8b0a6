"""Client of a worker process: start it, send a request, read its answers, and end it with all its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner import worker_answers
from perfbench.util import formatting, paths
from perfbench.worker import protocol
from perfbench.worker.bytecode import FOLDER_VARIABLE
from perfbench.worker.protocol import GO, Done, Request

WORKER_SCRIPT = Path(__file__).resolve().parent.parent / "worker" / "__main__.py"

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether two workers can be pinned to one core: Linux. Elsewhere a pair runs sequentially."""

PASSED_VARIABLES = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "PERFBENCH_CACHE")
"""Environment variables of the host that a worker inherits; no other setting of a shell can change a result."""

HOST_PYTHON_VARIABLE = "PERFBENCH_PYTHON"
"""The interpreter of the host, for a scenario that starts a server of perfbench, whose packages its own may lack."""

MAX_LINE_BYTES = 512 * 1024 * 1024
DEATH_CHECK_SECONDS = 1.0
"""Seconds without an answer after which a worker is looked after: its children may keep its pipe open."""

STDERR_TAIL_LENGTH = 4000
SHOWN_LINES, SHOWN_START, SHOWN_END = 3, 140, 60
"""Lines of a worker's standard error in the reason of a failure, and characters of the start and the end of each."""


Answer = TypeVar("Answer")


class WorkerProcess:
    """One worker process, from request to end. Use it as a context manager: at the end its process group is killed."""

    def __init__(
        self,
        environment: Environment,
        request: Request,
        *,
        hash_seed: int,
        timeout: float,
        prefix: Sequence[str] = (),
        accept: Callable[[Done], None] = lambda _done: None,
    ) -> None:
        """Start the process and send the request. Raises TrialFailed if the interpreter cannot be started.

        :param prefix: a command that becomes the interpreter, such as ``setarch -R``; its process is the worker.
        :param accept: called with the last answer; raises TrialFailed if no sample of this worker may be taken.
        """
        self._accept = accept
        self._request = request
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._buffer = bytearray()
        self._closed = False
        try:
            with _hold_signals():
                self._process = subprocess.Popen(
                    [*prefix, environment.python, *environment.flags, "-s", str(WORKER_SCRIPT)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    env={**_build_variables(hash_seed), **dict(environment.variables)},
                    preexec_fn=start_process_group,  # noqa: PLW1509 - the host has no threads while it measures
                )
        except OSError as error:
            self._stderr.close()
            started = (*prefix, environment.python)[0]
            raise TrialFailed(f"cannot start {started}: {error.strerror}") from error
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe(self._process.stdout), selectors.EVENT_READ)
        self._write(protocol.encode_message(request))

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _pipe(pipe: Any) -> Any:
        assert pipe is not None
        return pipe

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def close(self) -> None:
        """Kill the process group: the processes of a scenario end with its trial."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            with contextlib.suppress(OSError):
                self._pipe(pipe).close()

    def go(self) -> None:
        """Let a worker that is ready, or completed its pass, continue."""
        self._write(f"{GO}\n".encode())

    def expect(self, kind: type[Answer]) -> Answer:
        """The next answer, which must be of this kind. Raises TrialFailed otherwise."""
        answer = self._answer()
        if not isinstance(answer, kind):
            raise TrialFailed(f"the worker broke the protocol: {type(answer).__name__} instead of {kind.__name__}")
        return answer

    def end(self) -> None:
        """Wait until the worker has torn down its set-ups. Raises TrialFailed if that fails, or its sample is not accepted."""
        self._accept(self.expect(Done))

    def answers(self, kind: type[Answer]) -> Iterator[Answer]:
        """The answers of this kind up to ``Done``. Raises TrialFailed as ``expect`` does."""
        while not isinstance(answer := self._answer(), Done):
            if not isinstance(answer, kind):
                raise TrialFailed(f"the worker broke the protocol: unexpected {type(answer).__name__}")
            yield answer
        self._accept(answer)

    def pause(self) -> None:
        """Pause the worker, without its children."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused worker."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def answers_within(self, seconds: float) -> bool:
        """Wait for an answer or the end of the worker, at most until its timeout; returns whether one came."""
        left = max(0.0, min(seconds, self._deadline - time.monotonic()))
        return bool(self._buffer) or bool(self._selector.select(left))

    def fileno(self) -> int:
        """The descriptor of its answers, for ``select``."""
        return int(self._pipe(self._process.stdout).fileno())

    def renew_deadline(self) -> None:
        """Have the timeout begin now: a worker may have waited for the pair before it."""
        self._deadline = time.monotonic() + self._timeout

    @property
    def overdue(self) -> bool:
        """Whether it exceeded its timeout."""
        return time.monotonic() > self._deadline

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def _answer(self) -> object:
        try:
            return worker_answers.decode_answer(self._line(), self._request)
        except TrialFailed as error:
            printed = "" if error.unavailable else self.describe_output()
            if not printed:
                raise
            raise TrialFailed(f"{error}; {printed}", error.detail, hint=error.hint) from error

    def describe_output(self) -> str:
        """The last lines that the worker printed or logged, in one of bounded length; empty if it printed nothing."""
        lines = [line.strip() for line in self._stderr_tail().splitlines() if line.strip()]
        shown = [_cut_middle(formatting.make_printable(line)) for line in lines[-SHOWN_LINES:]]
        return f"it printed: {' / '.join(shown)}" if shown else ""

    def _line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TrialFailed(f"timed out after {self._timeout:g} s (raise the limit with --timeout)")
            if not self._selector.select(min(left, DEATH_CHECK_SECONDS)) and not self.ended:
                continue
            if not self._selector.select(0):  # a child of the worker keeps its end of the pipe open
                raise TrialFailed(self._last_words(), self._stderr_tail())
            part = os.read(self._pipe(self._process.stdout).fileno(), 1 << 16)
            if not part:
                raise TrialFailed(self._last_words(), self._stderr_tail())
            self._buffer += part
            if len(self._buffer) > MAX_LINE_BYTES:
                raise TrialFailed("the worker broke the protocol: a line without an end")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _write(self, line: bytes) -> None:
        try:
            self._pipe(self._process.stdin).write(line)
            self._pipe(self._process.stdin).flush()
        except BrokenPipeError:
            return  # the reason is read from the answers, or from the lack of them

    def _last_words(self) -> str:
        try:
            code = self._process.wait(timeout=max(1.0, min(5.0, self._deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            return "the worker closed its answers before it was done"
        if code < 0:
            return f"the worker was killed by {signal.Signals(-code).name} before it was done"
        return f"the worker ended with code {code} before it was done"

    def _stderr_tail(self) -> str:
        """The end of the worker's standard error; its position, which the worker shares, is left alone."""
        file = self._stderr.fileno()
        start = max(0, os.fstat(file).st_size - STDERR_TAIL_LENGTH)
        return os.pread(file, STDERR_TAIL_LENGTH, start).decode("utf-8", "replace")


def wait_for_any(workers: Sequence[WorkerProcess]) -> list[WorkerProcess]:
    """The workers that have an answer, have ended, or exceeded their timeout; waits until there is one."""
    while True:
        readable = select.select(workers, [], [], DEATH_CHECK_SECONDS)[0]
        ready = readable or [worker for worker in workers if worker.ended or worker.overdue]
        if ready:
            return ready


def _cut_middle(line: str) -> str:
    return line if len(line) <= SHOWN_START + SHOWN_END else f"{line[:SHOWN_START]} … {line[-SHOWN_END:]}"


END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def _hold_signals() -> Iterator[None]:
    """Block signals that end the run: an exception of their handler is lost while a process is forked (os.register_at_fork)."""
    signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def start_process_group() -> None:
    """Runs between fork and exec: create a process group, so that the worker can be ended with its children.

    When the host is killed, the kernel kills the worker (prctl(2), PR_SET_PDEATHSIG).
    """
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
    end_with_host()


def end_with_host() -> None:
    """Have the kernel kill this process when the thread ends that started it (prctl(2), PR_SET_PDEATHSIG); only on Linux."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def describe_scenario_file(environment: Environment, path: str, timeout: float = 60.0) -> protocol.DescribedScenario:
    """Have a worker describe a scenario file. Raises TrialFailed."""
    with WorkerProcess(environment, Request("describe", path), hash_seed=0, timeout=timeout) as worker:
        return worker.expect(protocol.DescribedScenario)


def _build_variables(hash_seed: int) -> dict[str, str]:
    """The environment variables of a worker: a few of this process, and those that make passes alike."""
    folder = paths.bytecode_folder()
    with contextlib.suppress(OSError):  # a program may not make folders, and importing a module would
        folder.mkdir(parents=True, exist_ok=True)
    return {
        **{name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        HOST_PYTHON_VARIABLE: sys.executable,
        FOLDER_VARIABLE: str(folder),
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONIOENCODING": "utf-8",
    }
