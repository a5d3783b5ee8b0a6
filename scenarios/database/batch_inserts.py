"""Does it pay to batch the inserts of a trading log, how long does the loop wait, and what does a kill -9 lose?

Rows are the trades of the market file, repeated to ``rows`` and logged one by one; the loop times each call. A pass ends when
all are committed and the database is closed. The slowest 1 % of calls begin at ``latency_p99_us``: with a batch of 100 those
are the commits. ``at_risk_rows`` is the maximum of logged and uncommitted rows: a ``kill -9`` loses them. SQLite then rolls
back an unfinished transaction when the file is next opened. TMPDIR selects the disk, ``fsync_ms`` in the saved run is its
latency.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from sqlite3 import Connection
from typing import Any, Iterator, NamedTuple, Sequence

from _writers import FullDisk, SecondWriter, Writer, connected, executemany, finished, in_batches, row_by_row

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.pins import DUCKDB, NUMPY, PSYCOPG
from perfbench.kit.postgres import server
from perfbench.kit.trades import repeated, trades
from perfbench.kit.trading_log import INSERT, NAMES, SCHEMA, Batches, Insert, Row, TradingLoop, fsync_ms, stored

UNIT = "rows"
METRIC = "wall_seconds"
METRICS = {
    "latency_p50_us": Metric("µs"),
    "latency_p99_us": Metric("µs"),
    "latency_max_ms": Metric("ms"),
    "bytes_per_row": Metric("bytes"),
    "at_risk_rows": Metric("rows"),
}
QUICK = {"rows": 60, "batch": 20}
NOTES = "community notes"
CLAIMS = [
    Claim("commit_per_row", "executemany_batches", 1.0, NOTES, text="batch your inserts", better="wal_batches"),
    Claim("commit_per_row", "executemany_batches", 1.0, NOTES, "latency_p99_us", "batch your inserts", "writer_thread"),
]


@setup
def loop(market: str, *, rows: int = 1_000, pause_us: float = 0.0) -> Iterator[TradingLoop]:
    """Rows to log, a pause after each in microseconds, and a folder for the database."""
    logged = [(number, *trade[1:]) for number, trade in enumerate(repeated(trades(market), rows))]
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        yield TradingLoop(logged, os.path.join(folder, "trades.db"), pause_us, fsync_ms=fsync_ms(folder))


@setup
def sqlite(loop: TradingLoop) -> Connection:
    """SQLite's defaults: every commit waits for the disk."""
    return connected(loop.database)


@setup
def wal(loop: TradingLoop) -> Connection:
    """SQLite with a write-ahead log: a commit does not wait for the disk."""
    return connected(loop.database, wal=True)


@mode(baseline=True)
def commit_per_row(loop: TradingLoop, sqlite: Connection) -> Work:
    """INSERT and COMMIT for every row, SQLite's defaults."""
    return row_by_row(loop, sqlite)


@mode
def one_transaction(loop: TradingLoop, sqlite: Connection) -> Work:
    """INSERT for every row, one COMMIT at the end: a kill loses everything."""
    loop.run(lambda row: sqlite.execute(INSERT, row))  # type: ignore[arg-type, return-value]
    sqlite.commit()
    loop.committed(len(loop.rows))
    return finished(loop, sqlite)


@mode
def executemany_batches(loop: TradingLoop, sqlite: Connection, *, batch: int = 100) -> Work:
    """As advised: rows are collected, executemany and COMMIT for each batch."""
    return in_batches(loop, sqlite, executemany(sqlite), batch)


@mode
def wal_rows(loop: TradingLoop, wal: Connection) -> Work:
    """COMMIT for every row, but WAL and synchronous=NORMAL: only a power cut loses rows."""
    return row_by_row(loop, wal)


@mode
def wal_batches(loop: TradingLoop, wal: Connection, *, batch: int = 100) -> Work:
    """executemany for each batch, WAL and synchronous=NORMAL."""
    return in_batches(loop, wal, executemany(wal), batch)


@mode
def writer_thread(loop: TradingLoop, wal: Connection, *, batch: int = 100) -> Work:
    """A queue, and a thread that inserts from it (WAL, NORMAL, executemany)."""
    thread = Writer(loop, lambda: executemany(connected(loop.database, wal=True)), batch)
    try:
        loop.run(thread.log)
    finally:
        thread.close()
    return finished(loop, wal)


