"""Processes and threads of a program: children are forked, so that what they simulate is observed; threads are waited for.

A forked child inherits what perfbench has patched, and leaves what it noted in a folder, where its parent collects it.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import pickle
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, List, Set

from perfbench.kit.program.redirection import REAL_OPEN
from perfbench.worker.scenario_api import ProgramError

THREAD_SECONDS = 60.0
"""How long threads are waited for that a program leaves running, as Python does at its end."""


@contextmanager
def forked_children() -> Iterator[None]:
    """Inside the context, multiprocessing forks its processes, whichever start method the program chooses.

    A spawned process would import a fresh interpreter's modules, in which nothing is observed.
    """
    context: Any = multiprocessing.context
    if not hasattr(os, "fork"):
        yield
        return
    fork = context.ForkProcess._Popen
    kinds = (context.SpawnProcess, context.ForkServerProcess)
    default = context._default_context
    before = [kind._Popen for kind in kinds], default._default_context, default._actual_context
    for kind in kinds:
        kind._Popen = staticmethod(fork)
    default._default_context = multiprocessing.get_context("fork")
    try:
        yield
    finally:
        for kind, popen in zip(kinds, before[0]):  # noqa: B905 - strict= came with Python 3.10
            kind._Popen = staticmethod(popen)
        default._default_context, default._actual_context = before[1:]


class RecordFolder:
    """What the processes of one run of a program note, and on what they agree."""

    def __init__(self, folder: str) -> None:
        """:param folder: a folder, which is made."""
        os.makedirs(folder)
        self._folder = folder
        self._owner = os.getpid()
        self._records: List[Any] = []

    def add(self, record: Any) -> None:
        """Keep a record, which is written to a file in a child process."""
        if os.getpid() == self._owner:
            self._records.append(record)
            return
        path = os.path.join(self._folder, "{}-{}".format(os.getpid(), time.perf_counter_ns()))
        with REAL_OPEN(path + ".part", "wb") as file:
            pickle.dump(record, file)
        os.replace(path + ".part", path + ".record")

    def collect(self) -> List[Any]:
        """The records of this process and of its children, the children's in no particular order."""
        records = list(self._records)
        for name in sorted(os.listdir(self._folder)):
            if name.endswith(".record"):
                with REAL_OPEN(os.path.join(self._folder, name), "rb") as file:
                    records.append(pickle.load(file))  # noqa: S301 - written by a child of this process
        return records

    def agree(self, key: str, value: str) -> str:
        """The value of the process that was the first to ask for this key; ``key`` is a file name."""
        path = os.path.join(self._folder, key)
        if not os.path.lexists(path):
            part = "{}.{}.{}".format(path, os.getpid(), threading.get_ident())
            with REAL_OPEN(part, "w", encoding="utf-8") as file:
                file.write(value)
            try:
                os.link(part, path)
            except FileExistsError:
                pass
            finally:
                os.remove(part)
        with REAL_OPEN(path, encoding="utf-8") as file:
            return file.read()


def _list_pool_threads() -> Iterator[threading.Thread]:
    """The threads of pools that were not shut down: they wait for work that will not come, until Python ends them."""
    for module, attribute in (("thread", "_threads_queues"), ("process", "_threads_wakeups")):
        pools = sys.modules.get("concurrent.futures." + module)
        yield from getattr(pools, attribute, ())


def wait_for_threads(before: Iterable[threading.Thread]) -> None:
    """Wait for the threads that a program has started and not ended, as Python does at its end: not for daemons.

    Raises ProgramError with the names of those that still run after a minute.
    """
    earlier: Set[threading.Thread] = {*before, threading.current_thread()}
    earlier.update(_list_pool_threads())
    left = [thread for thread in threading.enumerate() if thread not in earlier and not thread.daemon]
    deadline = time.monotonic() + THREAD_SECONDS
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    names = ", ".join(thread.name for thread in left if thread.is_alive())
    if names:
        raise ProgramError("left threads running: {}".format(names), "join them at its end")
