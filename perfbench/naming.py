"""What to say about a name that nobody knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


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
