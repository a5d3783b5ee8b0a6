"""Which queries of a market database does an index speed up, and what does it cost?

The advice: three indexes, each for one kind of query. ``ticks`` are a quarter of a market's ticks, by time; ``trades`` are a
market's own trades, by time; ``profit`` is the profit of a strategy by market. EXPLAIN must confirm that the index is used. The
metric is the wall time of these queries; ``write_seconds`` is the time to add one more market and its trades with the indexes in
place; SQLite does it by executemany, DuckDB and PostgreSQL by COPY.

``--set query=all`` adds two kinds of query that the advice does not mention: ``point`` (the last tick of a runner before a time)
and ``across`` (2 % of all rows: a time in all markets). The group ``further`` has indexes for them.

The rows are stored as they were recorded, all markets at once. ``minutes`` from one market to the next determine how many
overlap. Every answer has a total order, because many rows have the same time and each index orders those differently.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.market_databases import Database, DuckDB, PostgreSQL, SQLite, from_the_disk
from perfbench.kit.market_store import STRATEGIES, Further, Store, stored
from perfbench.kit.pins import DUCKDB, PSYCOPG
from perfbench.kit.postgres import server

UNIT = "queries"
METRIC = "wall_seconds"
FOR_INDEXES = ("ticks", "trades", "profit")
KINDS = (*FOR_INDEXES, "point", "across")
QUERY = {"advised": FOR_INDEXES, "all": KINDS, **{kind: (kind,) for kind in KINDS}}
METRICS = {
    **{kind + "_ms": Metric("ms") for kind in KINDS},
    "build_seconds": Metric("seconds"),
    "write_seconds": Metric("seconds"),
    "index_bytes": Metric("bytes"),
    "file_bytes": Metric("bytes"),
}
QUICK = {"rows": 20_000, "queries": 2}
QUICK_LINES = 4_000
NOTES = "community notes"
CLAIMS = [
    Claim("no_index", "advised_ticks", 1.0, NOTES, "ticks_ms", "index market_data by market and time", "covering"),
    Claim("no_index", "advised_trades", 1.0, NOTES, "trades_ms", "index trades by market and time", "covering"),
    Claim("no_index", "advised_profit", 1.0, NOTES, "profit_ms", "index trades by strategy, market and profit"),
    Claim("no_index", "advised_indexes", 1.0, NOTES, text="all three indexes", better="covering"),
    Claim("postgres", "advised_in_postgres", 1.0, NOTES, text="all three indexes, in PostgreSQL"),
]

TICKS = "CREATE INDEX idx_ticks ON market_data (market_id, timestamp)"
TRADES = "CREATE INDEX idx_trades ON trades (market_id, timestamp)"
PROFIT = "CREATE INDEX idx_profit ON trades (strategy_id, market_id, realized_pnl)"
ADVISED = (TICKS, TRADES, PROFIT)
USED = {"ticks": "idx_ticks", "trades": "idx_trades", "profit": "idx_profit"}
"""What the plan of a kind of query must name. SQLite answers the profit from the index alone: it says COVERING INDEX."""

RUNNER_TIME = "CREATE INDEX idx_runner_time ON market_data (selection_id, timestamp)"
TIME = "CREATE INDEX idx_time ON market_data (timestamp)"
COVERING = (
    "CREATE INDEX idx_all_ticks ON market_data (market_id, timestamp, sequence, selection_id, price, size)",
    "CREATE INDEX idx_all_trades ON trades (market_id, timestamp, number, strategy_id, selection_id, realized_pnl)",
    PROFIT,
)
WITHOUT_ROWID = (
    "CREATE TABLE sorted (sequence INTEGER, market_id TEXT, selection_id INTEGER, timestamp INTEGER, price INTEGER, "
    "size INTEGER, PRIMARY KEY (market_id, timestamp, sequence)) WITHOUT ROWID",
    "INSERT INTO sorted SELECT * FROM market_data ORDER BY market_id, timestamp, sequence",
    "DROP TABLE market_data",
    "ALTER TABLE sorted RENAME TO market_data",
    TRADES,
    PROFIT,
)

COLUMNS = "SELECT sequence, timestamp, selection_id, price, size FROM market_data WHERE "
QUERIES = {
    "ticks": COLUMNS + "market_id = ? AND timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
    "trades": "SELECT number, timestamp, strategy_id, selection_id, realized_pnl FROM trades "
    "WHERE market_id = ? AND timestamp BETWEEN ? AND ? ORDER BY timestamp, number",
    "profit": "SELECT market_id, COUNT(*), CAST(SUM(realized_pnl) AS BIGINT) FROM trades WHERE strategy_id = ? "
    "GROUP BY market_id ORDER BY market_id",
    "point": COLUMNS
    + "market_id = ? AND selection_id = ? AND timestamp <= ? ORDER BY timestamp DESC, sequence DESC LIMIT 1",
    "across": COLUMNS + "timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
}


class Questions(NamedTuple):
    """Queries as kind and values, and whether they must read from disk; ``further`` rows are written afterwards."""

    queue: List[Tuple[str, Tuple[Any, ...]]]
    cold: bool
    further: Further


def questions_about(store: Store, query: str, queries: int, cache: str) -> Questions:
    """Queries of these kinds (QUERY), on a warm or cold cache. Raises ScenarioError."""
    if query not in QUERY or cache not in ("warm", "cold") or queries < 1:
        text = "query={} queries={} cache={}: use query={}; queries=1 or more; cache=warm or cold"
        raise ScenarioError(text.format(query, queries, cache, ", ".join(QUERY)))
    queue: List[Tuple[str, Tuple[Any, ...]]] = []
    for number, sample in enumerate(store.markets(queries)):
        start, end = store.times((share := 0.9 * number / queries, share + 0.02))
        values = {
            "ticks": (sample.market, sample.middle, sample.late),
            "trades": (sample.market, sample.middle, sample.late),
            "profit": ("strategy_{:02d}".format(number % STRATEGIES),),
            "point": (sample.market, sample.runner, sample.late),
            "across": (start, end),
        }
        queue += [(kind, values[kind]) for kind in QUERY[query]]
    return Questions(queue, cache == "cold", store.further())


def answered(database: Database, questions: Questions, layout: Sequence[str] = (), **used: str) -> Work:
    """Lay out the database, then run the queries and time only those.

    :param used: what the plan of each kind of query must name. Raises ScenarioError if it does not.
    """
    before, start = database.size(), time.perf_counter()
    for statement in layout:
        database.rows(statement)
    numbers: Dict[str, float] = {"build_seconds": time.perf_counter() - start if layout else 0.0}
    numbers.update(file_bytes=database.size(), index_bytes=database.size() - before)
    for kind, values in questions.queue:
        plan = database.plan(QUERIES[kind], values)
        if used.get(kind, "") not in plan:
            raise ScenarioError("the {} query does not use {}: {}".format(kind, used[kind], plan))
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
def questions(store: Store, *, query: str = "advised", queries: int = 5, cache: str = "warm") -> Questions:
    """Queries of the kinds that the indexes are for, of all kinds, or of one, on a warm or cold cache."""
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
def advised_ticks(sqlite: Database, questions: Questions) -> Work:
    """The first advised index alone: market_data (market_id, timestamp), for a market's ticks by time."""
    return answered(sqlite, questions, [TICKS], ticks="idx_ticks")


