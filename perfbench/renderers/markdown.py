"""Tables for a pull request or a README."""

from __future__ import annotations

from perfbench import markdown_text
from perfbench.layout import Cells
from perfbench.markdown_text import escape
from perfbench.pages import pages
from perfbench.report import Report

SUFFIX = ".md"


def render(report: Report) -> str:
    """Every table as GitHub-flavoured Markdown, the lines below it as a list."""
    parts = [_table(page) for page in pages(report)]
    parts += [f"- **{escape(problem)}**\n" for problem in report.problems]
    return "\n".join(parts)


def _table(texts: Cells) -> str:
    below = [f"- {escape(line)}" for line in texts.below]
    lines = markdown_text.table(texts.heads, texts.rows)
    return "\n".join([f"**{escape(texts.title)}**", "", *lines, "", *below, ""])
