"""A trading loop that logs rows into a database, and the ways to write them: shared by the modes of batch_inserts.

The metrics of all modes are measured here: how long the loop waited for each call, the maximum of uncommitted rows, the size of
the files.
"""

from __future__ import annotations

import glob
import importlib
import os
import queue
import sqlite3
import threading
import time
from typing import Any, Callable, Mapping, Optional, Sequence, TypeVar

from perfbench import Work
from perfbench.kit import ScenarioError
from perfbench.kit.trading_log import COLUMNS, INSERT, NAMES, SCHEMA, Batches, Insert, Row, TradingLoop, stored


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
    connection.execute(SCHEMA.format(""))
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
    """A pass that inserts ``size`` rows at a time, the remaining ones at the end; ``connection`` is None if none is open."""
    batches = Batches(loop, insert, size)
    loop.run(batches.log)
    batches.flush()
    return finished(loop, connection, connect)


def finished(loop: TradingLoop, connection: Any, connect: Callable[[str], Any] = sqlite3.connect) -> Work:
    """The work of a pass whose rows are all committed; an open connection is closed within it, which empties a write-ahead log.

    The files count as they are before that. A timed pass does not read the rows back.
    """
    size = sum(os.path.getsize(file) for file in glob.glob(glob.escape(loop.database) + "*"))
    if connection is not None:
        connection.close()
    return loop.work(size, stored(lambda: connect(loop.database)))


def columns(connection: Any) -> Insert:
    """Insert a batch as NumPy columns, which DuckDB reads in place: the closest to the appender of its other clients."""

    numpy = importlib.import_module("numpy")
    kinds = {name: object if name == "market_id" else numpy.int64 for name in NAMES}

    def insert(rows: Sequence[Row]) -> None:
        batch = {name: numpy.array([row[place] for row in rows], kinds[name]) for place, name in enumerate(NAMES)}
        connection.register("batch", batch)
        connection.execute("INSERT INTO trades SELECT * FROM batch")

    return insert


def duckdb_many(connection: Any) -> Insert:
    """executemany in a transaction of its own."""

    def insert(rows: Sequence[Row]) -> None:
        connection.begin()
        try:
            connection.executemany(INSERT, rows)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    return insert


def copied(connection: Any) -> Insert:
    """COPY in a transaction of its own."""

    def insert(rows: Sequence[Row]) -> None:
        with connection.transaction(), connection.cursor().copy("COPY trades ({}) FROM STDIN".format(COLUMNS)) as copy:
            for row in rows:
                copy.write_row(row)

    return insert


def postgres_many(connection: Any) -> Insert:
    """executemany in a transaction of its own; psycopg sends it as one pipeline."""

    def insert(rows: Sequence[Row]) -> None:
        with connection.transaction():
            connection.cursor().executemany(INSERT.replace("?", "%s"), rows)

    return insert


HELD = 0.005
"""Seconds for which the second writer locks the database."""

BEGINS = {"deferred": "BEGIN", "immediate": "BEGIN IMMEDIATE"}

Choice = TypeVar("Choice")


Save = Callable[[str, Sequence[Row], Callable[[str], sqlite3.Connection]], None]
"""Saves a batch with a connection of its own: the path of the database, the rows, and what connects."""


class FullDisk:
    """Saves each batch twice: on a full disk, and with room again. Counts the errors, and those that hid the real one."""

    def __init__(self, database: str, save: Save) -> None:
        self._database = database
        self._save = save
        self.errors = 0
        self.masked = 0

    def insert(self, rows: Sequence[Row]) -> None:
        """Save a batch. It may fit into the existing pages of the file: then once is enough."""
        try:
            self._save(self._database, rows, without_room)
        except sqlite3.OperationalError as error:
            self.errors += 1
            self.masked += "no transaction is active" in str(error)
            self._save(self._database, rows, sqlite3.connect)


def without_room(database: str) -> sqlite3.Connection:
    """A connection for which the file cannot grow, as on a full disk."""
    connection = sqlite3.connect(database)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute("PRAGMA max_page_count = {}".format(pages))
    return connection


def chosen(name: str, value: str, choices: Mapping[str, Choice]) -> Choice:
    """The choice with this name. Raises ScenarioError if there is none."""
    if value not in choices:
        raise ScenarioError("{}={}: choose {}".format(name, value, " or ".join(choices)))
    return choices[value]


class SecondWriter:
    """Saves each batch while another connection writes, and tries again when SQLite says that the database is locked.

    Reads the last row first, as a restarted logger does.

    :param begin: ``deferred`` is the default of BEGIN: the first statement decides, here a read. When that transaction wants to
        write, SQLite does not wait however long the timeout, because the other one may be waiting for this reader. ``immediate``
        acquires the write lock at once, and waits for it.
    """

    def __init__(self, connection: sqlite3.Connection, database: str, begin: str) -> None:
        self._connection = connection
        self._database = database
        self._begin = chosen("begin", begin, BEGINS)
        self.failed_at_once = 0

    def insert(self, rows: Sequence[Row]) -> None:
        """Save a batch, however often it takes."""
        locked = threading.Event()
        other = threading.Thread(target=self._hold, args=(locked,))
        other.start()
        locked.wait()
        while not self._saved(rows):
            self.failed_at_once += 1
        other.join()

    def _saved(self, rows: Sequence[Row]) -> bool:
        try:
            with self._connection:
                self._connection.execute(self._begin)
                self._connection.execute("SELECT max(rowid) FROM trades").fetchone()
                self._connection.executemany(INSERT, rows)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            return False
        return True

    def _hold(self, locked: threading.Event) -> None:
        other = connected(self._database)
        try:
            with other:
                other.execute("BEGIN IMMEDIATE")
                locked.set()
                time.sleep(HELD)
        finally:
            locked.set()
            other.close()
