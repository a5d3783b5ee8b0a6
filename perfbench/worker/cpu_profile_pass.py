"""One pass under a profiler of the CPU, and what it found under names that hold in every environment."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import time
from collections.abc import Iterator
from typing import Any, Callable, Dict, List, Optional, Tuple

from perfbench.worker.function_names import PACKAGE_DIRECTORY, FunctionNamer
from perfbench.worker.protocol import CpuProfile, Function, Request
from perfbench.worker.scenario_api import ScenarioError, Work
from perfbench.worker.timed_pass import convert_to_work

Frame = Tuple[str, int, str]
"""File (``BUILT_IN`` for none), first line and name of a function."""


class RawProfile:
    """What a profiler saw: stacks, outermost first, with seconds; calls by caller (None: nobody known) and callee.

    ``inclusive`` are the seconds of functions with what they called, of a profiler whose stacks are only the last two functions.
    """

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.samples = 0
        self.capped = 0.0
        self.stacks: Dict[Tuple[Frame, ...], float] = {}
        self.calls: Dict[Tuple[Optional[Frame], Frame], int] = {}
        self.inclusive: Dict[Frame, float] = {}

    def add(self, stack: Tuple[Frame, ...], seconds: float) -> None:
        """More seconds of a stack."""
        self.stacks[stack] = self.stacks.get(stack, 0.0) + seconds


def drain_mode(call: Callable[[], Any]) -> Any:
    """What the mode returned; of an iterator, which is gone through, how many items it had."""
    outcome = call()
    if isinstance(outcome, Iterator):
        count = 0
        for _ in outcome:
            count += 1
        return Work(count)
    return outcome


WORKER_PREFIX = os.path.join(PACKAGE_DIRECTORY, "worker") + os.sep
"""Frames from here are left out; not all of the package, for an installed one has the shipped scenarios inside."""

DRAIN_FRAME = drain_mode.__code__.co_filename, drain_mode.__code__.co_firstlineno, drain_mode.__name__
"""Outside of it is the worker; it takes the updates one by one, as a timed pass does."""


def run_cpu_profile_pass(call: Callable[[], Any], wait: Callable[[], None], asked: Request) -> CpuProfile:
    """Collect garbage, wait for GO, run the mode once to its end under the profiler. Seconds of CPU and of wall time.

    Raises ScenarioError if the profiler is not there, or what it says of this machine.
    """
    observe = load_profiler(asked.profiler).observe
    gc.collect()
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    observed = observe(lambda: drain_mode(call), asked.artefact, asked)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    work = convert_to_work(observed.outcome)
    found = _FunctionIndex(FunctionNamer(asked.scenario))
    for stack, seconds in observed.stacks.items():
        found.add(stack, seconds)
    calls = [
        [-1 if caller is None else found.index(caller), found.index(callee), count]
        for (caller, callee), count in observed.calls.items()
    ]
    inclusive: Dict[int, float] = {}
    for frame, seconds in observed.inclusive.items():
        index = found.index(frame)
        inclusive[index] = inclusive.get(index, 0.0) + seconds
    return CpuProfile(
        work=work.amount,
        cpu_seconds=cpu,
        wall_seconds=wall,
        samples=observed.samples,
        capped=observed.capped,
        functions=found.functions,
        stacks=[list(stack) for stack in found.stacks],
        seconds=list(found.stacks.values()),
        calls=calls,
        inclusive=[inclusive.get(index, 0.0) for index in range(len(found.functions))] if inclusive else [],
        packages=[],
    )


def load_profiler(name: str) -> Any:
    """The module of a profiler. Raises ScenarioError if what it needs is not installed here."""
    module = importlib.import_module("perfbench.worker.profilers." + name)
    for need in module.NEEDS:
        if need != "py-spy" and importlib.util.find_spec(need.replace("-", "_")) is None:
            raise ScenarioError("{} is not installed in this environment".format(need))
    return module


class _FunctionIndex:
    """The functions of a profile under their names, each once, and its stacks by their indices."""

    def __init__(self, names: FunctionNamer) -> None:
        self._names = names
        self._indices: Dict[Frame, int] = {}
        self._by_key: Dict[Tuple[str, str], int] = {}
        self.functions: List[Function] = []
        self.stacks: Dict[Tuple[int, ...], float] = {}

    def index(self, frame: Frame) -> int:
        """The index of the function of a frame."""
        if frame not in self._indices:
            named = self._names.named(*frame)
            key = named.key, named.kind
            if key not in self._by_key:
                self._by_key[key] = len(self.functions)
                self.functions.append(named)
            self._indices[frame] = self._by_key[key]
        return self._indices[frame]

    def add(self, stack: Tuple[Frame, ...], seconds: float) -> None:
        """A stack without what is outside of the loop of the pass, and its seconds; one of the profiler itself is left out."""
        if DRAIN_FRAME in stack:
            below = stack[stack.index(DRAIN_FRAME) + 1 :]
            stack = (DRAIN_FRAME, *(frame for frame in below if not frame[0].startswith(WORKER_PREFIX)))
        elif len(stack) > 2:
            return
        indices = tuple(self.index(frame) for frame in stack)
        self.stacks[indices] = self.stacks.get(indices, 0.0) + seconds


__all__ = ["Frame", "RawProfile", "drain_mode", "load_profiler", "run_cpu_profile_pass"]
