"""Child processes of a build: run to their end, and ended with perfbench."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from perfbench.errors import EnvironmentProblem

CALL_TIMEOUT = 900.0
"""Seconds for one call: a build that waits for input never ends."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """Exit code, standard output and standard error of a finished process."""

    code: int
    out: str
    err: str


_running_processes: set[subprocess.Popen[str]] = set()
_processes_lock = threading.Lock()


def run_program(
    command: list[str], variables: Mapping[str, str], lock: int | None = None, undecodable: str = "replace"
) -> ProcessResult:
    """Run a program to its end, in a folder without any project's settings.

    Raises EnvironmentProblem if it cannot be started or times out.

    :param lock: a file descriptor that the process inherits, so that a file stays locked if perfbench is killed.
    :param undecodable: what becomes of output that is not UTF-8; ``surrogateescape`` keeps the names of files.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors=undecodable,
            cwd=tempfile.gettempdir(),
            env=dict(variables),
            pass_fds=() if lock is None else (lock,),
        )
    except OSError as error:
        raise EnvironmentProblem(f"cannot start {Path(command[0]).name}: {error}") from error
    with _processes_lock:
        _running_processes.add(process)
    try:
        out, err = process.communicate(timeout=CALL_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise EnvironmentProblem(f"{' '.join(command[1:3])} timed out after {CALL_TIMEOUT:.0f} s") from error
    finally:
        with _processes_lock:
            _running_processes.discard(process)
    return ProcessResult(process.returncode, out, err)


def end_all_processes() -> None:
    """Terminate every process that is still running."""
    with _processes_lock:
        for process in _running_processes:
            with suppress(OSError):
                process.terminate()
