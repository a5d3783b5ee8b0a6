"""One pass under a profiler of memory, and which functions had it allocated, under names that hold in every environment."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from typing import Any, Callable, Dict, List, Tuple, Union

from perfbench.worker import update_hooks
from perfbench.worker.cpu_profile_pass import load_profiler
from perfbench.worker.function_names import FunctionNamer
from perfbench.worker.protocol import Allocation, AllocationProfile, LineMemoryProfile, Request
from perfbench.worker.scenario_api import Work
from perfbench.worker.timed_pass import convert_to_work

MEMORY_PROFILERS = ("memray", "tracemalloc", "lines")
"""Those profilers that look at memory."""

MAX_FUNCTIONS = 25
"""So many functions are told by each measure."""

OWN_KIND = "perfbench"


def run_allocation_pass(
    call: Callable[[], Any], wait: Callable[[], None], asked: Request
) -> Union[AllocationProfile, LineMemoryProfile]:
    """Collect garbage, wait for GO, run the mode once to its end under a profiler of memory. Bytes.

    Raises ScenarioError if the profiler is not there, or cannot look at what it was asked to.
    """
    observe = load_profiler(asked.profiler).observe
    gc.collect()
    wait()
    found: Union[AllocationProfile, LineMemoryProfile] = observe(lambda: _drain_mode(call), asked.artefact, asked)
    return found


def _drain_mode(call: Callable[[], Any]) -> Work:
    outcome = call()
    return Work(update_hooks.drain_updates(outcome)) if isinstance(outcome, Iterator) else convert_to_work(outcome)


class AllocationSites:
    """Adds up what was allocated at lines of code, by the function that they stand in."""

    def __init__(self, scenario: str) -> None:
        self._names = FunctionNamer(scenario)
        self._sources: Dict[str, _FunctionRanges] = {}
        self._found: Dict[Tuple[str, str], List[int]] = {}

    def add(self, file: str, line: int, size: int, count: int) -> None:
        """So many bytes in so many blocks more; what the worker itself allocates is left out."""
        if file not in self._sources:
            self._sources[file] = _FunctionRanges(file)
        first, name = self._sources[file].around(line)
        named = self._names.named(file, first, name)
        if named.kind == OWN_KIND:
            return
        path, _, function = named.key.rpartition(":")
        sums = self._found.setdefault((function, path), [0, 0])
        sums[0] += size
        sums[1] += count

    def largest(self, measure: int) -> List[Allocation]:
        """The functions with the most bytes (0) or blocks (1), the most first."""
        ordered = sorted(self._found.items(), key=lambda item: (-item[1][measure], item[0]))
        return [Allocation(function, path, size, count) for (function, path), (size, count) in ordered[:MAX_FUNCTIONS]]


class _FunctionRanges:
    """Where the functions of a file begin and end. A file that cannot be read or parsed has none."""

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
        """First line and name of the innermost function around a line, ``<module>`` if there is none."""
        inside = [(first, name) for first, last, name in self._ranges if first <= line <= last]
        return max(inside, default=(0, "<module>"))
