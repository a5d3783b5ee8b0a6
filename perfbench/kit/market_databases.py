"""Databases of market data with one interface: SQLite, DuckDB and PostgreSQL."""

from __future__ import annotations

import csv
import importlib
import io
import os
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple

from perfbench import NotAvailable
from perfbench.kit.market_store import TABLES, Further, Store

Row = Tuple[Any, ...]

LOADED = ("market_data", "trades")
PLAN = "EXPLAIN QUERY PLAN "
DISK_READ = "read_bytes: "


class Database:
    """A database with ``market_data`` and ``trades`` in it."""

    def rows(self, query: str, values: Sequence[Any] = ()) -> List[Row]:
        """All rows of a query; values replace its question marks."""
        raise NotImplementedError

    def plan(self, query: str, values: Sequence[Any]) -> str:
        """The query plan."""
        raise NotImplementedError

    def append(self, further: Further) -> float:
        """Add rows to their tables in one transaction, in the fastest way of this database. Returns the seconds."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes of its files."""
        raise NotImplementedError

    def reopen(self) -> None:
        """Reconnect: caches and settings of the connection are as after opening; the system's cache of the file stays."""
        raise NotImplementedError

    def chill(self) -> None:
        """Drop what is in memory: a fresh connection, and a file that must be read from disk. Raises NotAvailable."""
        raise NotAvailable("cache=cold: the cache of a server cannot be emptied from outside: use cache=warm")


class SQLite(Database):
    """A SQLite file, by Python's own module; autocommit unless in a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(str(path), isolation_level=None)

    def rows(self, query: str, values: Sequence[Any] = ()) -> List[Row]:
        """All rows."""
        return self.connection.execute(query, values).fetchall()

    def plan(self, query: str, values: Sequence[Any]) -> str:
        """EXPLAIN QUERY PLAN."""
        return "; ".join(str(row[-1]) for row in self.rows(PLAN + query, values))

    def append(self, further: Further) -> float:
        """executemany between BEGIN IMMEDIATE and COMMIT."""
        start = time.perf_counter()
        self.connection.execute("BEGIN IMMEDIATE")
        for table, rows in further:
            self.connection.executemany("INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?)".format(table), rows)  # noqa: S608
        self.connection.execute("COMMIT")
        return time.perf_counter() - start

    def size(self) -> int:
        """Bytes of the pages in use."""
        (pages,), (free,), (size,) = (
            self.rows("PRAGMA " + name)[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def reopen(self) -> None:
        """Reconnect: SQLite's own cache is empty, and its pragmas are the defaults."""
        self.connection.close()
        self.connection = sqlite3.connect(str(self.path), isolation_level=None)

    def chill(self) -> None:
        """Reconnect, and drop the pages of the file from the system's cache."""
        self.connection.close()
        forget(self.path)
        self.connection = sqlite3.connect(str(self.path), isolation_level=None)


class DuckDB(Database):
    """A DuckDB file with the rows of a store."""

    def __init__(self, path: Path, store: Store) -> None:
        duckdb = importlib.import_module("duckdb")

        self.path, self.connect = path, duckdb.connect
        self.connection = duckdb.connect(str(path))
        for table in LOADED:
            self.connection.execute(
                "CREATE TABLE {} ({})".format(
                    table, TABLES[table].replace("{} PRIMARY KEY", "BIGINT").replace("{}", "BIGINT")
                )
            )
            self.connection.execute("COPY {} FROM '{}' (HEADER false)".format(table, store.csv(table)))
        self.connection.execute("CHECKPOINT")

    def rows(self, query: str, values: Sequence[Any] = ()) -> List[Row]:
        """All rows."""
        rows: List[Row] = self.connection.execute(query, values).fetchall()
        return rows

    def plan(self, query: str, values: Sequence[Any]) -> str:
        """EXPLAIN."""
        return "; ".join(str(row[-1]) for row in self.rows("EXPLAIN " + query, values))

    def append(self, further: Further) -> float:
        """COPY from CSV files, which are written before: executemany is much slower."""
        with tempfile.TemporaryDirectory(dir=str(self.path.parent)) as folder:
            files = []
            for table, rows in further:
                if rows:
                    files.append((table, Path(folder) / (table + ".csv")))
                    files[-1][1].write_text(as_csv(rows), encoding="ascii")
            start = time.perf_counter()
            self.connection.begin()
            for table, file in files:
                self.connection.execute("COPY {} FROM '{}' (HEADER false)".format(table, file))
            self.connection.commit()
            return time.perf_counter() - start

    def size(self) -> int:
        """Bytes of the file after a checkpoint."""
        self.connection.execute("CHECKPOINT")
        return os.path.getsize(str(self.path))

    def reopen(self) -> None:
        """Reconnect: the buffers of DuckDB are empty."""
        self.connection.close()
        self.connection = self.connect(str(self.path))

    def chill(self) -> None:
        """Reconnect, and drop the pages of the file from the system's cache."""
        self.connection.close()
        forget(self.path)
        self.connection = self.connect(str(self.path))


class PostgreSQL(Database):
    """An empty database or schema of a server, filled with the rows of a store."""

    def __init__(self, conninfo: str, store: Store) -> None:
        psycopg = importlib.import_module("psycopg")

        self.connection = psycopg.connect(conninfo, autocommit=True)
        for table in LOADED:
            self.rows("CREATE TABLE {} ({})".format(table, TABLES[table].replace("{}", "BIGINT")))
            with open(str(store.csv(table)), encoding="ascii") as rows:
                self._copy(table, rows)

    def _copy(self, table: str, rows: Any) -> None:
        with self.connection.cursor().copy("COPY {} FROM STDIN (FORMAT csv)".format(table)) as copy:
            for block in iter(lambda: rows.read(1 << 20), ""):
                copy.write(block)

    def rows(self, query: str, values: Sequence[Any] = ()) -> List[Row]:
        """All rows."""
        cursor = self.connection.execute(query.replace("?", "%s"), values or None)
        return cursor.fetchall() if cursor.description else []

    def plan(self, query: str, values: Sequence[Any]) -> str:
        """EXPLAIN."""
        return "; ".join(str(row[0]).strip() for row in self.rows("EXPLAIN " + query, values))

    def append(self, further: Further) -> float:
        """COPY."""
        texts = [(table, io.StringIO(as_csv(rows))) for table, rows in further]
        start = time.perf_counter()
        with self.connection.transaction():
            for table, text in texts:
                self._copy(table, text)
        return time.perf_counter() - start

    def size(self) -> int:
        """Bytes of both tables with their indexes."""
        return sum(self.rows("SELECT pg_total_relation_size('{}')".format(table))[0][0] for table in LOADED)


def as_csv(rows: List[Row]) -> str:
    """The rows as text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def forget(path: Path) -> None:
    """Drop the pages of a file from the system's cache. Raises NotAvailable where that is not possible."""
    if not hasattr(os, "posix_fadvise"):
        raise NotAvailable("cache=cold: this system has no posix_fadvise: use cache=warm")
    with open(str(path), "rb+") as file:
        os.fsync(file.fileno())  # pages that are not yet on the disk would stay
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def from_the_disk() -> Iterator[None]:
    """Require that the body reads from disk. Raises NotAvailable if it did not, because the file is in memory."""
    before = read_from_disk()
    yield
    if read_from_disk() == before:
        raise NotAvailable("cache=cold: the folder of temporary files is in memory (TMPDIR): use cache=warm")


def read_from_disk() -> int:
    """Bytes that this process has read from disk so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line[len(DISK_READ) :] for line in lines if line.startswith(DISK_READ)))
