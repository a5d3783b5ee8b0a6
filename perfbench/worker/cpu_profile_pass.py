"""One pass under a CPU profiler, with functions named alike in every environment."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import time
from collections.abc import Iterator
from typing import Any, Callable, Dict, List, Optional, Tuple

from perfbench.worker.cpu_usage import child_cpu_seconds, queue_seconds
from perfbench.worker.function_names import BUILT_IN_FILE, PACKAGE_DIRECTORY, FunctionNamer
from perfbench.worker.protocol import CpuProfile, Function, Request
from perfbench.worker.scenario_api import ScenarioError, Work
from perfbench.worker.timed_pass import convert_to_work

Frame = Tuple[str, int, str]
"""File (``BUILT_IN`` for none), first line and name of a function."""


class RawProfile:
    """The data of a profiler: stacks, outermost first, with seconds; calls by caller (None: unknown) and callee.

    ``inclusive`` are the seconds of functions with all that they called, of a profiler whose stacks have two functions only.
    ``unseen`` are the CPU seconds of threads that it does not observe. ``mixed``: it cannot keep threads apart.
    """

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.samples = 0
        self.capped = 0.0
        self.stacks: Dict[Tuple[Frame, ...], float] = {}
        self.calls: Dict[Tuple[Optional[Frame], Frame], int] = {}
        self.inclusive: Dict[Frame, float] = {}
        self.unseen = 0.0
        self.mixed = False

    def add(self, stack: Tuple[Frame, ...], seconds: float) -> None:
        """Add seconds of a stack."""
        self.stacks[stack] = self.stacks.get(stack, 0.0) + seconds


def drain_mode(call: Callable[[], Any]) -> Any:
    """Run a mode to its end: the number of items of an iterator, else the value that it returned."""
    outcome = call()
    if isinstance(outcome, Iterator):
        count = 0
        for _ in outcome:
            count += 1
        return Work(count)
    return outcome


WORKER_PREFIX = os.path.join(PACKAGE_DIRECTORY, "worker") + os.sep
"""Frames of these files are left out; not those of the whole package, which contains the shipped scenarios if installed."""

DRAIN_FRAME = drain_mode.__code__.co_filename, drain_mode.__code__.co_firstlineno, drain_mode.__name__
"""The frame that iterates over the updates, as a timed pass does; frames outside of it belong to the worker."""


CHILDREN_FRAME: Frame = (BUILT_IN_FILE, 0, "[child processes]")
UNSEEN_FRAME: Frame = (BUILT_IN_FILE, 0, "[threads not observed]")
"""Functions that stand for what a profiler does not look into."""

MIN_UNSEEN_SHARE, MIN_UNSEEN_SECONDS = 0.02, 0.005
"""CPU seconds of a pass below which threads are not missed: to start and to end an observed one takes some."""


ALL_THREADS_FRAME: Frame = (BUILT_IN_FILE, 0, "[threads beside the main one]")
"""The function that stands for all other threads, of a profiler that does not name them."""


def build_thread_frame(name: str) -> Frame:
    """The function that stands for a thread, by its name without numbers."""
    return BUILT_IN_FILE, 0, "[thread {}]".format(name)


def is_thread_frame(frame: Frame) -> bool:
    """Whether a function stands for a thread."""
    return frame[0] == BUILT_IN_FILE and frame[2].startswith(("[thread ", ALL_THREADS_FRAME[2]))


class PassClock:
    """CPU seconds of a pass: of the whole process, and of the main thread, in which it runs; ``queued``: without a core."""

    def __init__(self) -> None:
        self._queued = queue_seconds()
        self._process, self._main = time.process_time(), time.thread_time()
        self.process = self.main = self.queued = 0.0

    def stop(self) -> None:
        """Read the seconds since the start."""
        self.process, self.main = time.process_time() - self._process, time.thread_time() - self._main
        self.queued = 0.0 if self._queued is None else (queue_seconds() or self._queued) - self._queued

    def find_unseen(self, observed: float) -> float:
        """The seconds of threads beside the main one and those ``observed``; 0 if they are negligible."""
        unseen = self.process - self.main - observed
        return unseen if unseen > max(MIN_UNSEEN_SECONDS, MIN_UNSEEN_SHARE * self.process) else 0.0


def run_cpu_profile_pass(call: Callable[[], Any], wait: Callable[[], None], request: Request) -> CpuProfile:
    """Collect garbage, wait for GO, run the mode once to its end under the profiler. Seconds of CPU and of wall time.

    Raises ScenarioError if the profiler is not installed, or does not work on this machine.
    """
    observe = load_profiler(request.profiler).observe
    gc.collect()
    wait()
    queued, children = queue_seconds(), child_cpu_seconds()
    wall, cpu = time.perf_counter(), time.process_time()
    observed = observe(lambda: drain_mode(call), request.artefact, request)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    children = child_cpu_seconds() - children
    work = convert_to_work(observed.outcome)
    index = _FunctionIndex(FunctionNamer(request.scenario))
    index.add_all(observed, children)
    return CpuProfile(
        work=work.amount,
        cpu_seconds=cpu + children,
        wall_seconds=wall,
        samples=observed.samples,
        capped=observed.capped,
        functions=index.functions,
        stacks=[list(stack) for stack in index.stacks],
        seconds=list(index.stacks.values()),
        calls=index.number_calls(observed.calls),
        packages=[],
        inclusive=index.number_inclusive(observed.inclusive),
        child_seconds=children,
        unseen_seconds=observed.unseen,
        queue_seconds=None if queued is None else max(0.0, (queue_seconds() or 0.0) - queued),
        mixed=observed.mixed,
    )


def load_profiler(name: str) -> Any:
    """Import the module of a profiler. Raises ScenarioError if its packages are not installed."""
    module = importlib.import_module("perfbench.worker.profilers." + name)
    for need in module.NEEDS:
        if need != "py-spy" and importlib.util.find_spec(need.replace("-", "_")) is None:
            raise ScenarioError("{} is not installed in this environment".format(need))
    return module


class _FunctionIndex:
    """The functions of a profile, each once, and its stacks as numbers of functions."""

    def __init__(self, names: FunctionNamer) -> None:
        self._names = names
        self._indices: Dict[Frame, int] = {}
        self._by_key: Dict[Tuple[str, str], int] = {}
        self.functions: List[Function] = []
        self.stacks: Dict[Tuple[int, ...], float] = {}

    def number(self, frame: Frame) -> int:
        """The number of the function of a frame."""
        if frame not in self._indices:
            named = self._names.named(*frame)
            key = named.key, named.kind
            if key not in self._by_key:
                self._by_key[key] = len(self.functions)
                self.functions.append(named)
            self._indices[frame] = self._by_key[key]
        return self._indices[frame]

    def add_all(self, observed: RawProfile, children: float) -> None:
        """Add all stacks of a profile, and one each for the seconds that the profiler did not look into."""
        for stack, seconds in observed.stacks.items():
            self.add(stack, seconds)
        for frame, seconds in ((UNSEEN_FRAME, observed.unseen), (CHILDREN_FRAME, children)):
            if seconds > 0 and not observed.mixed:
                self.add((DRAIN_FRAME, frame), seconds)
                if observed.inclusive:
                    observed.inclusive[frame] = seconds

    def number_calls(self, calls: Dict[Tuple[Optional[Frame], Frame], int]) -> List[List[int]]:
        """Calls as caller (-1 for none), callee and count."""
        return [
            [-1 if caller is None else self.number(caller), self.number(callee), count]
            for (caller, callee), count in calls.items()
        ]

    def number_inclusive(self, inclusive: Dict[Frame, float]) -> List[float]:
        """The inclusive seconds of every function, which are at most those of the pass; empty if there are none."""
        if not inclusive:
            return []
        sums: Dict[int, float] = {}
        for frame, seconds in inclusive.items():
            number = self.number(frame)
            sums[number] = sums.get(number, 0.0) + seconds
        whole = sum(self.stacks.values())
        return [min(whole, sums.get(number, 0.0)) for number in range(len(self.functions))]

    def add(self, stack: Tuple[Frame, ...], seconds: float) -> None:
        """Add the part of a stack inside the loop of the pass, and its seconds; stacks of the profiler itself are left out."""
        if stack and is_thread_frame(stack[0]):
            stack = (DRAIN_FRAME, *(frame for frame in stack if not frame[0].startswith(WORKER_PREFIX)))
        elif DRAIN_FRAME in stack:
            below = stack[stack.index(DRAIN_FRAME) + 1 :]
            stack = (DRAIN_FRAME, *(frame for frame in below if not frame[0].startswith(WORKER_PREFIX)))
        elif len(stack) > 2:
            return
        indices = tuple(self.number(frame) for frame in stack)
        self.stacks[indices] = self.stacks.get(indices, 0.0) + seconds


__all__ = [
    "ALL_THREADS_FRAME",
    "Frame",
    "PassClock",
    "RawProfile",
    "build_thread_frame",
    "drain_mode",
    "load_profiler",
    "run_cpu_profile_pass",
]
