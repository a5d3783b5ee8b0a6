"""Arguments of modes and set-ups: the market file and other set-ups by position, parameters by keyword."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List

from perfbench.worker.scenario_api import ScenarioError
from perfbench.worker.scenario_description import ParameterValue

MARKET_ARGUMENT = "market"
"""Name of the argument that receives the path of the market file."""


def list_positional_names(function: Callable[..., Any]) -> List[str]:
    """Names of the positional arguments: set-ups and the market file."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds]


def read_parameter_defaults(function: Callable[..., Any]) -> Dict[str, ParameterValue]:
    """Names and defaults of the keyword-only arguments. Raises ScenarioError for a default that is neither text nor number."""
    defaults: Dict[str, ParameterValue] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if not isinstance(parameter.default, (str, int, float, bool)):
                raise ScenarioError(
                    "parameter `{}` of `{}` needs a default that is a text or a number".format(name, function.__name__)
                )
            defaults[name] = parameter.default
    return defaults
