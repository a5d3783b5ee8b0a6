"""One pass whose memory somebody else looks at: what it was doing when, and where it began and ended."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Dict, List, Optional

from perfbench.worker import update_hooks
from perfbench.worker.protocol import GarbageCollection, MemoryObservation, Request
from perfbench.worker.scenario_api import Work
from perfbench.worker.timed_pass import convert_to_work, resident_bytes

MAX_TIMES = 2048
"""So many times of updates are kept at most; an even number, so that every other one can be dropped."""

FULL_GENERATION = 2
GENERATION_COUNT = 3


def run_memory_pass(
    call: Callable[[], Any],
    wait: Callable[[], None],
    asked: Request,
    passed: Optional[Callable[[], None]] = None,
) -> MemoryObservation:
    """Collect garbage, wait for GO, run the mode once to its end, drop what it returned. Times are ``time.time()``.

    Nothing is looked at while it runs but the number of the update, and that garbage is collected.

    :param passed: called when the pass is over and its outcome is still there.

    Raises ScenarioError if the mode returns nothing that can be counted.
    """
    progress = _Progress(asked.marks)
    garbage = _GarbageRecorder()
    gc.collect()
    ready_bytes = resident_bytes("VmRSS")
    wait()
    peak_reset = _reset_peak()
    with update_hooks.install_update_hooks(progress.on_update), garbage.noted():
        started = time.time()
        outcome = call()
        drained = isinstance(outcome, Iterator)
        count = update_hooks.drain_updates(outcome) if drained else 0
        ended = time.time()
    peak_bytes = resident_bytes("VmHWM")
    end_bytes = resident_bytes("VmRSS")
    if passed is not None:
        passed()
    work = Work(count) if drained else convert_to_work(outcome)
    amount = work.amount
    del outcome, work
    _release_free_memory()
    return MemoryObservation(
        work=amount,
        started=started,
        ended=ended,
        updates=progress.seen,
        stride=progress.stride,
        progress=list(progress.times),
        marks=progress.marked(),
        collections=list(garbage.collections),
        full=garbage.full,
        peak_bytes=peak_bytes,
        peak_reset=peak_reset,
        ready_bytes=ready_bytes,
        end_bytes=end_bytes,
        left_bytes=resident_bytes("VmRSS"),
        packages=[],
    )


class _Progress:
    """When updates came: evenly spread ones, however many there will be, and those that were asked for by number."""

    def __init__(self, marks: List[int]) -> None:
        self._numbers = marks
        self._marks: Dict[int, float] = dict.fromkeys(marks, 0.0)
        self._next = 0
        self.seen = 0
        self.stride = 1
        self.times = array("d")

    def on_update(self, number: int) -> None:
        """Note the time where it is wanted; at the end of a file the number is that of an update which is not there yet."""
        self.seen = number
        if number == self._next:
            self._next = number + self.stride
            self.times.append(time.time())
            if len(self.times) == MAX_TIMES:
                self.times = self.times[::2]
                self.stride *= 2
                self._next = len(self.times) * self.stride
        if number in self._marks:
            self._marks[number] = time.time()

    def marked(self) -> List[Optional[float]]:
        """The times of the updates that were asked for; None for one that did not come."""
        return [self._marks[number] if self._marks[number] and number < self.seen else None for number in self._numbers]


class _GarbageRecorder:
    """Collections of garbage: how many of each generation, and when the full ones were."""

    def __init__(self) -> None:
        self.collections = [0] * GENERATION_COUNT
        self.full: List[GarbageCollection] = []
        self._began = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """As long as it lasts they are noted."""
        gc.callbacks.append(self._note)
        try:
            yield
        finally:
            gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: Dict[str, int]) -> None:
        generation = info["generation"]
        if phase == "start":
            if generation == FULL_GENERATION:
                self._began = time.time()
            return
        self.collections[generation] += 1
        if generation == FULL_GENERATION:
            self.full.append(GarbageCollection(self._began, time.time() - self._began))


def _release_free_memory() -> None:
    """Collect garbage, and let malloc return what is free (malloc_trim(3), glibc): else a hole looks like a leak."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _reset_peak() -> bool:
    """Let VmHWM begin anew at what is resident now (proc(5), clear_refs); whether the system lets us."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")
    except OSError:
        return False
    return True
