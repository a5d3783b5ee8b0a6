"""The tables for people to read, with colour where the terminal has it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from perfbench.report import text_table
from perfbench.report.model import Report
from perfbench.report.tables import build_tables
from perfbench.report.tables.comparison import FAILED_MARK, WARNING_PREFIX
from perfbench.report.text_table import COLUMN_GAP, TextTable
from perfbench.util import formatting

SUFFIX = ".txt"
MARK_STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow"}


def render(report: Report, *, width: int = text_table.UNWRAPPED_WIDTH, color: bool = False) -> str:
    """Every table, then a line for each problem. ``color`` adds ANSI styles."""
    parts: list[RenderableType] = []
    for table in build_tables(report):
        parts += [*_build_parts(table, width), Text()]
    problems = (f"{FAILED_MARK} {formatting.make_printable(problem)}" for problem in report.problems)
    parts += [Text(problem, style="red") for problem in problems]
    return text_table.render_text(*parts, width=width, color=color)


def _join_columns(texts: TextTable) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows with the ratio beside its seconds: ``6.860s → 2.998s  2.3x``."""
    if not texts.compared:
        return texts.heads, list(texts.rows)
    width = max(len(row[2]) for row in texts.rows)
    mode, seconds, ratio, *others = texts.heads
    rows = [(row[0], f"{row[1]}  {row[2]:>{width}}", *row[3:]) for row in texts.rows]
    return (mode, f"{seconds}   {ratio}", *others), rows


def _build_parts(texts: TextTable, width: int) -> Iterator[RenderableType]:
    """Title, table and lines below."""
    yield Text(texts.title, style="bold")
    heads, rows = _join_columns(texts)
    columns = list(zip(heads, *rows, strict=True))
    wide = sum(max(map(len, column)) + COLUMN_GAP for column in columns) <= width
    table = text_table.new_plain_table(COLUMN_GAP if wide else 1)
    table.add_column(Text("  " + heads[0]), no_wrap=True)
    for number, head in enumerate(heads[1:]):
        folded = head if wide or number == 0 else "\n".join(head.rsplit(" ", 1))
        table.add_column(Text(folded), justify="right", no_wrap=number == 0, overflow="fold")
    for row in rows:
        failed = row[0].startswith(FAILED_MARK)
        mode = Text(row[0] if failed else "  " + row[0], style="red" if failed else "")
        mark = next((mark for mark in MARK_STYLES if mark in row[1]), "")
        others = (Text(text, style="" if texts.compared else MARK_STYLES.get(text[-1:], "")) for text in row[2:])
        table.add_row(mode, Text(row[1], style=MARK_STYLES.get(mark, "")), *others)
    yield table
    for line in texts.below:
        failed = line.startswith(FAILED_MARK)
        style = "red" if failed else "yellow" if line.startswith(WARNING_PREFIX) else "dim"
        yield Text(("" if failed else "  ") + line, style=style)
