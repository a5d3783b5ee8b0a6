"""What ``perfbench`` alone prints: what to type first, and the commands in groups."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Protocol

FIRST_STEPS = (
    ("perfbench run", "time every mode on a market"),
    ("perfbench run my_backtest.py", "time your own backtest"),
    ("perfbench compare betfairlightweight==2.11.2 here", "two versions side by side"),
    ("perfbench profile", "where time and memory go"),
    ("perfbench data pull", "download recorded markets"),
)
"""What to type first, and what it does."""

MAX_WIDTH = 100
GAP = 3
MIN_RIGHT_WIDTH = 24
"""Columns that the right side needs."""

CLOSING = "perfbench COMMAND --help explains a command."


class Outline(Protocol):
    """A command with its first line of help and its group."""

    @property
    def name(self) -> str:
        """The name of the command."""

    @property
    def title(self) -> str:
        """What it does."""

    @property
    def group(self) -> str:
        """Its group in the help."""


def build_front_page(outlines: Iterable[Outline], width: int) -> str:
    """The page in this width. The groups come in the order of the help."""
    groups: dict[str, list[Outline]] = {}
    for outline in outlines:
        groups.setdefault(outline.group, []).append(outline)
    command_width = max(len(command) for command, _ in FIRST_STEPS)
    name_width = max((len(outline.name) for group in groups.values() for outline in group), default=0)
    lines = [_join(command, does, command_width, width) for command, does in FIRST_STEPS]
    for group, members in groups.items():
        lines += ["", group, *(_join(f"  {member.name}", member.title, name_width + 2, width) for member in members)]
    return "\n".join((*lines, "", CLOSING))


def detect_width() -> int:
    """The width of the terminal, at most that of the page."""
    return min(MAX_WIDTH, shutil.get_terminal_size().columns) if _has_width() else MAX_WIDTH


def _has_width() -> bool:
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def _join(left: str, right: str, left_width: int, width: int) -> str:
    """Both side by side, the right one folded; below each other where the right one has no room."""
    indent = left_width + GAP
    if width - indent >= MIN_RIGHT_WIDTH:
        return textwrap.fill(right, width, initial_indent=f"{left:<{indent}}", subsequent_indent=" " * indent)
    return f"{left}\n{textwrap.fill(right, width, initial_indent='    ', subsequent_indent='    ')}"
