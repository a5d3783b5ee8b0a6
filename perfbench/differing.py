"""Where two outputs leave each other: the first field, by its path. Pure."""

from __future__ import annotations


class _Absent:
    """Where one side has a field and the other has not."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
SHOWN = 60


def first_field(before: object, after: object, path: str = "") -> tuple[str, str, str] | None:
    """The first place where two plain values differ: its path and both values as short texts; None if they do not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            place = first_field(before.get(key, ABSENT), after.get(key, ABSENT), f"{path}.{key}" if path else key)
            if place:
                return place
        return None
    if isinstance(before, list) and isinstance(after, list):
        for number, (a, b) in enumerate(zip(before, after, strict=False)):
            place = first_field(a, b, f"{path}[{number}]")
            if place:
                return place
        if len(before) != len(after):
            return path, f"{len(before)} entries", f"{len(after)} entries"
        return None
    if type(before) is type(after) and before == after:
        return None
    return path, repr(before)[:SHOWN], repr(after)[:SHOWN]
