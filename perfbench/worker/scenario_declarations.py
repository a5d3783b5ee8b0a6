"""The declarations of a scenario file beside its functions: CHANGES, CLAIMS, TRAITS, OWNERS, METRICS, QUICK, QUICK_LINES."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any, Callable, Dict, List, Tuple, Type, TypeVar

from perfbench.worker.scenario_api import Change, Claim, Metric, ScenarioError
from perfbench.worker.scenario_description import Owner, ParameterValue

Listed = TypeVar("Listed", Change, Claim)


def read_declarations(module: ModuleType, name: str, kind: Type[Listed]) -> List[Listed]:
    """The list of this name. Raises ScenarioError for a value of another kind in it."""
    values = list(getattr(module, name, ()))
    for value in values:
        if not isinstance(value, kind):
            raise ScenarioError("{} contains {!r}, which is not a {}".format(name, value, kind.__name__))
    return values


def read_traits(module: ModuleType) -> Dict[str, Callable[[Any], str]]:
    """The traits of an item by name. Raises ScenarioError for invalid ones."""
    traits = getattr(module, "TRAITS", {})
    if not isinstance(traits, dict) or not all(map(callable, traits.values())):
        raise ScenarioError("TRAITS must map the name of each trait to a function of an item")
    return traits


def read_owners(module: ModuleType) -> Tuple[Owner, ...]:
    """The owners of a profile. Raises ScenarioError for invalid ones."""
    owners = getattr(module, "OWNERS", {})
    if not isinstance(owners, dict) or not all(
        isinstance(patterns, tuple) and all(isinstance(pattern, str) for pattern in patterns)
        for patterns in owners.values()
    ):
        raise ScenarioError("OWNERS must map the name of each part of the work to a tuple of patterns of functions")
    return tuple(Owner(name, patterns) for name, patterns in owners.items())


def read_metrics(module: ModuleType) -> Dict[str, Metric]:
    """The metrics that modes report, by name. Raises ScenarioError for invalid ones."""
    metrics = getattr(module, "METRICS", {})
    if not isinstance(metrics, dict) or not all(
        isinstance(metric, Metric) and metric.better in ("lower", "higher", "neither") for metric in metrics.values()
    ):
        raise ScenarioError(
            'METRICS must map each name to Metric(unit), Metric(unit, better="higher") or better="neither"'
        )
    return {name: replace(metric, name=name) for name, metric in metrics.items()}


def read_quick_parameters(module: ModuleType) -> Dict[str, ParameterValue]:
    """The values of parameters for a smoke run. Raises ScenarioError for invalid ones."""
    quick = getattr(module, "QUICK", {})
    if not isinstance(quick, dict) or not all(isinstance(value, (str, int, float, bool)) for value in quick.values()):
        raise ScenarioError("QUICK must map parameters to their values for --quick, which are texts or numbers")
    return quick


def read_quick_lines(module: ModuleType) -> int:
    """The first lines of a market that a smoke run replays; 0: all of them. Raises ScenarioError for another value."""
    lines = getattr(module, "QUICK_LINES", 0)
    if not isinstance(lines, int) or isinstance(lines, bool) or lines < 0:
        raise ScenarioError("QUICK_LINES must be the number of first lines for --quick, 0 for the whole market")
    return lines
