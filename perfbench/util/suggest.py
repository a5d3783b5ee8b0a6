"""Did-you-mean suggestions for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest_name(name: str, choices: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest choice, else all of them."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return "; there are " + ", ".join(names) if names else "; there are none"
