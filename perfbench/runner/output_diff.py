"""The first difference of two outputs: field path, block, trait."""

from __future__ import annotations

from collections.abc import Collection

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
    return path, repr(before)[:MAX_VALUE_LENGTH], repr(after)[:MAX_VALUE_LENGTH]


def find_first_block(before: Output, after: Output) -> tuple[int, int]:
    """First and last update (from 0) of the first block whose digests differ."""
    pairs = zip(before.blocks, after.blocks, strict=False)
    first = next((number for number, (a, b) in enumerate(pairs) if a != b), 0) * before.block_size
    return first, first + before.block_size - 1


def trait_differs(before: Output, after: Output, trait: str) -> bool:
    """Whether one trait of two outputs differs."""
    return before.traits.get(trait) != after.traits.get(trait)


def have_equal_traits(before: Output, after: Output, but: Collection[str] = ()) -> bool:
    """Whether all traits of two outputs but these are equal."""
    return not any(trait_differs(before, after, trait) for trait in {*before.traits, *after.traits} if trait not in but)


def have_equal_outputs(before: Output, after: Output, same_mode: bool) -> bool:
    """Whether two outputs are equal. Traits count within a mode only: another mode has another representation."""
    same = before.updates == after.updates and before.digest == after.digest
    return same and (not same_mode or have_equal_traits(before, after))
