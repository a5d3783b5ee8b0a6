"""DuckDB and PostgreSQL as stores for the log of a trading loop: connections, and ways to insert a batch.

Both wait for the disk at each commit, as SQLite does by default. Their packages are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any, Iterator, NamedTuple, Sequence

from _postgres import server
from _writers import INSERT, NAMES, SCHEMA, Batches, Insert, Row, TradingLoop, stored

from perfbench import Work, setup


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
