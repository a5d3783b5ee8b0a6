"""Load a scenario file, describe it, and bind a mode's arguments to set-ups, parameters and the market file."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List

from perfbench.worker.protocol import ParameterValue
from perfbench.worker.scenario_api import ScenarioError

MARKET_ARGUMENT = "market"
"""The argument by which a mode or a set-up asks for the path of the market file."""


def list_positional_names(function: Callable[..., Any]) -> List[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds]


def read_parameter_defaults(function: Callable[..., Any]) -> Dict[str, ParameterValue]:
    found: Dict[str, ParameterValue] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if not isinstance(parameter.default, (str, int, float, bool)):
                raise ScenarioError(
                    "parameter `{}` of `{}` needs a default that is a text or a number".format(name, function.__name__)
                )
            found[name] = parameter.default
    return found
