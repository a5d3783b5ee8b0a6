"""How wide standard output is, whether it gets colour, and a console for it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from rich.console import Console

WIDTH = 1000
"""Columns where there is no terminal: enough for every table."""


def console() -> Console:
    """Standard output for tables: as wide as the terminal, wide enough for a table where there is none."""
    return Console(width=width(sys.stdout), highlight=False, emoji=False)


def width(stream: TextIO) -> int:
    """Columns of a stream."""
    if stream.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size((WIDTH, 24)).columns
    return WIDTH


def colored(stream: TextIO, color: str) -> bool:
    """Whether a stream gets colour, by the --color option and what the terminal says."""
    if color != "auto":
        return color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
