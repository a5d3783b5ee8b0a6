"""Progress of work that is counted: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from perfbench.cli import heartbeat
from perfbench.cli.live_table import is_drawable


class CountProgress:
    """Shows how much is done on standard error; a context manager that removes the bar."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        """:param text: what is done; :param clock: seconds of a monotonic clock."""
        self._text = text
        self._clock = clock
        self._start = clock()
        self._beats = heartbeat.current() if clock is time.monotonic else heartbeat.Heartbeat("", clock)
        self._done, self._total = 0, 0
        self._bar: Progress | None = None
        if is_drawable(sys.stderr):
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(text, total=None)

    def __enter__(self) -> CountProgress:
        """Show the bar."""
        self._beats.describe = self._describe
        if self._bar is not None:
            self._bar.start()
            self._beats.show = lambda _line: None  # the bar is alive
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the bar."""
        self._beats.describe, self._beats.show = str, heartbeat.write_line
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show that this many of all are done."""
        self._done, self._total = done, total
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif self._beats.is_due and done:
            print(f"{self._describe()}", file=sys.stderr, flush=True)
            self._beats.note_line()

    def _describe(self) -> str:
        """``checking: 120 of 2,000, 40 s left``."""
        if not self._done:
            return self._text
        left = (self._clock() - self._start) / self._done * (self._total - self._done)
        return f"{self._text}: {self._done:,} of {self._total:,}, {left:.0f} s left"
