"""Workers as forks of the test process: the real worker code and the real protocol without the start of an interpreter.

A fork takes milliseconds where a new interpreter takes a tenth of a second. It is a process of its own, so that signals, pairs
interleaved on one core and a scenario that patches a package stay within it. Not honoured: the hash seed, which an interpreter
reads when it starts.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest

from perfbench.runner import machine, worker_process
from perfbench.worker.server import RequestServer

POLL_SECONDS = 0.0005

WARM_PACKAGES = (
    "betfairlightweight",
    "requests",
    "urllib3",
    "idna",
    "certifi",
    "charset_normalizer",
    "dateutil",
    "six",
)
"""What a fork keeps of the packages of this interpreter: what a replay here imports anyway, which takes most of its time."""


FORGOTTEN: list[ModuleType] = []
"""Modules that a fork has taken out of ``sys.modules``, kept alive: to free them would take longer than most passes."""


class ForkedWorker:
    """What ``subprocess.Popen`` offers for a worker: pipes, ``pid`` and ``wait``."""

    def __init__(
        self, command: Sequence[str], stderr: IO[bytes], env: Mapping[str, str], start_group: Callable[[], None]
    ) -> None:
        requests, self_requests = os.pipe()
        self_answers, answers = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 for a fork beside other threads
            pid = os.fork()
        if pid == 0:
            os.close(self_requests)
            os.close(self_answers)
            _serve(command[0], requests, answers, stderr.fileno(), env, start_group)
        os.close(requests)
        os.close(answers)
        self.pid = pid
        self.stdin: IO[bytes] = os.fdopen(self_requests, "wb")
        self.stdout: IO[bytes] = os.fdopen(self_answers, "rb")
        self._code: int | None = None
        try:
            os.setpgid(pid, pid)  # the host may kill the group before the child has made it
        except (ProcessLookupError, PermissionError):
            return  # it is over already

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._code is None:
            pid, status = os.waitpid(self.pid, 0 if end is None else os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            else:
                time.sleep(POLL_SECONDS)
        return self._code


def _serve(
    python: str, requests: int, answers: int, stderr: int, env: Mapping[str, str], start_group: Callable[[], None]
) -> None:
    """The life of the fork, which never returns: what ``perfbench/worker/__main__.py`` does in an interpreter of its own."""
    code = 1
    try:
        start_group()
        faulthandler.disable()  # a crash is what a test has asked for
        gc.freeze()  # what the tests have made is no garbage of a pass
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(stderr, 1)
        os.dup2(stderr, 2)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        os.environ.clear()
        os.environ.update(env)
        _enter_environment(python)
        RequestServer(os.fdopen(requests, "rb"), answers).serve()
        sys.stdout.flush()
        sys.stderr.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _enter_environment(python: str) -> None:
    """Import from the environment of this interpreter only, and forget what the tests have imported from elsewhere."""
    standard, own = os.path.dirname(os.__file__), sys.prefix
    prefix = own if python == sys.executable else str(Path(python).parent.parent)
    packages = [entry for entry in sys.path if entry.endswith("site-packages")]
    if prefix != own:
        packages = [str(path) for path in Path(prefix).glob("lib/python*/site-packages")]
        assert packages, python
    sys.prefix, sys.executable = prefix, python
    sys.path[:] = [entry for entry in sys.path if entry.startswith(standard) and "site-packages" not in entry]
    sys.path += packages
    for name, module in list(sys.modules.items()):
        file: Any = getattr(module, "__file__", None)
        kit = name.startswith("perfbench.kit")  # a scenario is checked with the modules of the kit that it imports
        if (name.partition(".")[0] == "perfbench" and not kit) or file is None:
            continue
        warm = prefix == own and name.partition(".")[0] in WARM_PACKAGES
        if not warm and (not file.startswith(standard) or "site-packages" in file):
            FORGOTTEN.append(sys.modules.pop(name))


class _Subprocess:
    """Stands for the module ``subprocess`` in the host's client: a worker of this Python version is forked."""

    PIPE, TimeoutExpired = subprocess.PIPE, subprocess.TimeoutExpired

    @staticmethod
    def Popen(command: Sequence[str], **how: Any) -> Any:  # noqa: N802 - the name of the class that it stands for
        python, script = command[0], command[-1]
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        here = python == sys.executable or any(Path(python).parent.parent.glob(f"lib/{version}/site-packages"))
        if script == str(worker_process.WORKER_SCRIPT) and here and len(command) == 3:
            return ForkedWorker(command, how["stderr"], how["env"], how["preexec_fn"])
        return subprocess.Popen(command, **how)  # another Python, or a prefix such as Valgrind


def fork_workers(patch: pytest.MonkeyPatch) -> None:
    """Fork every worker that this process starts, and choose the core to measure on without watching all of them first."""
    importlib.import_module("betfairlightweight")
    patch.setattr(worker_process, "subprocess", _Subprocess)
    patch.setattr(machine, "find_quietest_core", partial(machine.find_quietest_core, 0.0))
