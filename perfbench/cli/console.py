"""Width and colour of the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from rich.console import Console

from perfbench.report.prose import UNLIMITED_WIDTH


def build_console() -> Console:
    """A console on standard output: as wide as the terminal; without one, wide enough for every table."""
    return Console(width=detect_width(sys.stdout), highlight=False, emoji=False)


def detect_width(stream: TextIO) -> int:
    """The width of a stream in columns."""
    if stream.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size((UNLIMITED_WIDTH, 24)).columns
    return UNLIMITED_WIDTH


def wants_color(stream: TextIO, color: str) -> bool:
    """Whether to colour a stream: by --color, else by NO_COLOR, TERM and whether it is a terminal."""
    if color != "auto":
        return color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
