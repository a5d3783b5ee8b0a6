"""Run the user's script or function, as Python would."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
import re
import sys
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional

from perfbench.kit.program.process_state import fresh_modules, main_module
from perfbench.kit.program.redirection import REAL_OPEN
from perfbench.worker.program_source import describe_missing_function
from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import ProgramError

LIST_ANNOTATION = re.compile(r"\b(?:list|tuple|List|Tuple|Sequence|Iterable|Collection|Iterator)\b")
PATH_ANNOTATION = re.compile(r"\bPath\b")

_loaded: Dict[str, ModuleType] = {}
"""The modules of functions by path: a pass over several markets calls a function of one module."""


class ProgramRunner:
    """Runs a program as often as it is called. Load it first, outside of the timed pass."""

    def __init__(self, spec: ProgramSpec) -> None:
        self._spec = spec
        self._path = os.path.abspath(spec.path)
        self._code: Optional[CodeType] = None
        self._function: Optional[Callable[..., Any]] = None

    def load(self) -> None:
        """Compile a script, or import the module of a function. Raises ProgramError without that function, and what it raises."""
        if not self._spec.function:
            with REAL_OPEN(self._path, "rb") as file:
                self._code = compile(file.read(), self._path, "exec", dont_inherit=True)
            return
        if self._path not in _loaded:
            with exits_described():
                _loaded[self._path] = import_file(self._path)
        if self._path not in _loaded:
            raise ProgramError("ended while it was imported")
        self._function = find_function(_loaded[self._path], self._spec)

    def run(self, market: Optional[str]) -> Any:
        """Run it once to its end; returns what the function returns, None for a script.

        :param market: given to a function that requires it.

        Raises ProgramError for an exit code other than 0, and what the program raises.
        """
        outcome = None
        with exits_described():
            if self._function is None:
                self._run_script()
            else:
                outcome = call_with_market(self._function, market)
        return outcome

    def _run_script(self) -> None:
        assert self._code is not None
        module = ModuleType("__main__")
        module.__dict__.update(__file__=self._path, __builtins__=__builtins__, __spec__=None, __cached__=None)
        with main_module(module), fresh_modules(self._spec.folder):
            exec(self._code, module.__dict__)  # noqa: S102 - it is the program


@contextmanager
def exits_described() -> Iterator[None]:
    """Take ``sys.exit()`` for the end of the program. Raises ProgramError for an exit code other than 0."""
    try:
        yield
    except SystemExit as end:
        if end.code in (None, 0):
            return
        code = end.code if isinstance(end.code, int) else 1
        text = "" if isinstance(end.code, int) else ": {}".format(" ".join(str(end.code).split()))
        raise ProgramError("ended with exit code {}{}".format(code, text)) from end


def import_file(path: str) -> ModuleType:
    """Import a file under its own name, by which child processes find its functions; under another one if that is taken."""
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if _may_have_name(stem, path) else "perfbench_program_" + re.sub(r"\W", "_", stem)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProgramError("{} is not a Python file".format(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _may_have_name(stem: str, path: str) -> bool:
    """Whether a module of this name is imported from this file and none of it is imported yet."""
    if stem in sys.modules or not stem.isidentifier():
        return False
    spec = importlib.util.find_spec(stem)
    return spec is None or (spec.origin is not None and os.path.realpath(spec.origin) == os.path.realpath(path))


def find_function(module: ModuleType, spec: ProgramSpec) -> Callable[..., Any]:
    """The function of a program. Raises ProgramError with a suggestion if the module has none of its name."""
    function = getattr(module, spec.function, None)
    if callable(function):
        return function  # type: ignore[no-any-return]
    names = [name for name, value in vars(module).items() if inspect.isfunction(value)]
    raise ProgramError(*describe_missing_function(spec, names))


def call_with_market(function: Callable[..., Any], market: Optional[str]) -> Any:
    """Call a function with the market if it requires an argument, and without any if not.

    An argument that is a list by its annotation, or by its name in the plural, gets a list of one market.

    Raises ProgramError where it requires more than a market, or a market that is not there.
    """
    required = list_required(function)
    if not required:
        return function()
    if len(required) > 1:
        names = ", ".join(parameter.name for parameter in required)
        raise ProgramError(
            "`{}` requires {} arguments: {}".format(function.__name__, len(required), names),
            "perfbench gives one, the market; give the others defaults",
        )
    if market is None:
        raise ProgramError("`{}` requires a market".format(function.__name__), "name market files with --data")
    (parameter,) = required
    value = convert_market(market, parameter)
    return function(**{parameter.name: value}) if parameter.kind is parameter.KEYWORD_ONLY else function(value)


def list_required(function: Callable[..., Any]) -> List[inspect.Parameter]:
    """The parameters of a function without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of a built-in function
        return []
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each for each in parameters if each.default is each.empty and each.kind not in several]


def convert_market(market: str, parameter: inspect.Parameter) -> Any:
    """The path of a market as a parameter expects it: a text, a Path, or a list of one."""
    annotation = "" if parameter.annotation is parameter.empty else describe_annotation(parameter.annotation)
    path = pathlib.Path(market) if PATH_ANNOTATION.search(annotation) else market
    if annotation:
        return [path] if LIST_ANNOTATION.search(annotation) else path
    return [path] if parameter.name.endswith("s") else path


def describe_annotation(annotation: Any) -> str:
    """An annotation as it is written, also one that is not evaluated."""
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "") + " " + str(annotation)
