"""One pass under a CPU profiler, with functions named alike in every environment."""

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
    """The data of a profiler: stacks, outermost first, with seconds; calls by caller (None: unknown) and callee.

    ``inclusive`` are the seconds of functions with all that they called, of a profiler whose stacks have two functions only.
    """

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.samples = 0
        self.capped = 0.0
        self.stacks: Dict[Tuple[Frame, ...], float] = {}
        self.calls: Dict[Tuple[Optional[Frame], Frame], int] = {}
        self.inclusive: Dict[Frame, float] = {}

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


def run_cpu_profile_pass(call: Callable[[], Any], wait: Callable[[], None], request: Request) -> CpuProfile:
    """Collect garbage, wait for GO, run the mode once to its end under the profiler. Seconds of CPU and of wall time.

    Raises ScenarioError if the profiler is not installed, or does not work on this machine.
    """
    observe = load_profiler(request.profiler).observe
    gc.collect()
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    observed = observe(lambda: drain_mode(call), request.artefact, request)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    work = convert_to_work(observed.outcome)
    index = _FunctionIndex(FunctionNamer(request.scenario))
    for stack, seconds in observed.stacks.items():
        index.add(stack, seconds)
    calls = [
        [-1 if caller is None else index.number(caller), index.number(callee), count]
        for (caller, callee), count in observed.calls.items()
    ]
    inclusive: Dict[int, float] = {}
    for frame, seconds in observed.inclusive.items():
        number = index.number(frame)
        inclusive[number] = inclusive.get(number, 0.0) + seconds
    return CpuProfile(
        work=work.amount,
        cpu_seconds=cpu,
        wall_seconds=wall,
        samples=observed.samples,
        capped=observed.capped,
        functions=index.functions,
        stacks=[list(stack) for stack in index.stacks],
        seconds=list(index.stacks.values()),
        calls=calls,
        inclusive=[inclusive.get(number, 0.0) for number in range(len(index.functions))] if inclusive else [],
        packages=[],
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

    def add(self, stack: Tuple[Frame, ...], seconds: float) -> None:
        """Add the part of a stack inside the loop of the pass, and its seconds; stacks of the profiler itself are left out."""
        if DRAIN_FRAME in stack:
            below = stack[stack.index(DRAIN_FRAME) + 1 :]
            stack = (DRAIN_FRAME, *(frame for frame in below if not frame[0].startswith(WORKER_PREFIX)))
        elif len(stack) > 2:
            return
        indices = tuple(self.number(frame) for frame in stack)
        self.stacks[indices] = self.stacks.get(indices, 0.0) + seconds


__all__ = ["Frame", "RawProfile", "drain_mode", "load_profiler", "run_cpu_profile_pass"]
