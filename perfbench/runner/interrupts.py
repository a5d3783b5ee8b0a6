"""SIGINT, SIGTERM and SIGHUP while something is measured."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Interrupts:
    """The signals that have come since the handlers were installed."""

    _received: list[int] = field(default_factory=list)

    @property
    def received(self) -> bool:
        """Whether a signal has come."""
        return bool(self._received)

    @property
    def hung_up(self) -> bool:
        """Whether the first signal was SIGHUP: the terminal or the connection to it was closed."""
        return self._received[:1] == [signal.SIGHUP]

    def raise_if_received(self) -> None:
        """Raise KeyboardInterrupt if a signal has come: the exception of the handler is lost in a finaliser."""
        if self._received:
            raise KeyboardInterrupt

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler. Raises KeyboardInterrupt."""
        self._received.append(number)
        raise KeyboardInterrupt


@contextmanager
def handle_interrupts() -> Iterator[Interrupts]:
    """Turn the signals into KeyboardInterrupt; the previous handlers are restored at the end.

    Signal handlers belong to the main thread: in any other thread nothing is installed. Under ``nohup`` a hang-up stays ignored.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    handled = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, interrupts.handle) for number in handled}
    try:
        yield interrupts
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
