"""Names that users give: what to say about one that nobody knows, and for which scenario a parameter is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

Given = TypeVar("Given")

DEFAULT_RESULTS = "results"
"""The folder that runs are saved in unless ``--results`` names another."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a line about an unknown name: the nearest known one, else all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return "; there are " + ", ".join(choices) if choices else "; there are none"


def without_copy(name: str) -> str:
    """The spec of an environment that was built twice, to be compared with itself: ``flumine==3.3.2 (2)`` without its number."""
    return re.sub(r" \(\d+\)$", "", name)


def of_scenario(given: Iterable[tuple[str, Given]], scenario: str) -> dict[str, Given]:
    """What was given to the parameters of a scenario, in the order in which it was given.

    ``vwap.periods`` is the parameter ``periods`` of ``vwap`` alone, and wins over ``periods``, which is that of every scenario.
    """
    pairs = list(given)
    for_all = {name: value for name, value in pairs if "." not in name}
    own = {name.partition(".")[2]: value for name, value in pairs if name.startswith(f"{scenario}.")}
    wanted = {**for_all, **own}
    return {
        name: wanted[name] for name in dict.fromkeys(name.rpartition(".")[2] for name, _ in pairs) if name in wanted
    }
