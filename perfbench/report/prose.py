"""Lines of prose folded at the width of a terminal."""

from __future__ import annotations

import re
import textwrap

UNLIMITED_WIDTH = 1000
"""Width where there is no terminal: nothing is folded and nothing is left out."""

QUANTITY_PATTERN = re.compile(r"(?<=\d) (?=[A-Za-z%µ])|(?<=\S) (?=[▲▼=?](?: |$))")
"""The blank between a number and its unit, or before a mark, where no line ends."""

NO_BREAK_SPACE = "\u00a0"


def wrap_text(text: str, width: int) -> str:
    """Every line of a text folded at this width, as ``wrap_line`` does."""
    return "\n".join(wrap_line(line, width) if len(line) > width else line for line in text.split("\n"))


def wrap_line(line: str, width: int) -> str:
    """Fold a line of prose between words, with a hanging indent behind a mark such as ``!``; numbers keep their units.

    A word that is wider, such as a path, stays whole.
    """
    if width >= UNLIMITED_WIDTH:
        return line
    indent = len(line) - len(line.lstrip("! "))
    joined = QUANTITY_PATTERN.sub(NO_BREAK_SPACE, line)
    folded = textwrap.fill(
        joined, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return folded.replace(NO_BREAK_SPACE, " ")
