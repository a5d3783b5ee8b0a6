"""Width and colour of the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from rich.console import Console

from perfbench.report.text_table import UNWRAPPED_WIDTH


def build_console() -> Console:
    """Standard output for tables: as wide as the terminal, wide enough for a table where there is none."""
    return Console(width=detect_width(sys.stdout), highlight=False, emoji=False)


def detect_width(stream: TextIO) -> int:
    """Columns of a stream."""
    if stream.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size((UNWRAPPED_WIDTH, 24)).columns
    return UNWRAPPED_WIDTH


def wants_color(stream: TextIO, color: str) -> bool:
    """Whether a stream gets colour, by the --color option and what the terminal says."""
    if color != "auto":
        return color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
