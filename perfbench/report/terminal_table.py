"""A text table as Rich renderables for a terminal: in columns, or a block for each row where no columns fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from perfbench.report import table_layout, text_table
from perfbench.report.prose import wrap_line
from perfbench.report.short_names import shorten_names
from perfbench.report.table_layout import TableLayout
from perfbench.report.text_table import FAILED_MARK, LEFT_OUT_NOTE, WARNING_PREFIX, TextTable

MARK_STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow"}


def build_parts(texts: TextTable, width: int, *, marked_lines: bool = False) -> Iterator[RenderableType]:
    """Title, table and the lines below, in this width.

    :param marked_lines: the lines below are coloured by the mark that they begin with, else they are dim.
    """
    yield Text(wrap_line(texts.title, width), style="bold")
    heads, rows, ranks = _join_ratio(texts)
    layout = table_layout.arrange_table(heads, rows, ranks, width)
    if layout is None:
        yield from _build_blocks(heads, rows, width)
    else:
        yield from _build_columns(layout, rows, texts)
        if layout.left_out:
            note = LEFT_OUT_NOTE.format(width, ", ".join(" ".join(head.split()) for head in layout.left_out))
            yield Text(wrap_line(f"  {note}", width), style="dim")
    yield from (_style_line(line, width, marked_lines) for line in texts.below)


def _join_ratio(texts: TextTable) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[int, ...]]:
    """Heads, rows and ranks with the ratio beside its seconds: ``6.860s → 2.998s  2.3x``; the names are indented."""
    rows = [(row[0] if row[0].startswith(FAILED_MARK) else f"  {row[0]}", *row[1:]) for row in texts.rows]
    heads = (f"  {texts.heads[0]}", *texts.heads[1:])
    ranks = texts.ranks or (0,) * len(heads)
    if not texts.compared:
        return heads, rows, ranks
    width = max(map(len, (row[2] for row in rows)), default=0)
    name, seconds, ratio, *others = heads
    joined = [(row[0], f"{row[1]}  {row[2]:>{width}}", *row[3:]) for row in rows]
    return (name, f"{seconds}   {ratio}", *others), joined, (*ranks[:2], *ranks[3:])


def _build_columns(layout: TableLayout, rows: Sequence[Sequence[str]], texts: TextTable) -> Iterator[RenderableType]:
    table = text_table.new_plain_table(layout.gap)
    height = max(map(len, layout.heads))
    for place, (lines, size) in enumerate(zip(layout.heads, layout.widths, strict=True)):
        head = "\n".join((*[""] * (height - len(lines)), *lines))
        justify = "right" if place else "left"
        table.add_column(Text(head), justify=justify, no_wrap=True, min_width=size)  # type: ignore[arg-type]
    for row, name in zip(rows, layout.names, strict=True):
        table.add_row(*(_style_cell(name if not place else row[place], place, texts) for place in layout.positions))
    yield table


def _style_cell(cell: str, place: int, texts: TextTable) -> Text:
    if place == 0:
        return Text(cell, style="red" if cell.startswith(FAILED_MARK) else "")
    marked = not texts.compared or place == 1
    return Text(cell, style=MARK_STYLES.get(cell.rstrip()[-1:], "") if marked else "")


def _build_blocks(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[RenderableType]:
    labels = [" ".join(table_layout.fold_head(head, ())) for head in heads[1:]]
    for row, name in zip(rows, shorten_names([row[0] for row in rows], width), strict=True):
        yield Text(name, style="red" if name.startswith(FAILED_MARK) else "bold")
        for label, cell in zip(labels, row[1:], strict=True):
            if cell.strip():
                yield Text(text_table.format_field(label, cell, width))


def _style_line(line: str, width: int, marked: bool) -> Text:
    failed = line.startswith(FAILED_MARK)
    style = "red" if failed else "yellow" if line.startswith(WARNING_PREFIX) else "" if marked else "dim"
    style = MARK_STYLES.get(line[:1], style) if marked else style
    return Text(wrap_line(line if failed else f"  {line}", width), style=style)
