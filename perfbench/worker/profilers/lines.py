"""memory_profiler: resident memory after each line of one function. The pass takes 9 to 64 times as long."""

from __future__ import annotations

import difflib
import importlib
import inspect
import io
import os
import re
import sys
from types import CodeType, FrameType
from typing import Any, Callable, Iterable, Optional, Tuple

from perfbench.worker import update_hooks
from perfbench.worker.protocol import LineMemoryProfile, Request
from perfbench.worker.scenario_api import ScenarioError

NEEDS: Tuple[str, ...] = ("memory-profiler",)
SUFFIX = ".lines.txt"

MAX_OBSERVED = 3000
"""Maximum number of observed calls, and of updates; the rest of the pass runs without it."""

DECIMAL_PLACES = 2


def observe(call: Callable[[], Any], path: str, request: Request) -> LineMemoryProfile:
    """memory_profiler's table of the function ``module:name`` over its first 3000 calls, or the first 3000 updates of the pass.

    Raises ScenarioError for a function that does not exist, is not written in Python, or is not called in the main thread.
    """
    memory_profiler = importlib.import_module("memory_profiler")
    code = resolve(request)
    lines = memory_profiler.LineProfiler(backend="psutil")
    try:
        lines.code_map.add(code)
    except OSError as error:
        raise ScenarioError("{}: its source cannot be read".format(request.function)) from error
    tracer = _LineTracer(lines, code)
    lines.enable()
    sys.settrace(tracer.trace)
    try:
        with update_hooks.install_update_hooks(tracer.on_update):
            call()
    finally:
        lines.disable()
    if not tracer.calls:
        raise ScenarioError("{} was not called in the main thread of this pass".format(request.function))
    table = io.StringIO()
    memory_profiler.show_results(lines, stream=table, precision=DECIMAL_PLACES)
    with open(path, "w", encoding="utf-8") as file:
        file.write(table.getvalue())
    return LineMemoryProfile(text=table.getvalue(), calls=tracer.calls, cut=tracer.over, packages=[])


class _LineTracer:
    """Passes the lines of one function to memory_profiler, whose own hook is called for each line of all functions."""

    def __init__(self, lines: Any, code: CodeType) -> None:
        self._lines = lines
        self._code = code
        self.calls = 0
        self.over = False

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The trace hook of the interpreter, called at every call."""
        if frame.f_code is not self._code:
            return None
        if self.calls == MAX_OBSERVED:
            self._end()
            return None
        self.calls += 1
        return self._lines.trace_memory_usage(frame, event, argument)

    def on_update(self, number: int) -> None:
        """Stop at the maximum number of updates."""
        if number == MAX_OBSERVED:
            self._end()

    def _end(self) -> None:
        self.over = True
        sys.settrace(None)


def resolve(request: Request) -> CodeType:
    """The code of the requested function. Raises ScenarioError without one."""
    module_name, _, path = request.function.partition(":")
    if not path:
        raise ScenarioError("`{}` is not a function: write MODULE:FUNCTION".format(request.function))
    owner: Any = _find_module(module_name, request.scenario)
    shown = module_name
    for name in path.split("."):
        attribute = inspect.getattr_static(owner, name, None)
        if attribute is None:
            near = _suggest_name(name, [other for other in dir(owner) if not other.startswith("__")])
            raise ScenarioError("{} has no `{}`{}".format(shown, name, near))
        owner, shown = attribute, shown + ("." if ":" in shown else ":") + name
    function = getattr(owner, "__func__", None) or getattr(owner, "fget", None) or owner
    code: Optional[CodeType] = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise ScenarioError("`{}` is not a function written in Python".format(request.function))
    return code


def _find_module(name: str, scenario: str) -> Any:
    """Import a module by its name; the scenario file is found by its stem."""
    stem = os.path.splitext(os.path.basename(scenario))[0]
    if name == stem:
        return sys.modules["perfbench_scenario_" + re.sub(r"\W", "_", stem)]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        near = _suggest_name(name, [other for other in sys.modules if not other.startswith(("perfbench", "_"))])
        raise ScenarioError("there is no module `{}` in this environment{}".format(name, near)) from error


def _suggest_name(name: str, choices: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(choices), n=1)
    return "; did you mean `{}`?".format(near[0]) if near else ""
