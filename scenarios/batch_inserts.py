"""Does it pay to batch the inserts of a trading log, how long does the loop wait, and what does a kill -9 lose?

Rows are the trades of the market file, repeated to ``rows`` and logged one by one; the loop times each call. A pass ends when
all are committed and the database is closed. The slowest 1 % of calls begin at ``latency_p99_us``: with a batch of 100 those
are the commits. ``at_risk_rows`` is the maximum of logged and uncommitted rows: a ``kill -9`` loses them. SQLite then rolls
back an unfinished transaction when the file is next opened. TMPDIR selects the disk, ``fsync_ms`` in the saved run is its
latency.
"""

from __future__ import annotations

import os
import tempfile
from sqlite3 import Connection
from typing import Any, Iterator

from _log_servers import Postgres, columns, copied, duckdb, duckdb_many, duckdb_opened, postgres_many, postgresql
from _postgres import PSYCOPG
from _prices import repeated, trades
from _sqlite_traps import FullDisk, SecondWriter
from _writers import INSERT, TradingLoop, Writer, connected, executemany, finished, fsync_ms, in_batches, row_by_row

from perfbench import Claim, Metric, Work, mode, setup

__all__ = ["duckdb", "postgresql"]

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
NOTES = "performance notes of the community"
CLAIMS = [
    Claim("commit_per_row", "executemany_batches", 1.0, NOTES, text="batch your inserts", better="wal_batches"),
    Claim("commit_per_row", "executemany_batches", 1.0, NOTES, "latency_p99_us", "batch your inserts", "writer_thread"),
]
DUCKDB = ["duckdb==1.4.4", "numpy==2.2.6"]


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


@mode(needs=DUCKDB)
def duckdb_columns(loop: TradingLoop, duckdb: Any, *, batch: int = 100) -> Work:
    """DuckDB: each batch as NumPy columns, INSERT … SELECT (Python has no appender for rows)."""
    return in_batches(loop, duckdb, columns(duckdb), batch, duckdb_opened)


@mode(needs=DUCKDB, group="databases")
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
