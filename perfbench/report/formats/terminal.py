"""The table as people read it, with colour where the terminal has it."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench.report import text_table
from perfbench.report.model import Report
from perfbench.report.tables.comparison import FAILED_MARK
from perfbench.report.tables.pages import build_tables
from perfbench.report.text_table import TextTable
from perfbench.util import formatting

SUFFIX = ".txt"
MARK_STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow"}


def render(report: Report, *, width: int = text_table.UNWRAPPED_WIDTH, color: bool = False) -> str:
    """Every table, then a line for each problem. ``color`` adds ANSI styles."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, no_color=not color, highlight=False, emoji=False)
    for page in build_tables(report):
        _print_table(console, page)
        console.print()
    for problem in report.problems:
        console.print(Text(f"{FAILED_MARK} {formatting.make_printable(problem)}", style="red"), soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()) + "\n"


def _join_columns(texts: TextTable) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows with the ratio beside its seconds: ``6.860s → 2.998s  2.3x``."""
    if not texts.compared:
        return texts.heads, list(texts.rows)
    width = max(len(row[2]) for row in texts.rows)
    mode, seconds, ratio, *others = texts.heads
    rows = [(row[0], f"{row[1]}  {row[2]:>{width}}", *row[3:]) for row in texts.rows]
    return (mode, f"{seconds}   {ratio}", *others), rows


def _print_table(console: Console, texts: TextTable) -> None:
    console.print(Text(texts.title, style="bold"), soft_wrap=True)
    heads, rows = _join_columns(texts)
    columns = list(zip(heads, *rows, strict=True))
    wide = sum(max(map(len, column)) + 3 for column in columns) <= console.width
    table = Table(box=None, pad_edge=False, padding=(0, 3 if wide else 1, 0, 0), show_edge=False)
    table.add_column(Text("  " + heads[0]), no_wrap=True)
    for number, head in enumerate(heads[1:]):
        two_lines = head if wide or number == 0 else "\n".join(head.rsplit(" ", 1))
        table.add_column(Text(two_lines), justify="right", no_wrap=number == 0, overflow="fold")
    for row in rows:
        mode = Text(
            row[0] if row[0].startswith(FAILED_MARK) else "  " + row[0],
            style="red" if row[0].startswith(FAILED_MARK) else "",
        )
        mark = next((mark for mark in MARK_STYLES if mark in row[1]), "")
        others = (Text(text, style="" if texts.compared else MARK_STYLES.get(text[-1:], "")) for text in row[2:])
        table.add_row(mode, Text(row[1], style=MARK_STYLES.get(mark, "")), *others)
    console.print(table)
    for line in texts.below:
        style = "red" if line.startswith(FAILED_MARK) else "yellow" if line.startswith("doubtful") else "dim"
        indent = "" if line.startswith(FAILED_MARK) else "  "
        console.print(Text(indent + line, style=style), soft_wrap=True)
