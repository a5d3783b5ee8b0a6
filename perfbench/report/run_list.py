"""Text of the list of saved runs: a line for each, or two where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from rich.cells import cell_len, set_cell_size

from perfbench.report.prose import UNLIMITED_WIDTH
from perfbench.report.short_names import ELLIPSIS
from perfbench.util.formatting import make_printable

HEADS = ("name", "date (UTC)", "verdict", "size", "command", "what was compared")
GAP = "   "
MIN_SUBJECT_WIDTH = 40
"""Columns that the last column needs; where there are fewer, it gets a line of its own."""

DROPPED = (3, 1)
"""Columns that a narrow terminal leaves out: first the size, then the date."""

LEGEND = "▲ faster, ▼ slower, = unchanged, ? inconclusive"


@dataclass(frozen=True, slots=True)
class RunListEntry:
    """A saved run in texts: name, time of its begin, verdict, size, the command that measured, and what it compared."""

    name: str
    created: str
    verdict: str
    size: str
    command: str
    subject: str


def render_run_list(entries: Sequence[RunListEntry], width: int) -> str:
    """The list with its heads; a text that is too long for the width ends with an ellipsis, and nothing is left out."""
    rows = [HEADS, *(tuple(map(make_printable, astuple(entry))) for entry in entries)]
    sizes = [max(cell_len(row[place]) for row in rows) for place in range(len(HEADS))]
    room = width - sum(sizes[:-1]) - len(GAP) * (len(HEADS) - 1)
    if room >= min(MIN_SUBJECT_WIDTH, sizes[-1]):
        lines = [GAP.join((*_pad(row[:-1], sizes), _cut(row[-1], room, width))) for row in rows]
    else:
        lines = list(_render_blocks(rows, sizes, width))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _render_blocks(rows: Sequence[tuple[str, ...]], sizes: Sequence[int], width: int) -> list[str]:
    """Two lines for each run: what came of it, and what was compared. Names stay whole, because commands take them."""
    places = [0, 1, 2, 3]
    for place in DROPPED:
        if sum(sizes[kept] for kept in places) + len(GAP) * (len(places) - 1) > width:
            places.remove(place)
    heads, *others = (GAP.join(_pad([row[place] for place in places], [sizes[p] for p in places])) for row in rows)
    lines = [heads]
    for line, row in zip(others, rows[1:], strict=True):
        lines += [line, _cut(f"  {row[4]} · {row[5]}", width, width)]
    return lines


def _pad(cells: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """The cells in the widths of their columns."""
    return [set_cell_size(cell, size) for cell, size in zip(cells, sizes, strict=False)]


def _cut(text: str, room: int, width: int) -> str:
    """The text in this room, with an ellipsis for what is cut off; all of it where there is no terminal."""
    if cell_len(text) <= room or width >= UNLIMITED_WIDTH:
        return text
    return set_cell_size(text, room - cell_len(ELLIPSIS)).rstrip() + ELLIPSIS
