"""Signal handling of commands that measure or serve."""

from __future__ import annotations

import signal
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType


def install_signal_handlers() -> Callable[[], bool]:
    """SIGINT and SIGTERM end a run. Returns what tells whether one of them came.

    An exception that a signal raises while an object is being finalised is lost, hence the flag.
    """
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return lambda: bool(came)


SHUTDOWN_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end the exchange; SIGHUP, which a closed terminal sends, unless it is ignored (``nohup``)."""


class ShutdownHandler:
    """Ends the exchange on the first signal after its construction, and ignores later ones.

    A handler runs wherever the main thread is, even inside another handler. A ``threading.Event`` holds a lock while it is
    set and while it is waited for, and would deadlock there; a SimpleQueue accepts items at any moment.
    """

    def __init__(self) -> None:
        self._received: SimpleQueue[int] = SimpleQueue()
        self._is_waiting = False
        for number in SHUTDOWN_SIGNALS:
            if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle_signal)

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        for other in SHUTDOWN_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        self._received.put(number)
        if not self._is_waiting:
            raise KeyboardInterrupt

    def start_waiting(self) -> None:
        """Let a signal end ``wait``; until now it raised KeyboardInterrupt and aborted the preparation.

        Raises KeyboardInterrupt if a signal has come: Python discards exceptions raised while an object is finalised.
        """
        self._is_waiting = True
        if not self._received.empty():
            raise KeyboardInterrupt

    def wait(self) -> None:
        """Block until a signal arrives."""
        self._received.get()
