"""The first difference of two outputs: field path, block, trait."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard

from perfbench.model import Output


class _Missing:
    """Stands for a field that only the other side has."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
MAX_VALUE_LENGTH = 60


def find_first_field(before: object, after: object, path: str = "") -> tuple[str, str, str] | None:
    """The path of the first field where two plain values differ, and both values as short texts; None if they are equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            place = find_first_field(
                before.get(key, MISSING), after.get(key, MISSING), f"{path}.{key}" if path else key
            )
            if place:
                return place
        return None
    if isinstance(before, list) and isinstance(after, list):
        for number, (a, b) in enumerate(zip(before, after, strict=False)):
            place = find_first_field(a, b, f"{path}[{number}]")
            if place:
                return place
        if len(before) != len(after):
            return path, f"{len(before)} entries", f"{len(after)} entries"
        return None
    if type(before) is type(after) and before == after:
        return None
    return path, _shorten(before), _shorten(after)


EVENT_FIELDS = frozenset(("time", "orders", "markets"))
"""Fields of an item of a program that runs simulations: what became of its orders, and of markets that ended."""


def name_item(value: object) -> str:
    """What an item of the output of a program is called."""
    return "order event" if _is_event(value) else "item"


def find_first_place(before: object, after: object) -> tuple[str, str, str] | None:
    """``find_first_field`` of two items. Of order events the time comes first: with another time they are different events."""
    if before is MISSING or after is MISSING:
        name = name_item(after if before is MISSING else before).rpartition(" ")[2]
        return f"the whole {name}", _shorten(before), _shorten(after)
    if _is_event(before) and _is_event(after) and before["time"] != after["time"]:
        return "time", _shorten(before["time"]), _shorten(after["time"])
    place = find_first_field(before, after)
    return ("its value", *place[1:]) if place is not None and not place[0] else place


def _is_event(item: object) -> TypeGuard[dict[str, object]]:
    return isinstance(item, dict) and item.keys() >= EVENT_FIELDS


def _shorten(value: object) -> str:
    return repr(value)[:MAX_VALUE_LENGTH]


def find_first_block(before: Output, after: Output) -> tuple[int, int]:
    """First and last update (from 0) of the first block whose digests differ, or that only one side has."""
    pairs = zip(before.blocks, after.blocks, strict=False)
    shared = min(len(before.blocks), len(after.blocks)) if len(before.blocks) != len(after.blocks) else 0
    first = next((number for number, (a, b) in enumerate(pairs) if a != b), shared) * before.block_size
    return first, first + before.block_size - 1


def trait_differs(before: Output, after: Output, trait: str) -> bool:
    """Whether one trait of two outputs differs."""
    return before.traits.get(trait) != after.traits.get(trait)


def have_equal_traits(before: Output, after: Output, but: Collection[str] = ()) -> bool:
    """Whether all traits of two outputs but these are equal."""
    return not any(trait_differs(before, after, trait) for trait in {*before.traits, *after.traits} if trait not in but)


def have_equal_outputs(before: Output, after: Output, same_mode: bool, *, is_program: bool = False) -> bool:
    """Whether two outputs are equal. Traits count within a mode only: another mode has another representation.

    A program may give the same orders for fewer updates; the work of everything else must be the same.
    """
    same = before.digest == after.digest and (is_program or before.updates == after.updates)
    return same and (not same_mode or have_equal_traits(before, after))
