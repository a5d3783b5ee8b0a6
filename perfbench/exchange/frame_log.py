"""Log of sent frames, written while the exchange runs."""

from __future__ import annotations

import csv
import threading
import time
from contextlib import suppress
from pathlib import Path

from perfbench.exchange.metrics import Frame

COLUMNS = ("connection", "clk", "due", "sent", "bytes")
FLUSH_SECONDS = 1.0
"""Interval at which rows reach the file: an exchange that is killed loses at most so much."""


class FrameLog:
    """CSV file with a row for every frame. Thread-safe.

    The first error of the file ends the log, not the exchange; ``close`` raises it.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and write the header. Raises OSError."""
        self._lock = threading.Lock()
        self._error: OSError | None = None
        self._flushed_at = time.monotonic()
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        try:
            self._rows.writerow(COLUMNS)
            self._file.flush()
        except OSError:
            with suppress(OSError):
                self._file.close()
            raise

    def record(self, connection: str, frame: Frame) -> None:
        """Write a row."""
        with self._lock:
            if self._error is not None or self._file.closed:
                return
            try:
                self._rows.writerow((connection, frame.number, frame.due, frame.sent, frame.size))
                if frame.sent - self._flushed_at > FLUSH_SECONDS:
                    self._flushed_at = frame.sent
                    self._file.flush()
            except OSError as error:
                self._error = error

    def close(self) -> None:
        """Close the file. Raises OSError if any row could not be written."""
        with self._lock:
            try:
                self._file.close()
            except OSError as error:
                self._error = self._error or error
                with suppress(OSError):
                    self._file.close()
            if self._error is not None:
                raise self._error
