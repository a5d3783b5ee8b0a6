"""Load a scenario file, describe it, and bind a mode's arguments to set-ups, parameters and the market file."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from perfbench.worker.claim_checks import require_valid_claim
from perfbench.worker.fixtures import MARKET_ARGUMENT, list_positional_names, read_parameter_defaults
from perfbench.worker.scenario_api import (
    MARK_ATTRIBUTE,
    CanonicalMark,
    Change,
    Claim,
    ModeMark,
    ScenarioError,
    SetupMark,
)
from perfbench.worker.scenario_declarations import (
    read_declarations,
    read_metrics,
    read_owners,
    read_quick_lines,
    read_quick_parameters,
    read_traits,
)
from perfbench.worker.scenario_description import Mode, Parameter, ParameterValue, Scenario

CanonicalFunction = Callable[..., Any]
"""A scenario's canonical form, called with an item, ``part`` and the set of changes to undo."""

KIT = "perfbench.kit"
"""The package whose modules belong to the scenarios that import them."""


class LoadedScenario:
    """A scenario file that has been imported."""

    def __init__(self, path: str, module: Optional[ModuleType] = None) -> None:
        """Raises ScenarioError for a file without a mode, with two baselines, or with invalid declarations; and what it raises.

        :param module: the scenario, if it is not the file itself.
        """
        self.path = Path(path)
        self.module = _import_scenario(self.path) if module is None else module
        self.sha256 = _hash_scenario(self.path) if module is None else ""
        self.modes: Dict[str, Callable[..., Any]] = {}
        self.setups: Dict[str, Callable[..., Any]] = {}
        self.canonical: Optional[CanonicalFunction] = None
        for name, value in vars(self.module).items():
            mark = getattr(value, MARK_ATTRIBUTE, None)
            if isinstance(mark, ModeMark):
                self.modes[name] = value
            elif isinstance(mark, SetupMark):
                self.setups[name] = value
            elif isinstance(mark, CanonicalMark):
                self.canonical = _adapt_canonical(value)
        if not self.modes:
            raise ScenarioError("has no mode: mark at least one function with @mode")
        if sum(self._mark(name).baseline for name in self.modes) > 1:
            raise ScenarioError("has more than one mode with baseline=True")
        changes = read_declarations(self.module, "CHANGES", Change)
        self.changes = tuple(replace(change, fields=tuple(change.fields)) for change in changes)
        self.claims = tuple(read_declarations(self.module, "CLAIMS", Claim))
        self.traits = read_traits(self.module)
        self.owners = read_owners(self.module)
        self.metrics = read_metrics(self.module)
        self.quick = read_quick_parameters(self.module)
        self.quick_lines = read_quick_lines(self.module)

    def _mark(self, mode: str) -> ModeMark:
        mark: ModeMark = getattr(self.modes[mode], MARK_ATTRIBUTE)
        return mark

    def describe(self) -> Scenario:
        """The description of the file. Raises ScenarioError for a claim or a QUICK value about an unknown mode or parameter."""
        modes = tuple(self._describe_mode(name) for name in self.modes)
        parameters = {parameter.name for mode in modes for parameter in mode.parameters}
        for name in self.quick:
            if name not in parameters:
                raise ScenarioError("QUICK has a value for `{}`, which is not a parameter of any mode".format(name))
        for claim in self.claims:
            require_valid_claim(claim, self.modes, self.metrics)
        return Scenario(
            name=self.path.stem,
            path=str(self.path),
            doc=_extract_first_line(self.module.__doc__),
            unit=str(getattr(self.module, "UNIT", "units")),
            metric=str(getattr(self.module, "METRIC", "cpu_seconds")),
            sha256=self.sha256,
            modes=modes,
            claims=self.claims,
            changes=self.changes,
            owners=self.owners,
            metrics=tuple(self.metrics.values()),
            quick=tuple(self.quick.items()),
            quick_lines=self.quick_lines,
        )

    def _describe_mode(self, name: str) -> Mode:
        mark = self._mark(name)
        functions = [self.modes[name], *self._iterate_setups(self.modes[name], ())]
        parameters: Dict[str, ParameterValue] = {}
        for function in functions:
            parameters.update(read_parameter_defaults(function))
        return Mode(
            name=name,
            doc=_extract_first_line(self.modes[name].__doc__),
            baseline=mark.baseline,
            needs=tuple(mark.needs),
            missing=tuple(need for need in mark.needs if not _is_installed(need)),
            parameters=tuple(Parameter(*item) for item in parameters.items()),
            uses_market=any(MARKET_ARGUMENT in list_positional_names(function) for function in functions),
            group=mark.group,
            floor=mark.floor,
        )

    def _iterate_setups(self, function: Callable[..., Any], path: Tuple[str, ...]) -> Iterator[Callable[..., Any]]:
        """The set-ups that a mode or a set-up takes, directly or through others."""
        for name in list_positional_names(function):
            if name == MARKET_ARGUMENT:
                continue
            if name in path:
                raise ScenarioError("set-ups depend on each other in a cycle: " + " → ".join((*path, name)))
            if name not in self.setups:
                raise ScenarioError(
                    "`{}` takes `{}`, which is not a @setup of this file".format(function.__name__, name)
                )
            yield self.setups[name]
            yield from self._iterate_setups(self.setups[name], (*path, name))

    @contextmanager
    def bound(
        self, mode: str, market: Optional[str], parameters: Dict[str, ParameterValue]
    ) -> Iterator[Callable[[], Any]]:
        """The mode as a function without arguments; its set-ups are made before and torn down at the end."""
        values: Dict[str, Any] = {MARKET_ARGUMENT: market}
        with ExitStack() as teardown:
            call = self._bind(self.modes[mode], values, parameters, teardown)
            yield call

    def _bind(
        self,
        function: Callable[..., Any],
        values: Dict[str, Any],
        parameters: Dict[str, ParameterValue],
        teardown: ExitStack,
    ) -> Callable[[], Any]:
        for name in list_positional_names(function):
            if name not in values:
                made = self._bind(self.setups[name], values, parameters, teardown)
                values[name] = (
                    teardown.enter_context(contextmanager(made)())
                    if inspect.isgeneratorfunction(self.setups[name])
                    else made()
                )
        positional = [values[name] for name in list_positional_names(function)]
        named = {name: parameters.get(name, default) for name, default in read_parameter_defaults(function).items()}
        return lambda: function(*positional, **named)


