"""HTML tables for notebooks: self-contained, styled in place, every text escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from perfbench.report.text_table import TextTable
from perfbench.util import formatting

TABLE_STYLE = "border-collapse:collapse"
CELL_STYLE = "padding:2px 8px;white-space:nowrap"
"""In place, because notebooks on the web drop style sheets."""


def render_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", notes: Sequence[str] = (), left: int = 0
) -> str:
    """A table of texts with its title above and notes below.

    :param left: the number of columns that are aligned left, as names are; all others are aligned right.
    """
    parts = [f"<div><p><b>{escape(title)}</b></p>" if title else "<div>"]
    parts.append(f'<table style="{TABLE_STYLE}"><thead><tr>{_render_cells("th", heads, left)}</tr></thead><tbody>')
    parts += [f"<tr>{_render_cells('td', row, left)}</tr>" for row in rows]
    parts.append("</tbody></table>")
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    return "".join(parts) + "</div>"


def render_text_table(texts: TextTable) -> str:
    """A table of a report, with the same texts as on the terminal."""
    return render_table(texts.heads, texts.rows, title=texts.title, notes=texts.below, left=1)


def format_value(value: Any) -> str:
    """A value of a row as text: floats with six figures, nothing for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(format_value, value)) if isinstance(value, tuple) else str(value)


def escape(text: str) -> str:
    """A text that cannot be taken for HTML; control characters are shown as their escapes."""
    return html.escape(formatting.make_printable(text))


def _render_cells(tag: str, texts: Sequence[str], left: int) -> str:
    return "".join(
        f'<{tag} style="{CELL_STYLE};text-align:{"left" if place < left else "right"}">{escape(text)}</{tag}>'
        for place, text in enumerate(texts)
    )
