"""Progress of work that is counted: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from perfbench.cli.progress import LINE_INTERVAL


class CountProgress:
    """Shows how much is done on standard error; a context manager that removes the bar."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        """:param text: what is done; :param clock: seconds of a monotonic clock."""
        self._text = text
        self._clock = clock
        self._start = self._last = clock()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(text, total=None)

    def __enter__(self) -> CountProgress:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show that this many of all are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
            return
        now = self._clock()
        if now - self._last < LINE_INTERVAL or not done:
            return
        self._last = now
        left = (now - self._start) / done * (total - done)
        print(f"{self._text}: {done:,} of {total:,}, {left:.0f} s left", file=sys.stderr, flush=True)
