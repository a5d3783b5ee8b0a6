"""One pass whose memory the host samples: times of its updates, garbage collections, start and end."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from perfbench.worker import update_hooks
from perfbench.worker.process_memory import resident_bytes
from perfbench.worker.protocol import GarbageCollection, MemoryObservation, Request
from perfbench.worker.timed_pass import convert_to_work

MAX_TIMES = 2048
"""Maximum number of recorded times of updates; even, so that every other one can be dropped."""

FULL_GENERATION = 2
GENERATION_COUNT = 3


def run_memory_pass(
    call: Callable[[], Any],
    wait: Callable[[], None],
    request: Request,
    on_completed: Optional[Callable[[], None]] = None,
) -> MemoryObservation:
    """Collect garbage, wait for GO, run the mode once to its end, release its outcome. Times are ``time.time()``.

    While it runs, only the numbers of updates and garbage collections are recorded.

    :param on_completed: called after the pass, before its outcome is released.

    Raises ScenarioError if the mode does not return its amount of work.
    """
    progress = _Progress(request.marks)
    garbage = _GarbageRecorder()
    _release_free_memory()  # as after the pass: else what imports left free would make what is left negative
    ready_bytes = resident_bytes("VmRSS")
    wait()
    peak_reset = _reset_peak()
    with update_hooks.install_update_hooks(progress.on_update), garbage.record():
        started = time.time()
        outcome = call()
        drained = isinstance(outcome, Iterator)
        count = update_hooks.drain_updates(outcome) if drained else 0
        ended = time.time()
    peak_bytes, end_bytes = resident_bytes("VmHWM"), resident_bytes("VmRSS")
    if on_completed is not None:
        on_completed()
    amount = count if drained else convert_to_work(outcome).amount
    del outcome
    _release_free_memory()
    sizes = _Sizes(peak_bytes, ready_bytes, end_bytes, resident_bytes("VmRSS"))
    return _build_observation(amount, (started, ended), progress, garbage, sizes, peak_reset)


class _Sizes(NamedTuple):
    """Resident bytes at the peak, before the pass, at its end, and after its outcome was released; None where unavailable."""

    peak: Optional[int]
    ready: Optional[int]
    end: Optional[int]
    left: Optional[int]


def _build_observation(
    amount: int,
    span: Tuple[float, float],
    progress: "_Progress",
    garbage: "_GarbageRecorder",
    sizes: _Sizes,
    peak_reset: bool,
) -> MemoryObservation:
    return MemoryObservation(
        work=amount,
        started=span[0],
        ended=span[1],
        updates=progress.seen,
        stride=progress.stride,
        progress=list(progress.times),
        marks=progress.list_marks(),
        collections=list(garbage.collections),
        full=garbage.full,
        peak_bytes=sizes.peak,
        peak_reset=peak_reset,
        ready_bytes=sizes.ready,
        end_bytes=sizes.end,
        left_bytes=sizes.left,
        packages=[],
    )


class _Progress:
    """Times of updates: evenly spread ones, whatever their total, and the requested ones by number."""

    def __init__(self, marks: List[int]) -> None:
        self._numbers = marks
        self._marks: Dict[int, float] = dict.fromkeys(marks, 0.0)
        self._next = 0
        self.seen = 0
        self.stride = 1
        self.times = array("d")

    def on_update(self, number: int) -> None:
        """Record the time of an update if needed; at the end of a file the number is that of the next update."""
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

    def list_marks(self) -> List[Optional[float]]:
        """The times of the requested updates; None for one that did not come."""
        return [self._marks[number] if self._marks[number] and number < self.seen else None for number in self._numbers]


class _GarbageRecorder:
    """Garbage collections: their number in each generation, and the times of the full ones."""

    def __init__(self) -> None:
        self.collections = [0] * GENERATION_COUNT
        self.full: List[GarbageCollection] = []
        self._began = 0.0

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record collections inside the context."""
        gc.callbacks.append(self._on_collection)
        try:
            yield
        finally:
            gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, info: Dict[str, int]) -> None:
        generation = info["generation"]
        if phase == "start":
            if generation == FULL_GENERATION:
                self._began = time.time()
            return
        self.collections[generation] += 1
        if generation == FULL_GENERATION:
            self.full.append(GarbageCollection(self._began, time.time() - self._began))


def _release_free_memory() -> None:
    """Collect garbage and return free memory to the system (malloc_trim(3), glibc): otherwise it looks like a leak."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _reset_peak() -> bool:
    """Reset VmHWM to the current resident memory (proc(5), clear_refs); returns whether the system allows it."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")
    except OSError:
        return False
    return True
