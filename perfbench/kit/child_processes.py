"""Processes that a scenario starts: what they can import, and that none survives the worker."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator

import perfbench

REMOVE = 'cat >/dev/null; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }'
SET_PDEATHSIG = 1
SET_CHILD_SUBREAPER = 36
"""Options of prctl(2)."""


def python_path(folder: str) -> str:
    """A value of PYTHONPATH with which a child process can import ``perfbench.kit``, and nothing else of the host.

    :param folder: an empty folder, into which a link to the package is written; it must exist as long as the child.
    """
    os.symlink(os.path.dirname(os.path.abspath(str(perfbench.__file__))), os.path.join(folder, "perfbench"))
    return os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))


@contextmanager
def folder_until_the_end() -> Iterator[str]:
    """A temporary folder that is removed even if this process is killed: a shell at the other end of a pipe waits for that."""
    folder = tempfile.mkdtemp(prefix="perfbench-")
    quiet: Dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        ["/bin/sh", "-c", REMOVE, "sh", folder], stdin=subprocess.PIPE, start_new_session=True, **quiet
    ) as remover:
        if remover.stdin is not None and hasattr(os, "register_at_fork"):
            # A process that a scenario forks and leaves behind must not keep the pipe open.
            os.register_at_fork(after_in_child=remover.stdin.close)
        yield folder


def end_with_parent(signal_number: int = signal.SIGKILL) -> None:
    """Have the system end this process when its parent ends, as a killed worker must not leave a pool behind (Linux only).

    :param signal_number: what it is ended by.
    """
    if sys.platform == "linux":
        _prctl(SET_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants, to wait for them (Linux only)."""
    if sys.platform == "linux":
        _prctl(SET_CHILD_SUBREAPER, 1)


def wait_for_children(pids: Iterable[int]) -> None:
    """Wait until those of these processes that are, or have become, children of this one have ended."""
    for pid in pids:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            continue


def _prctl(option: int, value: int) -> None:
    importlib.import_module("ctypes").CDLL(None).prctl(option, value, 0, 0, 0)
