"""Does it pay to batch the inserts of a trading log, how long does the loop wait, and what does a kill -9 lose?

Rows are the trades of the market file, repeated to ``rows`` and logged one by one; the loop times each call. A pass ends when
all are committed and the database is closed. With a batch of 100 one call in 100 commits: ``latency_p999_us`` is what the
slowest tenth of those wait at least, so it takes 50,000 rows to have 500 of them. Of the promised “no latency” a tenth of the
latency of a commit for each row is accepted.

``at_risk_rows`` is the maximum of logged and uncommitted rows: a ``kill -9`` loses them. SQLite then rolls back an unfinished
transaction when the file is next opened. TMPDIR selects the disk, ``fsync_ms`` in the saved run is its latency: where a commit
takes milliseconds, a pass of 50,000 takes minutes, and ``--set rows=1000`` is enough for the throughput.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
from sqlite3 import Connection
from typing import Any, Callable, Iterator, NamedTuple, Sequence

from _writers import (
    FullDisk,
    SecondWriter,
    Writer,
    chosen,
    columns,
    connected,
    copied,
    duckdb_many,
    executemany,
    finished,
    in_batches,
    postgres_many,
    row_by_row,
)

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.pins import DUCKDB, NUMPY, PSYCOPG
from perfbench.kit.postgres import server
from perfbench.kit.trades import repeated, trades
from perfbench.kit.trading_log import (
    INSERT,
    NUMBERED,
    SCHEMA,
    Batches,
    Insert,
    Row,
    TradingLoop,
    fsync_ms,
    stored,
)

UNIT = "rows"
METRIC = "wall_seconds"
METRICS = {
    "latency_p50_us": Metric("µs"),
    "latency_p999_us": Metric("µs"),
    "latency_max_ms": Metric("ms"),
    "bytes_per_row": Metric("bytes"),
    "at_risk_rows": Metric("rows"),
}
QUICK = {"rows": 60, "batch": 20}
QUICK_LINES = 4_000
NOTES = "community notes"
FASTER, NO_LATENCY = "batched inserts: 5–10x faster", "batched inserts: no latency in real-time logging"
CLAIMS = [
    Claim("commit_per_row", "advised_batches", 5.0, NOTES, text=FASTER, better="wal_batches"),
    Claim("commit_per_row", "advised_batches", 10.0, NOTES, "latency_p999_us", NO_LATENCY, "writer_thread"),
    Claim("commit_per_row", "advised_batches", 10.0, NOTES, "latency_max_ms", NO_LATENCY, "writer_thread"),
]


def save_as_advised(database: str, rows: Sequence[Row], connect: Callable[[str], Connection] = sqlite3.connect) -> None:
    """The advised code: a connection for this batch, BEGIN, executemany, COMMIT; on an error ROLLBACK and raise.

    SQLite ends the transaction itself when the disk is full: then the ROLLBACK fails, and the user sees ``cannot rollback - no
    transaction is active`` instead of the real error. The same happens if BEGIN itself fails.
    """
    connection = connect(database)
    try:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO trades (market_id, price, size, timestamp) VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    except Exception:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.close()


def save_checked(database: str, rows: Sequence[Row], connect: Callable[[str], Connection] = sqlite3.connect) -> None:
    """The same, but ``with connection:`` rolls back only if there is a transaction, so the real error is seen."""
    connection = connect(database)
    try:
        with connection:
            connection.execute("BEGIN")
            connection.executemany(INSERT, rows)
    finally:
        connection.close()


ROLLBACKS = {"advised": save_as_advised, "checked": save_checked}


@setup
def loop(market: str, *, rows: int = 50_000, pause_us: float = 0.0) -> Iterator[TradingLoop]:
    """Rows to log, a pause after each in microseconds, and a folder for the database."""
    logged = [(trade.market, trade.price, trade.size, trade.published) for trade in repeated(trades(market), rows)]
    with folder_until_the_end() as folder:
        yield TradingLoop(logged, os.path.join(folder, "trades.db"), pause_us, fsync_ms=fsync_ms(folder))


@setup
def sqlite(loop: TradingLoop) -> Connection:
    """SQLite's defaults: every commit waits for the disk."""
    return connected(loop.database)


@setup
def wal(loop: TradingLoop) -> Connection:
    """SQLite with a write-ahead log: a commit does not wait for the disk."""
    return connected(loop.database, wal=True)


@setup
def table(loop: TradingLoop) -> str:
    """The path of a SQLite file with the table in it, which nobody has open."""
    connected(loop.database).close()
    return loop.database


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
def advised_batches(loop: TradingLoop, table: str, *, batch: int = 100) -> Work:
    """As advised: for each batch a connection is opened, BEGIN, executemany, COMMIT, and closed."""
    return in_batches(loop, None, lambda rows: save_as_advised(table, rows), batch)


@mode
def executemany_batches(loop: TradingLoop, sqlite: Connection, *, batch: int = 100) -> Work:
    """The same batches on one connection that stays open."""
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
    """DuckDB: executemany and COMMIT for each batch (slow: --set rows=5000)."""
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
def full_disk(loop: TradingLoop, table: str, *, batch: int = 100, rollback: str = "advised") -> Work:
    """Trap: each batch hits a full disk first; counts how often the advised ROLLBACK hides it (--set rollback=checked: never)."""
    disk = FullDisk(table, chosen("rollback", rollback, ROLLBACKS))
    work = in_batches(loop, None, disk.insert, batch)
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
    connection.execute(SCHEMA.format(""))
    return connection


@setup
def duckdb(loop: TradingLoop) -> Any:
    """A DuckDB file as the database of the loop."""
    return duckdb_opened(loop.database)


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
            connection.execute(SCHEMA.format(NUMBERED))
        yield Postgres(connection, conninfo)
        connection.close()
