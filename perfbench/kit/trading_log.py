"""A loop that logs rows one by one, as a strategy does; it measures the wait for each call and the rows that a kill would lose."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from perfbench import Work
from perfbench.worker.scenario_api import ScenarioError

Row = Tuple[str, int, int, int]
Insert = Callable[[Sequence[Row]], None]

NAMES = ("market_id", "price", "size", "timestamp")
"""Prices and sizes are in hundredths, times in ms since 1970."""

COLUMNS = ", ".join(NAMES)
SCHEMA = "CREATE TABLE IF NOT EXISTS trades (market_id TEXT, price BIGINT, size BIGINT, timestamp BIGINT{})"
"""The table; ``NUMBERED`` is added where the database itself does not number rows as ``rowid`` (PostgreSQL)."""

NUMBERED = ", rowid BIGINT GENERATED ALWAYS AS IDENTITY"
INSERT = "INSERT INTO trades ({}) VALUES (?, ?, ?, ?)".format(COLUMNS)  # noqa: S608
SELECT = "SELECT {} FROM trades ORDER BY rowid".format(COLUMNS)  # noqa: S608

PAGE = bytes(4096)


class TradingLoop:
    """Logs rows one by one, like a strategy, and times each call.

    :param database: path of the database file.
    :param pause_us: microseconds that the strategy sleeps after each row.
    :param numbers: further numbers of the pass.

    Raises ScenarioError if there are no rows.
    """

    def __init__(self, rows: Sequence[Row], database: str, pause_us: float = 0.0, **numbers: float) -> None:
        if not rows:
            raise ScenarioError("rows=0: there must be at least one")
        self.rows = rows
        self.database = database
        self._numbers: Dict[str, Any] = numbers
        self._pause = pause_us / 1e6
        self._saved = 0
        self._at_risk = 0
        self._waited: List[int] = []

    def committed(self, count: int) -> None:
        """Count the rows of a commit; called after every commit, from any thread."""
        self._saved += count

    def run(self, log: Callable[[Row], None]) -> None:
        """Log every row. Rows whose call has returned and that are not committed are at risk."""
        for handed, row in enumerate(self.rows, 1):
            begun = time.perf_counter_ns()
            log(row)
            self._waited.append(time.perf_counter_ns() - begun)
            self._at_risk = max(self._at_risk, handed - self._saved)
            if self._pause:
                time.sleep(self._pause)

    def work(self, size: int, output: Iterator[Row]) -> Work:
        """The numbers at the end of a pass; ``size`` is the bytes of the database's files."""
        waited = sorted(self._waited)
        return Work(
            len(waited),
            output=output,
            latency_p50_us=waited[len(waited) // 2] / 1e3,
            latency_p999_us=waited[len(waited) * 999 // 1000] / 1e3,
            latency_max_ms=waited[-1] / 1e6,
            bytes_per_row=size / len(waited),
            at_risk_rows=self._at_risk,
            **self._numbers,
        )


class Batches:
    """Collects rows and inserts ``size`` of them at a time.

    If the database refuses a batch, the error reaches the loop, and the rows are retried with the next ones.
    """

    def __init__(self, loop: TradingLoop, insert: Insert, size: int) -> None:
        self._loop = loop
        self._insert = insert
        self._size = size
        self._rows: List[Row] = []

    def log(self, row: Row) -> None:
        """Add a row; insert all when the batch is full."""
        self._rows.append(row)
        if len(self._rows) >= self._size:
            self.flush()

    def flush(self) -> None:
        """Insert and commit the collected rows. Raises the errors of the database."""
        if self._rows:
            self._insert(self._rows)
            self._loop.committed(len(self._rows))
            self._rows = []


def stored(connect: Callable[[], Any]) -> Iterator[Row]:
    """Every row of a database, in the order in which it was logged."""
    connection = connect()
    try:
        yield from connection.cursor().execute(SELECT).fetchall()
    finally:
        connection.close()


def fsync_ms(folder: str) -> float:
    """Milliseconds of writing and syncing a page of 4 KB: the median of three."""
    file = Path(folder) / "fsync"
    took = []
    with open(str(file), "wb", buffering=0) as page:
        for _ in range(3):
            begun = time.perf_counter()
            page.write(PAGE)
            os.fsync(page.fileno())
            took.append((time.perf_counter() - begun) * 1e3)
    file.unlink()
    return statistics.median(took)
