"""Tables for a pull request or a README."""

from __future__ import annotations

import re

from perfbench.layout import Cells
from perfbench.pages import pages
from perfbench.report import Report

SUFFIX = ".md"


def render(report: Report) -> str:
    """Every table as GitHub-flavoured Markdown, the lines below it as a list."""
    parts = [_table(page) for page in pages(report)]
    parts += [f"- **{escape(problem)}**\n" for problem in report.problems]
    return "\n".join(parts)


def _table(texts: Cells) -> str:
    rows = [texts.heads, ("---", *("---:" for _ in texts.heads[1:])), *texts.rows]
    lines = ["| " + " | ".join(escape(cell) if row is not rows[1] else cell for cell in row) + " |" for row in rows]
    below = [f"- {escape(line)}" for line in texts.below]
    return "\n".join([f"**{escape(texts.title)}**", "", *lines, "", *below, ""])


def escape(text: str) -> str:
    """Text that stays text: what Markdown or HTML would take for markup is escaped, runs of spaces become one."""
    folded = " ".join(text.split())
    return re.sub(r"([\\|`*_\[\]<>#])", r"\\\1", folded)
