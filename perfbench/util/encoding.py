"""Output streams whose encoding lacks some of our characters: each is replaced by the nearest that it has."""

from __future__ import annotations

import codecs
import io
from typing import TextIO

ERROR_HANDLER = "perfbench.substitutes"

SUBSTITUTES = {
    "→": "->",
    "←": "<-",
    "▲": "^",
    "▼": "v",
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "|",
    "×": "x",
    "±": "+/-",
    "≥": ">=",
    "≤": "<=",
    "µ": "u",
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "•": "*",
    "₂": "2",
    "σ": "sigma",
    "╳": "x",
    "●": "o",
    "○": "o",
    "■": "#",
    "□": "#",
    "◆": "*",
    "◇": "*",
    "£": "GBP ",
    "─": "-",
    "━": "-",
    "│": "|",
    "┃": "|",
}
CORNERS = "╭╮╰╯┌┐└┘├┤┬┴┼"
SUBSTITUTE_OF_BLOCK = "#"
UNKNOWN = "?"


def substitute_characters(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: the substitutes of what cannot be encoded, and where to continue."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_substitute, error.object[error.start : error.end])), error.end


def _substitute(char: str) -> str:
    if char in SUBSTITUTES:
        return SUBSTITUTES[char]
    if char in CORNERS:
        return "+"
    if "\u2580" <= char <= "\u259f":
        return SUBSTITUTE_OF_BLOCK
    if "\u2800" <= char <= "\u28ff":
        return "." if char != "\u2800" else " "
    return UNKNOWN


def allow_any_character(stream: TextIO) -> None:
    """Let a stream write every character, whatever its encoding."""
    codecs.register_error(ERROR_HANDLER, substitute_characters)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=ERROR_HANDLER)
