"""Tables for a pull request or a README."""

from __future__ import annotations

from perfbench.report import markdown_text
from perfbench.report.markdown_text import escape_markdown
from perfbench.report.model import Report
from perfbench.report.tables import build_tables
from perfbench.report.text_table import TextTable

SUFFIX = ".md"


def render(report: Report) -> str:
    """Every table as GitHub-flavoured Markdown, the lines below it as a list; then which rows are shown, if not all."""
    parts = [_render_table(page) for page in build_tables(report)]
    parts += [f"{escape_markdown(report.selected)}\n"] if report.selected else []
    parts += [f"- **{escape_markdown(problem)}**\n" for problem in report.problems]
    return "\n".join(parts)


def _render_table(texts: TextTable) -> str:
    below = [f"- {escape_markdown(line)}" for line in texts.below]
    lines = markdown_text.format_table(texts.heads, texts.rows)
    return "\n".join([f"**{escape_markdown(texts.title)}**", "", *lines, "", *below, ""])
