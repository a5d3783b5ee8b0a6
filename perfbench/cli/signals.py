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


SHUTDOWN_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ShutdownHandler:
    """From its making on the first signal ends the exchange, and later ones are without effect.

    A handler runs wherever the main thread is, be it in another handler: a ``threading.Event``, which is locked while it is set
    and while it is waited for, would then wait for itself. A SimpleQueue may be put to at any moment.
    """

    def __init__(self) -> None:
        self._came: SimpleQueue[int] = SimpleQueue()
        self._waits = False
        for number in SHUTDOWN_SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        for other in SHUTDOWN_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        self._came.put(number)
        if not self._waits:
            raise KeyboardInterrupt

    def open(self) -> None:
        """Until now a signal raised KeyboardInterrupt: what was still being prepared is given up.

        Raises it again if it was lost, as an exception is that a signal raises while an object is being finalised.
        """
        self._waits = True
        if not self._came.empty():
            raise KeyboardInterrupt

    def wait(self) -> None:
        """Until a signal has come."""
        self._came.get()
