"""From how many markets does an indexed database speed up a backtest, and how much does it matter beside flumine?

The advice: index your database, and backtests are five to ten times faster. Here a loop that does little besides reading the
ticks of one market after another backtests a momentum strategy; every store gives the same bets. Without an index each query
reads the ticks of all markets, so the time grows with the square of their number: ``--sweep markets=6,24,60,120,250``.

Every database is closed and opened again before the pass, so that no side has its pages in the cache of the connection; the files
are in the system's cache. The indexes are built before the pass: ``build_seconds`` is what that took, once for all backtests.
``build_charged`` builds them within the pass, as for a single backtest.

``beside_flumine`` also times a flumine backtest of the market file in the set-up, to report the share of the tick query in a real
backtest: ``database_share`` with the indexes, ``bare_share`` without, and ``whole_saved``, the share that the indexes save of both
together. All seconds are CPU seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, NamedTuple

from _tick_loop import (
    all_at_once,
    backtested,
    build,
    decoded,
    flumine_ms,
    one_by_one,
    query_ms,
    read_parquet,
    require_index,
    unpacked,
    with_shares,
    write_packed,
    write_parquet,
)

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.market_databases import Database, DuckDB, SQLite
from perfbench.kit.market_store import Store, stored
from perfbench.kit.pins import DUCKDB, NUMPY, PYARROW
from perfbench.kit.trades import trades

UNIT = "markets"
METRICS = {
    "read_ms": Metric("ms"),
    "build_seconds": Metric("seconds"),
    "database_share": Metric("share"),
    "bare_share": Metric("share"),
    "whole_saved": Metric("share", better="higher"),
}
QUICK = {"markets": 3, "ticks": 500}
QUICK_LINES = 2_000
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim("sqlite_bare", "advised_indexes", 5.0, NOTES, text="5–10x faster backtests by indexes", better="tick_files"),
    Claim("sqlite_bare", "build_charged", 1.0, OURS, text="indexes for a single backtest, their building included"),
    Claim("sqlite_bare", "sqlite_pragmas", 1.0, OURS, text="WAL and a large cache", better="sqlite_one_query"),
]

ADVISED = (
    "CREATE INDEX idx_ticks ON market_data (market_id, timestamp)",
    "CREATE INDEX idx_trades ON trades (market_id, timestamp)",
    "CREATE INDEX idx_profit ON trades (strategy_id, market_id, realized_pnl)",
)
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000", "temp_store = MEMORY")
"""Settings that the notes do not have, and others recommend for SQLite."""


@setup
def store(market: str, *, markets: int = 24, ticks: int = 0) -> Store:
    """Copies of the market file's trades, or of its last ``ticks`` (0: all). Raises ScenarioError for none."""
    if markets < 1 or ticks < 0:
        raise ScenarioError("markets={} ticks={}: use 1 or more markets, 0 (all) or more ticks".format(markets, ticks))
    return stored(market, markets * len(trades(market)[-ticks:]), ticks)


@setup
def database(store: Store) -> Iterator[Database]:
    """A copy of the rows in SQLite."""
    with store.copy() as path:
        yield SQLite(path)


@setup
def bare(database: Database) -> Database:
    """SQLite without an index, closed and opened again."""
    database.reopen()
    return database


@mode(baseline=True)
def sqlite_bare(bare: Database, store: Store) -> Work:
    """SQLite as it is created: one query for each market, no index."""
    return backtested(one_by_one(bare, store.ids()))


class Indexed(NamedTuple):
    """A database with the advised indexes, closed and opened again, and the CPU seconds of building them."""

    database: Database
    build_seconds: float


@setup
def indexed(database: Database, store: Store) -> Indexed:
    """SQLite with the advised indexes. Raises ScenarioError if the query does not use them."""
    seconds = build(database, ADVISED)
    require_index(database, store.ids(), "idx_ticks")
    database.reopen()
    return Indexed(database, seconds)


@mode
def advised_indexes(indexed: Indexed, store: Store) -> Work:
    """SQLite with the three advised indexes, built before the pass: one query for each market."""
    work = backtested(one_by_one(indexed.database, store.ids()))
    work.numbers["build_seconds"] = indexed.build_seconds
    return work


@mode
def build_charged(bare: Database, store: Store) -> Work:
    """The same indexes, built within the pass, as for a single backtest."""
    seconds = build(bare, ADVISED)
    work = backtested(one_by_one(bare, store.ids()))
    work.numbers["build_seconds"] = seconds
    return work


@setup
def with_pragmas(bare: Database) -> Database:
    """SQLite in WAL mode, with a cache of 64 MB."""
    for pragma in PRAGMAS:
        bare.rows("PRAGMA " + pragma)
    return bare


@mode
def sqlite_pragmas(with_pragmas: Database, store: Store) -> Work:
    """SQLite with WAL and a large cache, no index."""
    return backtested(one_by_one(with_pragmas, store.ids()))


@setup
def bare_ms(database: Database, store: Store) -> float:
    """Milliseconds of a query for one market while there is no index."""
    return query_ms(database, store.ids())


@mode
def indexes_and_pragmas(indexed: Indexed, store: Store) -> Work:
    """The indexes, and WAL and a large cache."""
    for pragma in PRAGMAS:
        indexed.database.rows("PRAGMA " + pragma)
    return advised_indexes(indexed, store)


@setup
def beside_ms(market: str) -> float:
    """Milliseconds of a flumine backtest of the market file."""
    return flumine_ms(market)


@mode
def beside_flumine(bare_ms: float, indexed: Indexed, store: Store, beside_ms: float) -> Work:
    """With the indexes, and the share of its query in a flumine backtest of one market."""
    return with_shares(backtested(one_by_one(indexed.database, store.ids())), bare_ms, beside_ms)


@mode
def sqlite_one_query(bare: Database) -> Work:
    """SQLite without an index, one query for all markets in order: one scan and one sort."""
    return backtested(all_at_once(bare))


@setup
def folder() -> Iterator[Path]:
    """An empty temporary folder."""
    with folder_until_the_end() as path:
        yield Path(path)


@setup
def one_thread(store: Store, folder: Path) -> Database:
    """The rows in DuckDB, for one thread."""
    duck = DuckDB(folder / "market_data.duckdb", store)
    duck.reopen()
    duck.rows("SET threads = 1")
    return duck


@mode(needs=[DUCKDB])
def duckdb(one_thread: Database, store: Store) -> Work:
    """DuckDB without an index: one query for each market."""
    return backtested(one_by_one(one_thread, store.ids()))


@mode
def files(market: str, store: Store, *, markets: int = 24, ticks: int = 0) -> Work:
    """No database: the market file is decoded from JSON again for every market."""
    return backtested(decoded(market, markets, ticks))


@setup
def packed(database: Database, folder: Path) -> List[Path]:
    """One file for each market, of four integers of 64 bits for each tick."""
    return write_packed(database, folder)


@mode
def tick_files(packed: List[Path]) -> Work:
    """No database: one binary file for each market (struct)."""
    return backtested(unpacked(packed))


@setup
def in_parquet(database: Database, folder: Path) -> List[Path]:
    """One Parquet file for each market."""
    return write_parquet(database, folder)


@mode(needs=[PYARROW, NUMPY])
def parquet_files(in_parquet: List[Path]) -> Work:
    """No database: one Parquet file for each market (pyarrow, one thread)."""
    return backtested(read_parquet(in_parquet))
