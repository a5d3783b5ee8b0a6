"""The tables for people to read, with colour where the terminal has it."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from perfbench.report import terminal_table, text_table
from perfbench.report.model import Report
from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.tables import build_tables
from perfbench.report.text_table import FAILED_MARK
from perfbench.util import formatting

SUFFIX = ".txt"


def render(report: Report, *, width: int = UNLIMITED_WIDTH, color: bool = False) -> str:
    """Every table, then which rows are shown if not all, and a line for each problem. ``color`` adds ANSI styles.

    No number is broken at any width.
    """
    parts: list[RenderableType] = []
    for table in build_tables(report):
        parts += [*terminal_table.build_parts(table, width), Text()]
    if report.selected:
        parts.append(Text(wrap_line(formatting.make_printable(report.selected), width), style="dim"))
    problems = (f"{FAILED_MARK} {formatting.make_printable(problem)}" for problem in report.problems)
    parts += [Text(wrap_line(problem, width), style="red") for problem in problems]
    return text_table.render_text(*parts, width=width, color=color)
