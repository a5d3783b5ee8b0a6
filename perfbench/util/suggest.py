"""Did-you-mean suggestions for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest_name(name: str, known: Iterable[str]) -> str:
    """The end of a line about an unknown name: the nearest known one, else all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return "; there are " + ", ".join(choices) if choices else "; there are none"