@mode(needs=[DUCKDB, NUMPY])
def duckdb_columns(loop: TradingLoop, duckdb: Any, *, batch: int = 100) -> Work:
    """DuckDB: each batch as NumPy columns, INSERT … SELECT (Python has no appender for rows)."""
    return in_batches(loop, duckdb, columns(duckdb), batch, duckdb_opened)


@mode(needs=[DUCKDB, NUMPY], group="databases")
def duckdb_executemany(loop: TradingLoop, duckdb: Any, *, batch: int = 100) -> Work:
    """DuckDB: executemany and COMMIT for each batch."""
    return in_batches(loop, duckdb, duckdb_many(duckdb), batch, duckdb_opened)


@mode(needs=[PSYCOPG])
def postgres_copy(loop: TradingLoop, postgresql: Postgres, *, batch: int = 100) -> Work:
    """PostgreSQL: COPY and COMMIT for each batch."""
    return postgresql.in_batches(loop, copied(postgresql.connection), batch)


@mode(needs=[PSYCOPG], group="databases")
def postgres_executemany(loop: TradingLoop, postgresql: Postgres, *, batch: int = 100) -> Work:
    """PostgreSQL: executemany and COMMIT for each batch."""
    return postgresql.in_batches(loop, postgres_many(postgresql.connection), batch)


@mode(group="traps")
def full_disk(loop: TradingLoop, sqlite: Connection, *, batch: int = 100, rollback: str = "advised") -> Work:
    """Trap: each batch hits a full disk first; counts how often the advised ROLLBACK hides it (--set rollback=checked: never)."""
    disk = FullDisk(sqlite, rollback)
    work = in_batches(loop, sqlite, disk.insert, batch)
    work.numbers.update(errors=disk.errors, masked_errors=disk.masked)
    return work


@mode(group="traps")
def second_writer(loop: TradingLoop, sqlite: Connection, *, batch: int = 100, begin: str = "deferred") -> Work:
    """Trap: another writer is active when a batch begins; a BEGIN that reads first fails at once (--set begin=immediate waits)."""
    writer = SecondWriter(sqlite, loop.database, begin)
    work = in_batches(loop, sqlite, writer.insert, batch)
    work.numbers["failed_at_once"] = writer.failed_at_once
    return work


def duckdb_opened(database: str) -> Any:
    """A DuckDB file with the table in it."""
    connection = importlib.import_module("duckdb").connect(database)
    connection.execute(SCHEMA.format("BIGINT"))
    return connection


@setup
def duckdb(loop: TradingLoop) -> Any:
    """A DuckDB file as the database of the loop."""
    return duckdb_opened(loop.database)


def columns(connection: Any) -> Insert:
    """Insert a batch as NumPy columns, which DuckDB reads in place: the closest to the appender of its other clients."""

    numpy = importlib.import_module("numpy")
    kinds = {name: object if name == "market" else numpy.int64 for name in NAMES}

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


class Postgres(NamedTuple):
    """A connection to a server with the table, and the conninfo to reconnect."""

    connection: Any
    conninfo: str

    def in_batches(self, loop: TradingLoop, insert: Insert, size: int) -> Work:
        """A pass that inserts ``size`` rows at a time, the remaining ones at the end."""
        batches = Batches(loop, insert, size)
        loop.run(batches.log)
        batches.flush()
        (written,) = self.connection.execute("SELECT pg_total_relation_size('trades')").fetchone()
        self.connection.close()
        psycopg = importlib.import_module("psycopg")
        return loop.work(written, stored(lambda: psycopg.connect(self.conninfo)))


@setup
def postgresql(*, postgres: str = "") -> Iterator[Postgres]:
    """A private server, or the one at a URL. Raises NotAvailable without one."""
    with server(postgres) as conninfo:
        connection = importlib.import_module("psycopg").connect(conninfo)
        with connection.transaction():
            connection.execute(SCHEMA.format("BIGINT"))
        yield Postgres(connection, conninfo)
        connection.close()


def copied(connection: Any) -> Insert:
    """COPY in a transaction of its own."""

    def insert(rows: Sequence[Row]) -> None:
        with connection.transaction(), connection.cursor().copy("COPY trades FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    return insert


def postgres_many(connection: Any) -> Insert:
    """executemany in a transaction of its own; psycopg sends it as one pipeline."""

    def insert(rows: Sequence[Row]) -> None:
        with connection.transaction():
            connection.cursor().executemany(INSERT.replace("?", "%s"), rows)

    return insert
