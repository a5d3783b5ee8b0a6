"""Threads that a pass starts: a profiler is started and stopped inside each of them."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

RUN_NAME = "run_observed"
"""The function around the work of an observed thread; its callers belong to the interpreter."""

NUMBER_PATTERN = re.compile(r"[-_]\d+")
"""What differs between the names of threads from pass to pass: ``Thread-7 (burn)`` is ``Thread (burn)``."""


class ObservedThread:
    """A thread that has ended: its name without numbers, its CPU seconds, and what its profiler found."""

    def __init__(self, name: str, cpu_seconds: float, data: Any) -> None:
        self.name = name
        self.cpu_seconds = cpu_seconds
        self.data = data


@contextmanager
def observe_threads(start: Callable[[], Any], stop: Callable[[Any], Any]) -> Iterator[List[ObservedThread]]:
    """Observe the threads that are started inside the context by ``threading``; the list gets each of them at its end.

    A thread that C code starts, or that outlives the context, is not in it. Forked children are not profiled.

    :param start: called in each thread before its work; :param stop: called in it with that value at its end.
    """
    ended: List[ObservedThread] = []
    start_thread = threading.Thread.start

    def start_observed(thread: threading.Thread) -> None:
        work = thread.run

        def run_observed() -> None:
            profiler, before = start(), time.thread_time()
            try:
                work()
            finally:
                data = stop(profiler)
                seconds = time.thread_time() - before
                ended.append(ObservedThread(NUMBER_PATTERN.sub("", thread.name), seconds, data))

        thread.run = run_observed  # type: ignore[method-assign]
        start_thread(thread)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_stop_profiling)
    threading.Thread.start = start_observed  # type: ignore[method-assign,assignment]
    try:
        yield ended
    finally:
        threading.Thread.start = start_thread  # type: ignore[method-assign]


def _stop_profiling() -> None:
    """A forked child inherits the profiler of its parent, which would cost CPU seconds and show nothing."""
    sys.setprofile(None)
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    if monitoring is not None and monitoring.get_tool(monitoring.PROFILER_ID) is not None:
        monitoring.set_events(monitoring.PROFILER_ID, 0)
