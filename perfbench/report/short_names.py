"""Shortened names that still differ from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len

ELLIPSIS = "…"
MIN_WIDTH = 3
"""Below it nothing is shortened: an ellipsis and two characters."""


def shorten_names(names: Sequence[str], width: int) -> tuple[str, ...]:
    """The names in at most this width, with an ellipsis for what is left out: those that differ stay different.

    Indentation and a mark in front stay. The end is kept first, because the end of a path is specific; then the first word and the
    end; then more of the beginning, or the part in which they differ. Names that no cut tells apart keep their length.
    """
    if width < MIN_WIDTH or all(cell_len(name) <= width for name in names):
        return tuple(names)
    for cut in _list_cuts(names, width):
        shortened = tuple(name if cell_len(name) <= width else cut(name) for name in names)
        if len(set(shortened)) == len(set(names)) and all(cell_len(name) <= width for name in shortened):
            return shortened
    return tuple(names)


def _list_cuts(names: Sequence[str], width: int) -> Iterator[Callable[[str], str]]:
    """Ways to cut a name, from the most to the least readable."""
    if any(" " in _split_front(name)[1] for name in names):
        yield lambda name: _cut_middle(name, width, len(_split_front(name)[1].partition(" ")[0]) + 1)
    for kept in (0, width // 4, width // 2, width):
        yield lambda name, kept=kept: _cut_middle(name, width, kept)  # type: ignore[misc]
    common = _count_common([_split_front(name)[1] for name in names if cell_len(name) > width])
    yield lambda name: _cut_both_ends(name, width, max(0, common - 2))


def _cut_middle(name: str, width: int, kept: int) -> str:
    """A name of this width: its first ``kept`` characters behind indentation and mark, an ellipsis, and its end."""
    front, bare = _split_front(name)
    room = max(0, width - len(front) - len(ELLIPSIS))
    begin = bare[: min(kept, room)]
    rest = room - len(begin)
    return front + begin + ELLIPSIS + (bare[-rest:] if rest else "")


def _cut_both_ends(name: str, width: int, start: int) -> str:
    front, bare = _split_front(name)
    room = max(0, width - len(front) - 2 * len(ELLIPSIS))
    return f"{front}{ELLIPSIS}{bare[start : start + room]}{ELLIPSIS}"


def _count_common(names: Sequence[str]) -> int:
    """The characters with which all names begin."""
    first, last = min(names), max(names)
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def _split_front(name: str) -> tuple[str, str]:
    """Indentation and mark, and the name behind them."""
    bare = name.lstrip("! ")
    return name[: len(name) - len(bare)], bare
