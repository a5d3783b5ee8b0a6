"""Short names of environments for table headings and rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

COPY_PATTERN = re.compile(r" \(\d+\)$")


def strip_copy_number(name: str) -> str:
    """The spec without the number of its copy: ``flumine==3.3.2 (2)`` is a second build, compared with the first."""
    return COPY_PATTERN.sub("", name)


def number_copy(spec: str, number: int) -> str:
    """The name of a build of a spec: that of the first is the spec, of the second ``flumine==3.3.2 (2)``."""
    return f"{spec} ({number})" if number > 1 else spec


def split_side_names(sides: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Split the names of environments into their common part and the rest of each.

    ``betfairlightweight==2.11.2`` and ``betfairlightweight==2.12.0`` give ``betfairlightweight``, ``2.11.2`` and ``2.12.0``.
    """
    specs = list(dict.fromkeys(map(strip_copy_number, sides)))
    if 1 < len(specs) < len(sides):
        common, names = _split_names(specs)
        own = dict(zip(specs, names, strict=True))
        return common, tuple(
            own[spec] + side.removeprefix(spec) for side in sides for spec in [strip_copy_number(side)]
        )
    return _split_names(sides)


def _split_names(sides: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    parts = [re.findall(r"\S+(?: \(\d+\))?", side) for side in sides]
    common = [part for part in parts[0] if all(part in other for other in parts)]
    own = [[part for part in side if part not in common] for side in parts]
    if not all(own):
        return "", tuple(sides)
    names = {part.partition("==")[0] for side in own for part in side}
    if len(names) == 1 and all(len(side) == 1 and "==" in side[0] for side in own):
        return " ".join([*common, *names]), tuple(side[0].partition("==")[2] for side in own)
    return " ".join(common), tuple(" ".join(side) for side in own)
