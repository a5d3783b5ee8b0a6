"""The table on a terminal while it is measured, with one line below it; redrawn only between trials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from perfbench.cli import console, heartbeat

REDRAW_SHARE = 0.02
"""The share of the time that drawing may take: a table that took 10 ms to make is made again after half a second."""

MIN_REDRAW_SECONDS = 0.25
KEYS_HINT = "Ctrl-C keeps what is there"
ERASE_LINE = "\r\x1b[2K"

BuildLines = Callable[[int], Sequence[str]]
"""Makes the lines of the table in this width, with ANSI styles."""


class LiveTable:
    """The lines of a table and a status line at the bottom of a terminal, until it is closed."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """:param stream: the terminal; :param clock: seconds of a monotonic clock."""
        self._clock = clock
        self._stream = stream
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=False,
        )
        self._lines: Sequence[str] = ()
        self._status = ""
        self._next = 0.0
        self._is_drawing = False
        self._beats = heartbeat.current()

    def draw(self, status: str, build: BuildLines | None) -> None:
        """Show the status, and the table made again if it is time for that.

        :param build: None: the table stays as it is.
        """
        self._is_drawing = True
        if not self._live.is_started:
            self._live.start()
            self._beats.show = self._show_beat
        start = self._clock()
        width = console.detect_width(self._stream)
        if build is not None and start >= self._next:
            self._lines = build(width)
        self._status = f"{status} · {KEYS_HINT}" if status else KEYS_HINT
        self._live.update(self._compose(width), refresh=True)
        end = self._clock()
        if build is not None and start >= self._next:
            self._next = end + max(MIN_REDRAW_SECONDS, (end - start) / REDRAW_SHARE)
        self._is_drawing = False
        self._beats.note_line()

    def print_above(self, line: str) -> None:
        """Print a line that stays, above the table."""
        self._is_drawing = True
        self._console.print(Text(line), soft_wrap=True)
        self._is_drawing = False

    def close(self) -> None:
        """Remove the table and its status line."""
        if self._live.is_started:
            self._live.stop()
        self._beats.show = heartbeat.write_line

    def _compose(self, width: int) -> Text:
        room = max(1, self._console.height - 2)
        lines = list(self._lines)
        if len(lines) > room:
            lines = [*lines[: room - 1], "  …"]
        text = Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")
        return Text("\n", no_wrap=True, overflow="crop").join(
            [*([text] if lines else []), Text(shorten_line(self._status, width), style="dim")]
        )

    def _show_beat(self, line: str) -> None:
        """Put the time that has passed on the status line, past Rich: a pass runs."""
        if self._is_drawing:
            return
        status = shorten_line(f"{line} · {KEYS_HINT}", console.detect_width(self._stream))
        heartbeat.write_text(f"{ERASE_LINE}\x1b[2m{status}\x1b[0m")


def is_drawable(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can redraw lines."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def shorten_line(line: str, width: int) -> str:
    """The line in one column less than this width, so that no terminal folds it; what does not fit is left out at the end."""
    room = max(1, width - 1)
    return line if len(line) <= room else f"{line[: room - 1]}…"
