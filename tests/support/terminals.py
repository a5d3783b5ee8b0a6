"""A terminal for the command line: a pseudo-terminal of a given size, and the screen that its output makes."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.command_line import variables

SEQUENCE = re.compile(r"\x1b\[(\?)?([\d;]*)([A-Za-z])")


@dataclass(frozen=True, slots=True)
class TerminalRun:
    """What a command wrote to its terminal, with the seconds at which each part came, and its exit code.

    ``out`` is its standard output, empty if that was the terminal too.
    """

    code: int
    parts: tuple[tuple[float, str], ...]
    out: str = ""

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(part for _, part in self.parts)

    @property
    def longest_silence(self) -> float:
        """The longest time between two parts in seconds, that before the first one included."""
        times = [0.0, *(when for when, _ in self.parts)]
        return max(after - before for before, after in itertools.pairwise(times))


def perfbench_on_terminal(
    *arguments: object,
    folder: Path,
    columns: int = 100,
    rows: int = 40,
    env: Mapping[str, str] | None = None,
    piped: bool = False,
    watch: Callable[[str, int], None] = lambda _text, _pid: None,
    timeout: float = 240.0,
) -> TerminalRun:
    """``perfbench …`` on a pseudo-terminal.

    :param piped: standard output is a pipe, and only standard error the terminal.
    :param watch: called with what was written so far and the process id, whenever more comes.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", *map(str, arguments)],
        stdin=follower,
        stdout=subprocess.PIPE if piped else follower,
        stderr=follower,
        cwd=folder,
        env=variables(folder, **{"TERM": "xterm-256color", **(env or {})}),
        start_new_session=True,
    )
    os.close(follower)
    start, parts = time.monotonic(), list[tuple[float, str]]()
    try:
        while time.monotonic() - start < timeout:
            if select.select([leader], [], [], 0.2)[0]:
                try:
                    data = os.read(leader, 1 << 16)
                except OSError:  # Linux reports the end of a terminal as an error
                    break
                if not data:
                    break
                parts.append((time.monotonic() - start, data.decode("utf-8", "replace")))
                watch("".join(part for _, part in parts), process.pid)
        out = process.stdout.read().decode() if process.stdout is not None else ""
        return TerminalRun(process.wait(timeout=20), tuple(parts), out)
    finally:
        os.close(leader)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def render_screen(text: str, columns: int) -> list[str]:
    """The lines that a terminal shows after this output: the sequences that Rich writes, and lines that are too long fold."""
    lines: list[list[str]] = [[]]
    row = column = place = 0
    while place < len(text):
        if match := SEQUENCE.match(text, place):
            number = int(match[2].split(";")[0] or 1) if not match[1] and match[3] != "m" else 0
            if match[3] == "A":
                row = max(0, row - number)
            elif match[3] == "K":
                lines[row] = [] if match[2] == "2" else lines[row][:column]
            place = match.end()
            continue
        character = text[place]
        place += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            column = 0
        else:
            if column >= columns:
                row, column = row + 1, 0
            while row >= len(lines):
                lines.append([])
            lines[row] += [" "] * (column + 1 - len(lines[row]))
            lines[row][column] = character
            column += 1
        while row >= len(lines):
            lines.append([])
    return ["".join(line).rstrip() for line in lines]
