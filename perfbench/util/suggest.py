"""Did-you-mean suggestions for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_LISTED_LENGTH = 120
"""Characters of a list of all choices: a longer one would drown the message."""


def suggest_name(name: str, choices: Iterable[str], *, list_all: bool = True) -> str:
    """The end of a message about an unknown name: the nearest choice, else all of them if they are few."""
    names = sorted(choices)
    near = difflib.get_close_matches(name[:MAX_LISTED_LENGTH], names, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    if not names:
        return "; there are none" if list_all else ""
    listed = "; there are " + ", ".join(names)
    return listed if list_all and len(listed) <= MAX_LISTED_LENGTH else ""
