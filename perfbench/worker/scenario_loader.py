"""Load a scenario file, describe it, and bind a mode's arguments to set-ups, parameters and the market file."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type, TypeVar

from perfbench.worker.fixtures import MARKET_ARGUMENT, list_positional_names, read_parameter_defaults
from perfbench.worker.protocol import (
    DescribedChange,
    DescribedClaim,
    DescribedMetric,
    DescribedMode,
    DescribedOwner,
    DescribedScenario,
    ParameterValue,
)
from perfbench.worker.scenario_api import (
    MARK_ATTRIBUTE,
    CanonicalMark,
    Change,
    Claim,
    Metric,
    ModeMark,
    ScenarioError,
    SetupMark,
)

CanonicalFunction = Callable[..., Any]
"""A scenario's canonical form, called with an item, ``part`` and the set of changes to undo."""

Listed = TypeVar("Listed", Change, Claim)


class LoadedScenario:
    """A scenario file that has been imported."""

    def __init__(self, path: str) -> None:
        """Raises ScenarioError if it has no mode, two baselines, or lists that hold something else; else what the file raises."""
        self.path = Path(path)
        self.module = _import_scenario(self.path)
        self.sha256 = _hash_scenario(self.path)
        self.modes: Dict[str, Callable[..., Any]] = {}
        self.setups: Dict[str, Callable[..., Any]] = {}
        self.canonical: Optional[CanonicalFunction] = None
        for name, thing in vars(self.module).items():
            mark = getattr(thing, MARK_ATTRIBUTE, None)
            if isinstance(mark, ModeMark):
                self.modes[name] = thing
            elif isinstance(mark, SetupMark):
                self.setups[name] = thing
            elif isinstance(mark, CanonicalMark):
                self.canonical = _adapt_canonical(thing)
        if not self.modes:
            raise ScenarioError("has no mode: mark at least one function with @mode")
        if sum(self._mark(name).baseline for name in self.modes) > 1:
            raise ScenarioError("has more than one mode with baseline=True")
        self.changes = _read_declarations(self.module, "CHANGES", Change)
        self.claims = _read_declarations(self.module, "CLAIMS", Claim)
        self.traits = _read_traits(self.module)
        self.owners = _read_owners(self.module)
        self.metrics = _read_metrics(self.module)
        self.quick = _read_quick_parameters(self.module)

    def _mark(self, mode: str) -> ModeMark:
        mark: ModeMark = getattr(self.modes[mode], MARK_ATTRIBUTE)
        return mark

    def describe(self) -> DescribedScenario:
        """All that the host wants to know of the file. Raises ScenarioError for a claim or a QUICK value of what is not there."""
        modes = [self._describe_mode(name) for name in self.modes]
        for name in self.quick:
            if not any(name in mode.parameters for mode in modes):
                raise ScenarioError("QUICK has a value for `{}`, which is no parameter of any mode".format(name))
        for claim in self.claims:
            self._demand_known(claim)
        return DescribedScenario(
            doc=_extract_first_line(self.module.__doc__),
            unit=str(getattr(self.module, "UNIT", "units")),
            metric=str(getattr(self.module, "METRIC", "cpu_seconds")),
            sha256=self.sha256,
            modes=modes,
            claims=[
                DescribedClaim(c.before, c.after, c.ratio, c.source, c.metric, c.text, c.better) for c in self.claims
            ],
            changes=[
                DescribedChange(c.name, c.package, c.release, list(c.fields), c.reason, c.trait) for c in self.changes
            ],
            packages=[],
            owners=[DescribedOwner(name, list(patterns)) for name, patterns in self.owners.items()],
            metrics=[DescribedMetric(name, metric.unit, metric.better) for name, metric in self.metrics.items()],
            quick=self.quick,
        )

    def _demand_known(self, claim: Claim) -> None:
        """Advice is about modes and metrics that there are; a side ``mode@package==version`` is of a release."""
        sides = [side for side in (claim.before, claim.after, claim.better) if side and "@" not in side]
        for name in sides:
            if name not in self.modes:
                raise ScenarioError("a claim is about `{}`, which is no mode".format(name))
        if claim.metric and claim.metric not in self.metrics and claim.metric != "peak_rss_bytes":
            raise ScenarioError("a claim is about `{}`, which is none of METRICS".format(claim.metric))
        if claim.metric in self.metrics and self.metrics[claim.metric].better == "neither":
            raise ScenarioError("a claim is about `{}`, of which neither more nor less is better".format(claim.metric))

    def _describe_mode(self, name: str) -> DescribedMode:
        mark = self._mark(name)
        reached = [self.modes[name], *self._reached(self.modes[name], ())]
        parameters: Dict[str, ParameterValue] = {}
        for function in reached:
            parameters.update(read_parameter_defaults(function))
        return DescribedMode(
            name=name,
            doc=_extract_first_line(self.modes[name].__doc__),
            baseline=mark.baseline,
            needs=list(mark.needs),
            missing=[need for need in mark.needs if not _is_installed(need)],
            parameters=parameters,
            uses_market=any(MARKET_ARGUMENT in list_positional_names(function) for function in reached),
            group=mark.group,
            floor=mark.floor,
        )

    def _reached(self, function: Callable[..., Any], path: Tuple[str, ...]) -> Iterator[Callable[..., Any]]:
        for name in list_positional_names(function):
            if name == MARKET_ARGUMENT:
                continue
            if name in path:
                raise ScenarioError("set-ups depend on each other in a circle: " + " → ".join((*path, name)))
            if name not in self.setups:
                raise ScenarioError("`{}` takes `{}`, which is no @setup of this file".format(function.__name__, name))
            yield self.setups[name]
            yield from self._reached(self.setups[name], (*path, name))

    @contextmanager
    def bound(
        self, mode: str, market: Optional[str], parameters: Dict[str, ParameterValue]
    ) -> Iterator[Callable[[], Any]]:
        """The mode as a call without arguments, its set-ups made; they are torn down at the end."""
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


