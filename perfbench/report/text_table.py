"""Text tables, and the one way from Rich renderables to text."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.short_names import shorten_names
from perfbench.report.table_layout import COLUMN_GAP


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as texts: a title, the heads, the rows, and the lines below. The first column is aligned left, the others right.

    ``compared``: the third column is the ratio of the seconds in the second. ``ranks``: which column a narrow terminal leaves out
    first, the lowest number first and 0 never; without them none.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...]
    compared: bool
    ranks: tuple[int, ...] = ()


MIN_NAME_WIDTH = 36
"""Columns that the names of rows need: below it the least important numbers are left out."""

MIN_CUT_NAME_WIDTH = 22
"""Columns up to which the names of rows may be shortened; below it a row becomes a block."""

MIN_TEXT_WIDTH = 18
"""Columns that a text on the right needs."""

MIN_HEAD_WIDTH = 7
"""Columns up to which a head of several words stays on one line."""

FOLD_INDENT = "  "
BLOCK_INDENT = "    "

FAILED_MARK = "!"
WARNING_PREFIX = "warning: "

LEFT_OUT_NOTE = "not shown in {} columns: {}"
"""Which columns a table leaves out at the width of the terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column after the first: a number, or a text on the ``left`` that may be folded.

    ``optional``: left out where the table does not fit; the lowest number first, 0 never.
    """

    head: str
    left: bool = False
    optional: int = 0


@dataclass(frozen=True, slots=True)
class ColumnTable:
    """A table of columns as texts: the head of the first column, the others, and the rows. ``rule``: a line below the heads."""

    head: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    rule: bool = True

    def render(self, width: int) -> str:
        """The table in at most ``width`` columns where names and numbers allow it, as ``render`` does."""
        return render(self.head, self.columns, self.rows, width, rule=self.rule)


def render_text(*parts: RenderableType, width: int = UNLIMITED_WIDTH, color: bool = False) -> str:
    """Rich renderables as text, one below the other; no line ends with blanks, and a ``Text`` is never wrapped.

    :param color: add ANSI styles.
    """
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, highlight=False, emoji=False, markup=False
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()) + "\n"


def new_plain_table(gap: int = COLUMN_GAP) -> Table:
    """A table without lines, whose columns are this far apart."""
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), show_edge=False)


def render(
    head: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, rule: bool = True
) -> str:
    """The table in at most ``width`` columns where names and numbers allow it; no line ends with blanks.

    A table that is too wide gets heads of several lines, then fewer columns, which it names, then names without their beginnings;
    where not even that fits, a block for each row.
    """
    kept = list(range(len(columns)))
    widths = _compute_natural_widths(head, columns, rows)
    if _sum_widths(widths) > width and width < UNLIMITED_WIDTH:
        kept, widths = _fit_columns(head, columns, rows, width)
    cramped = widths[0] < min(MIN_CUT_NAME_WIDTH, max(map(cell_len, (head, *(row[0] for row in rows)))))
    if (_sum_widths(widths) > width or cramped) and width < UNLIMITED_WIDTH:
        return _render_blocks(head, columns, rows, width)
    style, padding = (box.SIMPLE_HEAD, (0, COLUMN_GAP - 1, 0, 0)) if rule else (None, (0, COLUMN_GAP, 0, 0))
    table = Table(box=style, pad_edge=False, padding=padding, show_edge=False)
    heads = _fold_heads([head, *(columns[place].head for place in kept)], widths)
    table.add_column(heads[0], width=widths[0], overflow="fold")
    for place, text, size in zip(kept, heads[1:], widths[1:], strict=True):
        table.add_column(text, justify="left" if columns[place].left else "right", width=size, overflow="fold")
    for row, name in zip(rows, _shorten_first_cells(rows, widths[0]), strict=True):
        cells = [name, *(row[place + 1] for place in kept)]
        table.add_row(*(Text(shorten_name(cell, size)) for cell, size in zip(cells, widths, strict=True)))
    left_out = [column.head for place, column in enumerate(columns) if place not in kept]
    notes = [Text(wrap_line(f"  {LEFT_OUT_NOTE.format(width, ', '.join(left_out))}", width))] if left_out else []
    return render_text(table, *notes, width=max(width, _sum_widths(widths)))


def format_field(head: str, cell: str, width: int) -> str:
    """``    peak memory  21.5 MB`` in a line, or in two of them where it is too wide."""
    cell = re.sub(r" {3,}", "  ", cell.strip())
    line = f"{BLOCK_INDENT}{head}  {cell}"
    if cell_len(line) <= width:
        return line
    return f"{wrap_line(BLOCK_INDENT + head, width)}\n{wrap_line(f'{BLOCK_INDENT}  {cell}', width)}"


def _render_blocks(head: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> str:
    lines = [wrap_line(head, width)]
    for row, name in zip(rows, _shorten_first_cells(rows, width), strict=True):
        lines.append(wrap_line(name, width))
        fields = zip((column.head for column in columns), row[1:], strict=True)
        lines += [format_field(name, cell, width) for name, cell in fields if cell.strip()]
    return "\n".join(lines) + "\n"


def _shorten_first_cells(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The names of the rows, shortened together so that they differ; sentences stay as they are."""
    plain = [row[0] for row in rows if " " not in row[0].strip()]
    short = dict(zip(plain, shorten_names(plain, width), strict=True))
    return [short.get(row[0], row[0]) for row in rows]


