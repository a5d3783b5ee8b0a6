"""How SIGINT and SIGTERM end an exchange."""

from __future__ import annotations

import signal
from queue import SimpleQueue
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """From its making on the first signal ends the exchange, and later ones are without effect.

    A handler runs wherever the main thread is, be it in another handler: a ``threading.Event``, which is locked while it is set
    and while it is waited for, would then wait for itself. A SimpleQueue may be put to at any moment.
    """

    def __init__(self) -> None:
        self._came: SimpleQueue[int] = SimpleQueue()
        self._waits = False
        for number in SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        for other in SIGNALS:
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