def _adapt_canonical(function: CanonicalFunction) -> CanonicalFunction:
    """A canonical form with two arguments cannot revert changes: its result is the same for every set."""
    if len(list_positional_names(function)) > 2:
        return function
    return lambda item, part, _: function(item, part)


def _hash_scenario(path: Path) -> str:
    """SHA-256 of the scenario file and of what it imported: modules beginning with _ from the scenarios folder, and the kit."""
    folder = _find_scenarios_folder(path)
    loaded = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
    helpers = {Path(file) for name, file in loaded if file and name.startswith("_") and _is_helper(Path(file), folder)}
    kit = {Path(file) for name, file in loaded if file and name.startswith(KIT)}
    return hashlib.sha256(b"".join(file.read_bytes() for file in (path, *sorted(helpers), *sorted(kit)))).hexdigest()


def _find_scenarios_folder(path: Path) -> Path:
    """The nearest folder named ``scenarios`` around a scenario file, else its own folder."""
    return next((folder for folder in path.parents if folder.name == "scenarios"), path.parent)


def _is_helper(file: Path, folder: Path) -> bool:
    """Whether a file is in the scenarios folder, and not in a virtual environment there."""
    if folder not in file.parents:  # Path.is_relative_to is of Python 3.9
        return False
    return not {"site-packages", "dist-packages"}.intersection(file.relative_to(folder).parts)


def _import_scenario(path: Path) -> ModuleType:
    for folder in (path.parent, _find_scenarios_folder(path)):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location("perfbench_scenario_" + re.sub(r"\W", "_", path.stem), str(path))
    if spec is None or spec.loader is None:
        raise ScenarioError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _is_installed(need: str) -> bool:
    name, _, version = need.partition(" --")[0].partition("==")
    try:
        installed = importlib.metadata.version(re.split(r"[\[<>=!~ ;]", name)[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return not version or installed == version.strip()


def _extract_first_line(doc: Optional[str]) -> str:
    return inspect.cleandoc(doc or "").partition("\n")[0]