@mode
def advised_trades(sqlite: Database, questions: Questions) -> Work:
    """The second advised index alone: trades (market_id, timestamp), for a market's trades by time."""
    return answered(sqlite, questions, [TRADES], trades="idx_trades")


@mode
def advised_profit(sqlite: Database, questions: Questions) -> Work:
    """The third advised index alone: trades (strategy_id, market_id, realized_pnl), which covers the profit query."""
    return answered(sqlite, questions, [PROFIT], profit="COVERING INDEX idx_profit")


@mode
def advised_indexes(sqlite: Database, questions: Questions) -> Work:
    """All three advised indexes together."""
    return answered(sqlite, questions, ADVISED, **{**USED, "profit": "COVERING INDEX idx_profit"})


@mode
def covering(sqlite: Database, questions: Questions) -> Work:
    """Indexes with all columns of the three queries, so that the tables are not read."""
    names = {"ticks": "idx_all_ticks", "trades": "idx_all_trades", "profit": "idx_profit"}
    return answered(sqlite, questions, COVERING, **{kind: "COVERING INDEX " + name for kind, name in names.items()})


@mode
def without_rowid(sqlite: Database, questions: Questions) -> Work:
    """market_data kept in the order of (market_id, timestamp), WITHOUT ROWID; trades indexed as in the notes."""
    return answered(sqlite, questions, WITHOUT_ROWID, **{**USED, "ticks": "PRIMARY KEY"})


@mode(group="further")
def runner_time(sqlite: Database, questions: Questions) -> Work:
    """An index that the notes do not have, for the last tick of a runner: market_data (selection_id, timestamp)."""
    return answered(sqlite, questions, [RUNNER_TIME], point="idx_runner_time")


@mode(group="further")
def time_only(sqlite: Database, questions: Questions) -> Work:
    """An index that the notes do not have, for times across markets: market_data (timestamp)."""
    return answered(sqlite, questions, [TIME], across="idx_time")


@setup
def duckdb_file(store: Store) -> Iterator[Database]:
    """The rows in DuckDB."""
    with folder_until_the_end() as folder:
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
def advised_in_postgres(postgresql: Database, questions: Questions) -> Work:
    """PostgreSQL with all three advised indexes."""
    return answered(postgresql, questions, [*ADVISED, "VACUUM ANALYZE"], **USED)
