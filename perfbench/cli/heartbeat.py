"""A line on standard error wherever nothing was printed for ten seconds.

A timer of the kernel interrupts the main thread, which writes one line and goes on. No thread is started: workers are forked from a
process without any (``runner/worker_process.py``). The cost of a beat is one write in ten seconds, also while a pass runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perfbench.util.activity import describe_activity
from perfbench.util.formatting import make_printable

LINE_INTERVAL = 10.0
"""Seconds in which at least one line is printed where there is no terminal."""

BEAT_SECONDS = 9.5
"""Seconds without a line after which the timer interrupts."""


class Heartbeat:
    """Prints what a command is doing after ten seconds without a line. A command has one, the ``current``.

    ``describe`` says what is done, where lower layers say nothing; ``show`` prints the line, and is replaced while something else
    is drawn on the terminal.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """:param name: of the command; :param clock: seconds of a monotonic clock."""
        self._name = name
        self._clock = clock
        self._start = self._last = clock()
        self._is_running = False
        self.describe: Callable[[], str] = str
        self.show: Callable[[str], None] = write_line

    @property
    def spent(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._start

    @property
    def is_due(self) -> bool:
        """Whether the last line is ten seconds old."""
        return self._clock() - self._last >= LINE_INTERVAL

    def format_line(self, text: str) -> str:
        """``40 s: replay round 3: lightweight + full``."""
        return make_printable(f"{self.spent:.0f} s: {text}")

    def note_line(self) -> None:
        """A line was printed: the next beat is ten seconds away."""
        self._last = self._clock()
        if self._is_running:
            signal.setitimer(signal.ITIMER_REAL, BEAT_SECONDS)

    def start(self) -> None:
        """Let the timer run, unless this is no main thread, or the timer belongs to somebody else."""
        is_free = hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        if is_free and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._beat)
            self._is_running = True
            self.note_line()

    def stop(self) -> None:
        """Stop the timer."""
        if self._is_running:
            self._is_running = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _beat(self, *_signal: object) -> None:
        text = describe_activity() or self.describe() or f"perfbench {self._name}"
        with contextlib.suppress(OSError):  # a terminal that was closed takes no more lines
            self.show(self.format_line(text))
        self.note_line()


def write_line(line: str) -> None:
    """Write a line to standard error."""
    write_text(f"{line}\n")


def write_text(text: str) -> None:
    """Write to standard error at one stroke, past Python's buffers: they may be in use by what was interrupted."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    os.write(2, text.encode(encoding, "replace"))


_running: list[Heartbeat] = []


def current() -> Heartbeat:
    """The heartbeat of the command that runs; one that never beats where there is none, as under ``--quiet``."""
    return _running[-1] if _running else Heartbeat("")


@contextmanager
def beating(name: str) -> Iterator[None]:
    """Print a line at least every ten seconds while the block runs."""
    heartbeat = Heartbeat(name)
    _running.append(heartbeat)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
        _running.remove(heartbeat)
