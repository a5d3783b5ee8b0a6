"""Layout of a table at a width: gaps, folded heads, shortened names, and the columns that are left out by rank."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.short_names import shorten_names

COLUMN_GAP = 3
"""Blanks between two columns where there is room."""

NARROW_GAPS = (2, 1)
NAME_WIDTHS = (36, 20)
"""Widths to which the names of rows are shortened: before a column is left out, and when no more can be."""

MAX_HEAD_WORD = 20
"""Width up to which a word of a head, such as an environment, is never shortened."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """The columns that are shown: their positions, widths, heads line by line, and the names in the first of them.

    ``left_out`` are the heads of the others.
    """

    gap: int
    positions: tuple[int, ...]
    heads: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]

    @property
    def width(self) -> int:
        """The width of the table."""
        return sum(self.widths) + self.gap * (len(self.widths) - 1)


def arrange_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], ranks: Sequence[int], width: int
) -> TableLayout | None:
    """The layout that shows most columns in this width; None if it cannot show those that are never left out.

    :param ranks: of each column: the lowest is left out first, 0 never. The first column has the names of the rows.
    """
    kept = list(range(len(heads)))
    optional = sorted((place for place in kept[1:] if ranks[place]), key=lambda place: (ranks[place], -place))
    while True:
        for name_width in NAME_WIDTHS if not optional else NAME_WIDTHS[:1]:
            for layout in _list_layouts(heads, rows, kept, name_width):
                if layout.width <= width or width >= UNLIMITED_WIDTH:
                    return layout
        if not optional:
            return None
        kept.remove(optional.pop(0))


def fold_head(head: str, cells: Sequence[str]) -> tuple[str, ...]:
    """A head in lines as wide as the cells below it, or as its words; very long words are shortened."""
    words = [word for word in head.split() if cell_len(word) > MAX_HEAD_WORD]
    room = max((MAX_HEAD_WORD, *map(cell_len, cells)))
    for word, short in zip(words, shorten_names(words, room), strict=True):
        head = head.replace(word, short)
    size = max((0, *map(cell_len, (*cells, *head.split()))))
    indent = head[: len(head) - len(head.lstrip(" "))]
    parts = (part for part in re.split(r" {2,}", head.strip()) if part)
    return tuple(indent + line for part in parts for line in wrap_line(part, size).split("\n")) or ("",)


def _list_layouts(
    heads: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int], name_width: int
) -> Iterator[TableLayout]:
    """The layouts of these columns, from the roomiest to the tightest."""
    left_out = tuple(head for place, head in enumerate(heads) if place not in kept)
    cells = [tuple(row[place] for row in rows) for place in kept]
    plain = tuple((heads[place],) for place in kept)
    folded = tuple(fold_head(heads[place], texts) for place, texts in zip(kept, cells, strict=True))
    short = shorten_names(cells[0], name_width)
    variants = (
        (COLUMN_GAP, plain, cells[0]),
        *((gap, folded, cells[0]) for gap in (COLUMN_GAP, *NARROW_GAPS)),
        *((gap, folded, short) for gap in NARROW_GAPS),
    )
    for gap, lines, names in variants:
        columns = (names, *cells[1:])
        widths = tuple(max(map(cell_len, (*head, *texts))) for head, texts in zip(lines, columns, strict=True))
        yield TableLayout(gap, tuple(kept), lines, names, widths, left_out)
