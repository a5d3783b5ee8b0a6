"""One pass under a memory profiler, with allocations by function, named alike in every environment."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple, Union

from perfbench.worker import update_hooks
from perfbench.worker.cpu_profile_pass import load_profiler
from perfbench.worker.cpu_usage import child_cpu_seconds
from perfbench.worker.function_names import FunctionNamer
from perfbench.worker.protocol import Allocation, AllocationProfile, LineMemoryProfile, Request
from perfbench.worker.scenario_api import Work
from perfbench.worker.timed_pass import convert_to_work

MEMORY_PROFILERS = ("memray", "tracemalloc", "lines")
"""Memory profilers."""

MAX_FUNCTIONS = 25
"""Functions reported per measure."""

CHILDREN_NOTE = "allocations of child processes are not included"

OWN_KIND = "perfbench"


def run_allocation_pass(
    call: Callable[[], Any], wait: Callable[[], None], request: Request
) -> Union[AllocationProfile, LineMemoryProfile]:
    """Collect garbage, wait for GO, run the mode once to its end under a memory profiler. Bytes.

    Raises ScenarioError if the profiler is not installed, or cannot profile the requested function.
    """
    observe = load_profiler(request.profiler).observe
    gc.collect()
    wait()
    child_seconds: List[float] = []

    def run() -> Work:
        before = child_cpu_seconds()
        work = _drain_mode(call)
        child_seconds.append(child_cpu_seconds() - before)
        return work

    profile: Union[AllocationProfile, LineMemoryProfile] = observe(run, request.artefact, request)
    if isinstance(profile, AllocationProfile) and any(child_seconds):
        return replace(profile, note="; ".join(filter(None, (profile.note, CHILDREN_NOTE))))
    return profile


def _drain_mode(call: Callable[[], Any]) -> Work:
    outcome = call()
    return Work(update_hooks.drain_updates(outcome)) if isinstance(outcome, Iterator) else convert_to_work(outcome)


class AllocationSites:
    """Sums of the allocations at lines of code, by the function around them."""

    def __init__(self, scenario: str) -> None:
        self._names = FunctionNamer(scenario)
        self._sources: Dict[str, _FunctionRanges] = {}
        self._sums: Dict[Tuple[str, str], List[int]] = {}

    def add(self, file: str, line: int, size: int, count: int) -> None:
        """Add the bytes and blocks allocated at a line; allocations of the worker itself are left out."""
        if file not in self._sources:
            self._sources[file] = _FunctionRanges(file)
        first, name = self._sources[file].around(line)
        named = self._names.named(file, first, name)
        if named.kind == OWN_KIND:
            return
        path, _, function = named.key.rpartition(":")
        sums = self._sums.setdefault((function, path), [0, 0])
        sums[0] += size
        sums[1] += count

    def largest(self, measure: int) -> List[Allocation]:
        """The functions with the most bytes (0) or blocks (1), in descending order."""
        ordered = sorted(self._sums.items(), key=lambda item: (-item[1][measure], item[0]))
        return [Allocation(function, path, size, count) for (function, path), (size, count) in ordered[:MAX_FUNCTIONS]]


class _FunctionRanges:
    """Line ranges of the functions of a file; none for a file that cannot be read or parsed."""

    def __init__(self, file: str) -> None:
        self._ranges: List[Tuple[int, int, str]] = []
        try:
            with open(file, "rb") as source:
                tree = ast.parse(source.read())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                self._ranges.append((first, node.end_lineno or first, node.name))

    def around(self, line: int) -> Tuple[int, str]:
        """First line and name of the innermost function around a line, ``<module>`` without one."""
        inside = [(first, name) for first, last, name in self._ranges if first <= line <= last]
        return max(inside, default=(0, "<module>"))
