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


def wrap_line(line: str, width: int, indent: int | None = None) -> str:
    """Fold a line of prose between words, with a hanging indent; numbers keep their units.

    A word that is wider, such as a path, stays whole.

    :param indent: columns of the hanging indent; by default what stands before the text, with a mark such as ``!``.
    """
    if width >= UNLIMITED_WIDTH:
        return line
    hanging = len(line) - len(line.lstrip("! ")) if indent is None else indent
    joined = QUANTITY_PATTERN.sub(NO_BREAK_SPACE, line)
    folded = textwrap.fill(
        joined, width, subsequent_indent=" " * hanging, break_long_words=False, break_on_hyphens=False
    )
    return folded.replace(NO_BREAK_SPACE, " ")