def shorten_name(name: str, width: int) -> str:
    """Cut the beginning of a name that is too long, because the end of a path is specific. Sentences are folded."""
    bare = name.lstrip(" ")
    indent = name[: len(name) - len(bare)]
    room = width - len(indent) - 1
    if len(name) <= width or room < 1:
        return name
    if " " in bare:
        return wrap_line(name, width)
    return f"{indent}…{bare[-room:]}"


def _fold_heads(heads: Sequence[str], widths: Sequence[int]) -> list[Text]:
    """Heads that are folded to these widths and end on the same line."""
    folded = [wrap_line(head, size) for head, size in zip(heads, widths, strict=True)]
    most = max(head.count("\n") for head in folded)
    return [Text("\n" * (most - head.count("\n")) + head) for head in folded]


def _compute_natural_widths(head: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    heads = (head, *(column.head for column in columns))
    return [max(cell_len(text), *(cell_len(row[place]) for row in rows), 0) for place, text in enumerate(heads)]


def _sum_widths(widths: Sequence[int]) -> int:
    return sum(widths) + COLUMN_GAP * (len(widths) - 1)


def _fit_columns(
    head: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int
) -> tuple[list[int], list[int]]:
    """The places of the columns that are kept, and the widths of the first and of these."""
    natural = _compute_natural_widths(head, columns, rows)
    least = [_compute_min_width(column, [row[place + 1] for row in rows]) for place, column in enumerate(columns)]
    kept = list(range(len(columns)))
    optional = sorted((place for place in kept if columns[place].optional), key=lambda place: columns[place].optional)
    needed = min(MIN_NAME_WIDTH, natural[0])

    def room() -> int:
        return width - sum(least[place] + COLUMN_GAP for place in kept)

    while room() < needed and optional:
        kept.remove(optional.pop(0))
    first = max(min(natural[0], room()), len(FOLD_INDENT) + 10)
    spare = room() - first
    widths = [first]
    for place in kept:
        more = min(max(spare, 0), natural[place + 1] - least[place])
        spare -= more
        widths.append(least[place] + more)
    return kept, widths


def _compute_min_width(column: Column, cells: Sequence[str]) -> int:
    words = map(cell_len, column.head.split())
    longest = max(map(cell_len, cells), default=0)
    return max(
        *words, min(cell_len(column.head), MIN_HEAD_WIDTH), min(longest, MIN_TEXT_WIDTH) if column.left else longest
    )