def _read_declarations(module: ModuleType, name: str, kind: Type[Listed]) -> List[Listed]:
    values = list(getattr(module, name, ()))
    for value in values:
        if not isinstance(value, kind):
            raise ScenarioError("{} holds {!r}, which is no {}".format(name, value, kind.__name__))
    return values


def _read_traits(module: ModuleType) -> Dict[str, Callable[[Any], str]]:
    traits = getattr(module, "TRAITS", {})
    if not isinstance(traits, dict) or not all(map(callable, traits.values())):
        raise ScenarioError("TRAITS must map the name of each trait to a function of an item")
    return traits


def _read_owners(module: ModuleType) -> Dict[str, Tuple[str, ...]]:
    owners = getattr(module, "OWNERS", {})
    if not isinstance(owners, dict) or not all(
        isinstance(patterns, tuple) and all(isinstance(pattern, str) for pattern in patterns)
        for patterns in owners.values()
    ):
        raise ScenarioError("OWNERS must map the name of each part of the work to a tuple of patterns of functions")
    return owners


def _read_metrics(module: ModuleType) -> Dict[str, Metric]:
    metrics = getattr(module, "METRICS", {})
    if not isinstance(metrics, dict) or not all(
        isinstance(metric, Metric) and metric.better in ("lower", "higher", "neither") for metric in metrics.values()
    ):
        raise ScenarioError(
            'METRICS must map each name to Metric(unit), Metric(unit, better="higher") or better="neither"'
        )
    return metrics


def _read_quick_parameters(module: ModuleType) -> Dict[str, ParameterValue]:
    quick = getattr(module, "QUICK", {})
    if not isinstance(quick, dict) or not all(isinstance(value, (str, int, float, bool)) for value in quick.values()):
        raise ScenarioError("QUICK must map parameters to their values for --quick, texts or numbers")
    return quick


def _adapt_canonical(function: CanonicalFunction) -> CanonicalFunction:
    """One that takes two arguments can undo no change: it says the same for every set."""
    if len(list_positional_names(function)) > 2:
        return function
    return lambda item, part, _: function(item, part)


def _hash_scenario(path: Path) -> str:
    """Of the scenario file, and of the files beginning with _ beside it that it imported."""
    files = (getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("_"))
    helpers = sorted({Path(file) for file in files if file and Path(file).parent == path.parent})
    return hashlib.sha256(b"".join(file.read_bytes() for file in (path, *helpers))).hexdigest()


def _import_scenario(path: Path) -> ModuleType:
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location("perfbench_scenario_" + re.sub(r"\W", "_", path.stem), str(path))
    if spec is None or spec.loader is None:
        raise ScenarioError("is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _is_installed(need: str) -> bool:
    name, _, version = need.partition(" --")[0].partition("==")
    try:
        found = importlib.metadata.version(re.split(r"[\[<>=!~ ;]", name)[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return not version or found == version.strip()


def _extract_first_line(doc: Optional[str]) -> str:
    return inspect.cleandoc(doc or "").partition("\n")[0]
