"""Tables and foreign text in GitHub-flavoured Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def format_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; the first column is to the left, others to the right."""
    rule = "| " + " | ".join(("---", *("---:" for _ in heads[1:]))) + " |"
    first, *others = ("| " + " | ".join(map(escape_markdown, row)) + " |" for row in (heads, *rows))
    return [first, rule, *others]


def escape_markdown(text: str) -> str:
    """Text that stays text: what Markdown or HTML would take for markup is escaped, runs of spaces become one."""
    folded = " ".join(text.split())
    return re.sub(r"([\\|`*_\[\]<>#&~$])", r"\\\1", folded)
