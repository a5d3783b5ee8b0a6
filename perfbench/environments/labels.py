"""Short names of environments for table headings and rows."""

from __future__ import annotations

import re
from collections.abc import Sequence


def strip_copy_number(name: str) -> str:
    """The spec without the number of its copy: ``flumine==3.3.2 (2)`` is a second build, compared with the first."""
    return re.sub(r" \(\d+\)$", "", name)


def split_side_names(sides: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Split the names of environments into their common part and the rest of each.

    ``betfairlightweight==2.11.2`` and ``betfairlightweight==2.12.0`` give ``betfairlightweight``, ``2.11.2`` and ``2.12.0``.
    """
    parts = [re.findall(r"\S+(?: \(\d+\))?", side) for side in sides]
    common = [part for part in parts[0] if all(part in other for other in parts)]
    own = [[part for part in side if part not in common] for side in parts]
    if not all(own):
        return "", tuple(sides)
    names = {part.partition("==")[0] for side in own for part in side}
    if len(names) == 1 and all(len(side) == 1 and "==" in side[0] for side in own):
        return " ".join([*common, *names]), tuple(side[0].partition("==")[2] for side in own)
    return " ".join(common), tuple(" ".join(side) for side in own)
