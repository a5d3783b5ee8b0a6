"""Which queries of a market database does an index speed up, and what does it cost?

The advice: index your database. Four kinds of query are measured: ``point`` (the last trade of a runner before a time),
``range`` (a quarter of a market's ticks), ``across`` (2 % of all rows: a time in all markets) and ``pnl`` (the profit of a
strategy by market). The metric is the wall time of the queries; EXPLAIN must confirm the use of indexes. ``write_seconds`` is
the time to add one more market with the indexes in place; SQLite does it by executemany, DuckDB and PostgreSQL by COPY.

The rows are stored as they were recorded, all markets at once. ``minutes`` from one market to the next determine how many
overlap: with few of them, an index on the time alone finds a market's ticks as well.

Every answer has a total order, because many trades have the same time and each index orders those differently.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.market_databases import Database, DuckDB, PostgreSQL, SQLite, from_the_disk
from perfbench.kit.market_store import STRATEGIES, Store, stored
from perfbench.kit.pins import DUCKDB, PSYCOPG
from perfbench.kit.postgres import server

UNIT = "queries"
METRIC = "wall_seconds"
KINDS = ("point", "range", "across", "pnl")
METRICS = {
    **{kind + "_ms": Metric("ms") for kind in KINDS},
    "write_seconds": Metric("seconds"),
    "index_bytes": Metric("bytes"),
    "file_bytes": Metric("bytes"),
}
QUICK = {"rows": 20_000, "queries": 2}
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim("no_index", "market_time", 1.0, NOTES, "point_ms", "index market_data by market and time", "covering"),
    Claim("no_index", "market_time", 1.0, NOTES, "range_ms", "index market_data by market and time", "without_rowid"),
    Claim("no_index", "runner_time", 1.0, OURS, "point_ms", "index market_data by runner", "market_time"),
    Claim("no_index", "strategy_market", 1.0, NOTES, "pnl_ms", "index trades by strategy and market", "covering"),
    Claim("no_index", "advised", 1.0, NOTES, "across_ms", "index your database", "time_only"),
    Claim("no_index", "advised", 1.0, NOTES, text="index your database", better="covering"),
    Claim("postgres", "postgres_advised", 1.0, NOTES, text="index your database, in PostgreSQL"),
]


MARKET_TIME = "CREATE INDEX idx_market_time ON market_data (market_id, timestamp)"
RUNNER_TIME = "CREATE INDEX idx_runner_time ON market_data (selection_id, timestamp)"
STRATEGY_MARKET = "CREATE INDEX idx_strategy_market ON trades (strategy, market_id)"
ADVISED = (MARKET_TIME, RUNNER_TIME, STRATEGY_MARKET)
USED = {
    "point": ["idx_market_time", "idx_runner_time"],
    "range": ["idx_market_time"],
    "pnl": ["idx_strategy_market"],
}
"""Indexes of which the plan of a kind of query must name one."""

TIME = "CREATE INDEX idx_time ON market_data (timestamp)"
COVERING = (
    "CREATE INDEX idx_all_columns ON market_data (market_id, timestamp, sequence, selection_id, price, size)",
    "CREATE INDEX idx_profit ON trades (strategy, market_id, profit)",
)
WITHOUT_ROWID = (
    "CREATE TABLE sorted (sequence INTEGER, market_id TEXT, selection_id INTEGER, timestamp INTEGER, price INTEGER, "
    "size INTEGER, PRIMARY KEY (market_id, timestamp, sequence)) WITHOUT ROWID",
    "INSERT INTO sorted SELECT * FROM market_data ORDER BY market_id, timestamp, sequence",
    "DROP TABLE market_data",
    "ALTER TABLE sorted RENAME TO market_data",
    "CREATE INDEX idx_profit ON trades (strategy, market_id, profit)",
)

TICKS = "SELECT sequence, timestamp, selection_id, price, size FROM market_data WHERE "
QUERIES = {
    "point": TICKS
    + "market_id = ? AND selection_id = ? AND timestamp <= ? ORDER BY timestamp DESC, sequence DESC LIMIT 1",
    "range": TICKS + "market_id = ? AND timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
    "across": TICKS + "timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
    "pnl": "SELECT market_id, COUNT(*), CAST(SUM(profit) AS BIGINT) FROM trades WHERE strategy = ? "
    "GROUP BY market_id ORDER BY market_id",
}


class Questions(NamedTuple):
    """Queries as kind and values, and whether they must read from disk; ``further`` rows are written afterwards."""

    queue: List[Tuple[str, Tuple[Any, ...]]]
    cold: bool
    further: List[Tuple[Any, ...]]


def questions_about(store: Store, query: str, queries: int, cache: str) -> Questions:
    """Queries of each kind, or of one kind (point, range, across, pnl), on a warm or cold cache. Raises ScenarioError."""
    if query not in ("all", *KINDS) or cache not in ("warm", "cold") or queries < 1:
        text = "query={} queries={} cache={}: use query=all, {}; queries=1 or more; cache=warm or cold"
        raise ScenarioError(text.format(query, queries, cache, ", ".join(KINDS)))
    queue: List[Tuple[str, Tuple[Any, ...]]] = []
    for number, sample in enumerate(store.markets(queries)):
        start, end = store.times((share := 0.9 * number / queries, share + 0.02))
        queue += [
            ("point", (sample.market, sample.runner, sample.late)),
            ("range", (sample.market, sample.middle, sample.late)),
        ]
        queue += [("across", (start, end)), ("pnl", ("strategy_{:02d}".format(number % STRATEGIES),))]
    return Questions(
        [(kind, values) for kind, values in queue if query in ("all", kind)], cache == "cold", store.further()
    )


def answered(database: Database, questions: Questions, layout: Sequence[str] = (), **used: Sequence[str]) -> Work:
    """Lay out the database, then run the queries and time only those.

    :param used: for each kind of query the indexes of which its plan must name sample. Raises ScenarioError if it does not.
    """
    before, start = database.size(), time.perf_counter()
    for statement in layout:
        database.rows(statement)
    numbers: Dict[str, float] = {"build_seconds": time.perf_counter() - start if layout else 0.0}
    numbers.update(file_bytes=database.size(), index_bytes=database.size() - before)
    for kind, values in questions.queue:
        plan = database.plan(QUERIES[kind], values)
        if kind in used and not any(index in plan for index in used[kind]):
            raise ScenarioError("the {} query does not use {}: {}".format(kind, " or ".join(used[kind]), plan))
    seconds: Dict[str, List[float]] = {}
    if questions.cold:
        with from_the_disk():
            answers = [ask(database, seconds, question, cold=True) for question in questions.queue]
    else:
        for question in questions.queue:
            ask(database, {}, question)
        answers = [ask(database, seconds, question) for question in questions.queue]
    numbers.update({kind + "_ms": 1000 * sum(each) / len(each) for kind, each in seconds.items()})
    numbers["write_seconds"] = database.append(questions.further)
    return Work(len(answers), seconds=sum(map(sum, seconds.values())), output=answers, **numbers)


def ask(
    database: Database, seconds: Dict[str, List[float]], question: Tuple[str, Any], cold: bool = False
) -> List[Any]:
    """Run a query; its seconds are added to those of its kind."""
    kind, values = question
    if cold:
        database.chill()
    start = time.perf_counter()
    answer = database.rows(QUERIES[kind], values)
    seconds.setdefault(kind, []).append(time.perf_counter() - start)
    return answer


@setup
def store(market: str, *, rows: int = 1_000_000, minutes: int = 10) -> Store:
    """Rows of market data: the trades of the market file, repeated every ``minutes`` minutes. Raises ScenarioError."""
    if rows < 1 or minutes < 0:
        raise ScenarioError("rows={} minutes={}: use 1 or more rows, 0 or more minutes".format(rows, minutes))
    return stored(market, rows, minutes=minutes)


@setup
def questions(store: Store, *, query: str = "all", queries: int = 5, cache: str = "warm") -> Questions:
    """Queries of each kind, or of one kind (point, range, across, pnl), on a warm or cold cache."""
    return questions_about(store, query, queries, cache)


@setup
def sqlite(store: Store) -> Iterator[Database]:
    """A copy of the rows in SQLite."""
    with store.copy() as path:
        yield SQLite(path)


@mode(baseline=True)
def no_index(sqlite: Database, questions: Questions) -> Work:
    """SQLite without any index."""
    return answered(sqlite, questions)


@mode
def market_time(sqlite: Database, questions: Questions) -> Work:
    """The first index of the advice: market_data (market_id, timestamp)."""
    return answered(sqlite, questions, [MARKET_TIME], point=["idx_market_time"], range=["idx_market_time"])


@mode
def runner_time(sqlite: Database, questions: Questions) -> Work:
    """The second: market_data (selection_id, timestamp)."""
    return answered(sqlite, questions, [RUNNER_TIME], point=["idx_runner_time"])


@mode
def strategy_market(sqlite: Database, questions: Questions) -> Work:
    """The third: trades (strategy, market_id)."""
    return answered(sqlite, questions, [STRATEGY_MARKET], pnl=["idx_strategy_market"])


@mode
def advised(sqlite: Database, questions: Questions) -> Work:
    """All three indexes of the advice."""
    return answered(sqlite, questions, ADVISED, **USED)


@mode
def time_only(sqlite: Database, questions: Questions) -> Work:
    """An index that the advice omits, for times across markets: market_data (timestamp)."""
    return answered(sqlite, questions, [TIME], across=["idx_time"])


@mode
def covering(sqlite: Database, questions: Questions) -> Work:
    """Indexes with all columns of the queries, so that the tables are not read."""
    used = {"point": ["COVERING INDEX idx_all_columns"], "range": ["COVERING INDEX idx_all_columns"]}
    return answered(sqlite, questions, COVERING, **used, pnl=["COVERING INDEX idx_profit"])


@mode
def without_rowid(sqlite: Database, questions: Questions) -> Work:
    """market_data kept in the order of its primary key (market_id, timestamp, sequence): WITHOUT ROWID."""
    used = {"point": ["PRIMARY KEY"], "range": ["PRIMARY KEY"], "pnl": ["COVERING INDEX idx_profit"]}
    return answered(sqlite, questions, WITHOUT_ROWID, **used)


@setup
def duckdb_file(store: Store) -> Iterator[Database]:
    """The rows in DuckDB."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        yield DuckDB(Path(folder) / "market_data.duckdb", store)


@mode(needs=[DUCKDB])
def duckdb(duckdb_file: Database, questions: Questions) -> Work:
    """DuckDB, a column store that needs no index, on all processors."""
    return answered(duckdb_file, questions)


@setup
def postgresql(store: Store, *, postgres: str = "") -> Iterator[Database]:
    """The rows in PostgreSQL: a private server, or the one at the given URL."""
    with server(postgres) as conninfo:
        yield PostgreSQL(conninfo, store)


@mode(needs=[PSYCOPG])
def postgres(postgresql: Database, questions: Questions) -> Work:
    """PostgreSQL with primary keys only."""
    return answered(postgresql, questions, ["VACUUM ANALYZE"])


@mode(needs=[PSYCOPG])
def postgres_advised(postgresql: Database, questions: Questions) -> Work:
    """PostgreSQL with the three indexes of the advice."""
    return answered(postgresql, questions, [*ADVISED, "VACUUM ANALYZE"], **USED)
