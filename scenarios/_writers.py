"""A trading loop that logs rows into a database, and the ways to write them: shared by the modes of batch_inserts.

The metrics of all modes are measured here: how long the loop waited for each call, the maximum of uncommitted rows, the size of
the files.
"""

from __future__ import annotations

import glob
import os
import queue
import sqlite3
import statistics
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from perfbench import Work
from perfbench.worker.scenario_api import ScenarioError

Row = Tuple[int, str, int, int, int, int]
Insert = Callable[[Sequence[Row]], None]

NAMES = ("sequence", "market", "runner", "published", "price", "size")
"""Times are in ms since 1970, prices and sizes in hundredths."""

SCHEMA = """CREATE TABLE IF NOT EXISTS trades (
    sequence {}, market TEXT, runner BIGINT, published BIGINT, price BIGINT, size BIGINT)"""
INSERT = "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?)"
SELECT = "SELECT sequence, market, runner, published, price, size FROM trades ORDER BY sequence"

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
        self._numbers = numbers
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
            latency_p99_us=waited[len(waited) * 99 // 100] / 1e3,
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


class Writer:
    """A thread that inserts rows from an unbounded queue, at most ``size`` at a time.

    :param opened: makes the insert, in the thread: a connection of sqlite3 belongs to the thread that made it.
    """

    def __init__(self, loop: TradingLoop, opened: Callable[[], Insert], size: int) -> None:
        self._loop = loop
        self._size = size
        self._queue: "queue.SimpleQueue[Optional[Row]]" = queue.SimpleQueue()
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._serve, args=(opened,))
        self._thread.start()
        self.log: Callable[[Row], None] = self._queue.put

    def close(self) -> None:
        """Wait until every row is committed. Raises the error of the thread."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _serve(self, opened: Callable[[], Insert]) -> None:
        try:
            insert = opened()
            while self._insert_next(insert):
                pass
        except BaseException as error:  # close() raises it
            self._error = error

    def _insert_next(self, insert: Insert) -> bool:
        """Wait for a row, insert it with those behind it. False at the end."""
        entries = [self._queue.get()]
        while entries[-1] is not None and len(entries) < self._size and not self._queue.empty():
            entries.append(self._queue.get())
        rows = [row for row in entries if row is not None]
        if rows:
            insert(rows)
            self._loop.committed(len(rows))
        return len(rows) == len(entries)


def connected(database: str, *, wal: bool = False) -> sqlite3.Connection:
    """SQLite with the table in it: as it comes (DELETE, FULL), or with a write-ahead log and ``synchronous=NORMAL``.

    NORMAL does not wait for the disk at each commit. A killed process loses nothing by that, but a power cut may take the last
    commits, and never tears one (sqlite.org/pragma.html#pragma_synchronous).
    """
    connection = sqlite3.connect(database, timeout=30.0)
    if wal:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(SCHEMA.format("INTEGER PRIMARY KEY"))
    return connection


def executemany(connection: sqlite3.Connection) -> Insert:
    """One transaction per batch: committed at its end, rolled back if anything fails."""

    def insert(rows: Sequence[Row]) -> None:
        with connection:
            connection.executemany(INSERT, rows)

    return insert


def row_by_row(loop: TradingLoop, connection: sqlite3.Connection) -> Work:
    """A pass with INSERT and COMMIT for each row."""

    def log(row: Row) -> None:
        connection.execute(INSERT, row)
        connection.commit()
        loop.committed(1)

    loop.run(log)
    return finished(loop, connection)


def in_batches(
    loop: TradingLoop, connection: Any, insert: Insert, size: int, connect: Callable[[str], Any] = sqlite3.connect
) -> Work:
    """A pass that inserts ``size`` rows at a time, the remaining ones at the end."""
    batches = Batches(loop, insert, size)
    loop.run(batches.log)
    batches.flush()
    return finished(loop, connection, connect)


def finished(loop: TradingLoop, connection: Any, connect: Callable[[str], Any] = sqlite3.connect) -> Work:
    """The work of a pass whose rows are all committed; the connection is closed within it, which empties a write-ahead log.

    The files count as they are before that. A timed pass does not read the rows back.
    """
    size = sum(os.path.getsize(file) for file in glob.glob(glob.escape(loop.database) + "*"))
    connection.close()
    return loop.work(size, stored(lambda: connect(loop.database)))


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
