"""The scenario about indexes on a small database: real SQLite, DuckDB and PostgreSQL, the traps, and what EXPLAIN must say."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.command_line import perfbench, variables
from support.scenarios import import_shipped, scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

SINGLE = ["advised_ticks", "advised_trades", "advised_profit"]
ON_SQLITE = ["no_index", *SINGLE, "advised_indexes", "covering", "without_rowid", "runner_time", "time_only"]
INDEXES = import_shipped("indexes")
SMALL = ("--quiet", "--rounds", "1", "--set", "rows=4000", "--set", "queries=2", "--set", "minutes=1")
REAL_POSTGRES = shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three markets of an event in one file."""
    path = tmp_path_factory.mktemp("market") / "1.100000013"
    write_market(Recipe(seed=13, runners=4, updates=900, markets=3), path)
    return path


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that makes the databases, with a cache of its own."""
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    return import_shipped("perfbench.kit.market_store")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variable by which tests share the environments that they build."""
    return {"PERFBENCH_CACHE": str(tmp_path_factory.mktemp("built"))}


def run(
    market: Path, folder: Path, *more: str, modes: list[str], env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    chosen = [word for mode in modes for word in ("--mode", mode)]
    return perfbench("run", "indexes", "--data", market, *SMALL, *chosen, *more, folder=folder, env=env)


def numbers(folder: Path) -> dict[str, dict[str, float]]:
    """The numbers of the first sample of every mode."""
    document = json.loads(next((folder / "results").glob("*.json")).read_text())
    return {measured["case"]["mode"]: measured["samples"][0]["numbers"] for measured in document["measurements"]}


def test_every_sqlite_layout_gives_the_same_answers_and_reports_its_cost(tmp_path: Path, market: Path) -> None:
    done = run(market, tmp_path, "--set", "query=all", modes=ON_SQLITE)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^  (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE)
    assert rows == [(mode, "yes") for mode in ON_SQLITE[1:]]
    said = numbers(tmp_path)
    for mode in ON_SQLITE:
        for name in ("ticks_ms", "trades_ms", "profit_ms", "point_ms", "across_ms", "write_seconds"):
            assert said[mode][name] > 0
        assert said[mode]["file_bytes"] == said["no_index"]["file_bytes"] + said[mode]["index_bytes"]
    assert said["no_index"]["index_bytes"] == said["no_index"]["build_seconds"] == 0
    single = [said[mode]["index_bytes"] for mode in SINGLE]
    assert min(single) > 0
    assert said["advised_indexes"]["index_bytes"] == sum(single)
    assert min(said[mode]["build_seconds"] for mode in ON_SQLITE[1:]) > 0


@pytest.mark.skipif(not REAL_POSTGRES, reason="apt-get install postgresql")
def test_duckdb_and_a_named_postgresql_give_the_answers_of_sqlite_and_nothing_is_left_on_the_server(
    tmp_path: Path, market: Path, built: dict[str, str]
) -> None:
    modes = ["no_index", "duckdb", "postgres", "advised_in_postgres"]
    with subprocess.Popen(named_server(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        folder = dict(pair.split("=", 1) for pair in holder.stdout.readline().split())["host"]
        done = run(
            market,
            tmp_path,
            "--set",
            f"postgres=postgresql://perfbench@/postgres?host={folder}",
            modes=modes,
            env=built,
        )
        query = [
            newest("psql"),
            "-h",
            folder,
            "-U",
            "perfbench",
            "-Atc",
            "SELECT nspname FROM pg_namespace",
            "postgres",
        ]
        schemas = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
        holder.stdin.close()
        assert holder.wait(30) == 0
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^  (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE) == [(mode, "yes") for mode in modes[1:]]
    said = numbers(tmp_path)
    assert said["advised_in_postgres"]["index_bytes"] > said["postgres"]["index_bytes"]
    assert "public" in schemas
    assert not [schema for schema in schemas if schema.startswith("perfbench_")]


def named_server() -> list[str]:
    """A command that has a server as long as its input is open."""
    code = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).resolve().parents[2])!r}]\n"
        "from perfbench.kit import postgres\nwith postgres.server() as conninfo:\n    print(conninfo, flush=True); sys.stdin.read()"
    )
    return [sys.executable, "-c", code]


def newest(program: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(shutil.which(program) or found[-1])


def test_a_server_that_cannot_be_reached_is_not_available_and_the_rest_is_measured(
    tmp_path: Path, market: Path, built: dict[str, str]
) -> None:
    url = "postgres=postgresql://nobody@127.0.0.1:9/none"
    done = run(market, tmp_path, "--set", url, modes=["no_index", "advised_indexes", "postgres"], env=built)
    assert re.search(r"not available here: PostgreSQL: cannot use the server of --set postgres: ", done.stdout)
    assert re.search(r"^  advised_indexes .*\byes$", done.stdout, re.MULTILINE)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_password_in_the_url_of_a_server_is_refused_since_parameters_are_saved(
    tmp_path: Path, market: Path, built: dict[str, str]
) -> None:
    url = "postgres=postgresql://nobody:secret@127.0.0.1:9/none"
    done = run(market, tmp_path, "--set", url, modes=["no_index", "postgres"], env=built)
    assert "not available here: PostgreSQL: the URL has a password, and parameters are saved" in done.stdout


def test_queries_on_a_cold_cache_read_from_the_disk_or_are_reported_unavailable(tmp_path: Path, market: Path) -> None:
    done = run(market, tmp_path, "--set", "cache=cold", modes=["no_index", "advised_indexes"])
    if "cache=cold: " in done.stdout:
        assert "not available here" in done.stdout
    else:
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^  advised_indexes .*\byes$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("kind", ["point", "profit"])
def test_single_kind_of_query_can_be_selected(tmp_path: Path, market: Path, kind: str) -> None:
    done = run(market, tmp_path, "--set", f"query={kind}", modes=["no_index", "advised_indexes"])
    assert done.returncode == 0, done.stdout + done.stderr
    for said in numbers(tmp_path).values():
        assert {name for name in said if name.endswith("_ms")} == {f"{kind}_ms"}


def test_invalid_values_are_one_line_with_the_choices(tmp_path: Path, market: Path) -> None:
    done = run(market, tmp_path, "--set", "query=slow", modes=["no_index"])
    assert (
        "use query=advised, all, ticks, trades, profit, point, across; queries=1 or more; cache=warm or cold"
        in done.stdout
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_a_file_without_trades_is_not_available(tmp_path: Path, market: Path) -> None:
    lines = [json.loads(line) for line in market.read_text().splitlines()]
    for line in lines:
        for change in line["mc"]:
            for runner in change.get("rc", ()):
                runner.pop("trd", None)
    (tmp_path / "basic").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(tmp_path / "basic", tmp_path, modes=["no_index"])
    assert "basic has no traded volume (trd): choose a PRO or ADVANCED file" in done.stdout


# The advice ---------------------------------------------------------------------------------------------------------------

BY_HAND = [
    ("ticks", ("1.1", 20, 30)),
    ("trades", ("1.1", 20, 30)),
    ("profit", ("a",)),
]
ANSWERS = [
    [(2, 20, 7, 310, 5), (3, 20, 8, 400, 5), (4, 30, 7, 320, 5)],
    [(2, 20, "a", 7, -30), (3, 30, "b", 8, 40)],
    [("1.1", 2, 70), ("1.2", 1, 5)],
]
STRUCTURE: dict[str, set[tuple[str, tuple[str, ...]]]] = {
    "advised_ticks": {("market_data", ("market_id", "timestamp"))},
    "advised_trades": {("trades", ("market_id", "timestamp"))},
    "advised_profit": {("trades", ("strategy_id", "market_id", "realized_pnl"))},
}
STRUCTURE["advised_indexes"] = {index for indexes in STRUCTURE.values() for index in indexes}


@pytest.fixture
def by_hand(tmp_path: Path) -> Any:
    """A database of five ticks and four trades, those of equal time not in the order of their numbers."""
    databases = import_shipped("perfbench.kit.market_databases")
    opened = databases.SQLite(tmp_path / "by hand")
    for table, columns in import_shipped("perfbench.kit.market_store").TABLES.items():
        opened.rows(f"CREATE TABLE {table} ({columns.format(*['INTEGER'] * 9)})")
    ticks = [
        (1, "1.1", 7, 10, 300, 5),
        (3, "1.1", 8, 20, 400, 5),
        (2, "1.1", 7, 20, 310, 5),
        (4, "1.1", 7, 30, 320, 5),
        (5, "1.2", 9, 25, 999, 5),
    ]
    bets = [
        (1, "a", "1.1", 7, 10, 100),
        (3, "b", "1.1", 8, 30, 40),
        (2, "a", "1.1", 7, 20, -30),
        (4, "a", "1.2", 9, 25, 5),
    ]
    opened.append([("market_data", ticks), ("trades", bets)])
    yield opened
    opened.connection.close()


def indexes_of(database: Any) -> set[tuple[str, tuple[str, ...]]]:
    """The tables and columns of all indexes that somebody made."""
    made = database.rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return {(table, tuple(row[2] for row in database.rows(f"PRAGMA index_info({name})"))) for name, table in made}


@pytest.mark.parametrize("mode", ["no_index", *STRUCTURE])
def test_advised_indexes_are_those_of_the_notes_and_answer_like_no_index(by_hand: Any, mode: str) -> None:
    further = [("market_data", [(6, "1.3", 9, 40, 100, 5)]), ("trades", [(5, "a", "1.3", 9, 40, 1)])]
    work = getattr(INDEXES, mode)(by_hand, INDEXES.Questions(BY_HAND, cold=False, further=further))
    assert work.output == ANSWERS
    assert work.amount == 3
    assert indexes_of(by_hand) == STRUCTURE.get(mode, set())
    assert [by_hand.rows(f"SELECT COUNT(*) FROM {table}") for table in ("market_data", "trades")] == [[(6,)], [(5,)]]


def test_profit_query_reads_the_third_advised_index_and_not_the_table(by_hand: Any) -> None:
    by_hand.rows(INDEXES.PROFIT)
    assert "COVERING INDEX idx_profit" in by_hand.plan(INDEXES.QUERIES["profit"], ("a",))
    with pytest.raises(import_shipped("perfbench.kit").ScenarioError, match="ticks query does not use idx_ticks"):
        INDEXES.answered(by_hand, INDEXES.Questions(BY_HAND, cold=False, further=[]), **INDEXES.USED)


def test_claims_are_about_the_queries_that_the_advised_indexes_are_for() -> None:
    claims = [(claim.before, claim.after, claim.metric, claim.source) for claim in INDEXES.CLAIMS]
    assert claims == [
        ("no_index", "advised_ticks", "ticks_ms", "community notes"),
        ("no_index", "advised_trades", "trades_ms", "community notes"),
        ("no_index", "advised_profit", "profit_ms", "community notes"),
        ("no_index", "advised_indexes", "", "community notes"),
        ("postgres", "advised_in_postgres", "", "community notes"),
    ]
    assert INDEXES.QUERY["advised"] == ("ticks", "trades", "profit")


# Traps ------------------------------------------------------------------------------------------------------------------

TRAP = """
from _indexes import answered, questions_about
from perfbench.kit.market_databases import SQLite
from perfbench.kit.market_store import stored
from perfbench import mode

@mode(baseline=True)
def quoted(market):
    store = stored(market, 3000)
    with store.copy() as path:
        index = 'CREATE INDEX idx_ticks ON market_data ("market", "time_stamp")'
        return answered(SQLite(path), questions_about(store, "all", 2, "warm"), [index], ticks="idx_ticks")
"""


def test_an_index_on_a_misspelt_column_in_double_quotes_is_made_in_silence_and_explain_gives_it_away(
    tmp_path: Path, market: Path
) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE market_data (market_id TEXT, timestamp INTEGER)")
        connection.execute(
            'CREATE INDEX made ON market_data ("market", "time_stamp")'
        )  # two texts, the same in every row
        with pytest.raises(sqlite3.OperationalError, match="no such column"):
            connection.execute("CREATE INDEX refused ON market_data (market, time_stamp)")
    connection.close()
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(scenario_path("indexes"), own / "_indexes.py")
    (own / "trap.py").write_text(f'"""Is the index used?"""\n{TRAP}')
    done = perfbench("run", "trap", "--scenarios", own, "--data", market, "--rounds", "1", "--quiet", folder=tmp_path)
    assert re.search(r"! quoted: the ticks query does not use idx_ticks: SCAN market_data", done.stdout)


def test_integers_of_numpy_are_stored_as_blobs_and_those_of_a_store_are_integers(
    stores: ModuleType, market: Path
) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (timestamp INTEGER)")
    time = 1_700_000_000_000
    connection.executemany("INSERT INTO t VALUES (?)", [(np.int64(time),), (time,)])
    assert connection.execute("SELECT typeof(timestamp) FROM t").fetchall() == [("blob",), ("integer",)]
    assert connection.execute("SELECT COUNT(*) FROM t WHERE timestamp = ?", (time,)).fetchone() == (1,)
    connection.close()
    columns = ("sequence", "selection_id", "timestamp", "price", "size")
    kinds = ", ".join(f"typeof({column})" for column in columns)
    found = asked(stores.stored(str(market), 3000), f"SELECT DISTINCT {kinds} FROM market_data")
    assert found == [("integer",) * len(columns)]


def test_covering_index_reorders_trades_of_equal_time_unless_the_order_is_total(
    stores: ModuleType, market: Path
) -> None:
    covering = "CREATE INDEX cover ON market_data (market_id, timestamp, price, size, sequence)"
    plain, covered = (
        [
            asked(
                stores.stored(str(market), 3000),
                "SELECT timestamp, sequence, price, size FROM market_data WHERE market_id = "
                f"(SELECT market_id FROM markets ORDER BY ticks DESC LIMIT 1) ORDER BY {order}",
                *layout,
            )
            for order in ("timestamp", "timestamp, sequence")
        ]
        for layout in ((), (covering,))
    )
    assert plain[0] != covered[0]
    assert sorted(plain[0]) == sorted(covered[0])
    assert plain[1] == covered[1]


def asked(store: Any, query: str, *layout: str) -> list[tuple[Any, ...]]:
    """What a copy of a store says, laid out so."""
    with store.copy() as path:
        connection = sqlite3.connect(path)
        try:
            for statement in layout:
                connection.execute(statement)
            return connection.execute(query).fetchall()
        finally:
            connection.close()


# The store --------------------------------------------------------------------------------------------------------------


def test_the_rows_are_the_trades_of_the_file_again_and_again_as_markets_of_their_own(
    stores: ModuleType, market: Path
) -> None:
    base = import_shipped("perfbench.kit.trades").trades(str(market))
    store = stores.stored(str(market), 2 * len(base) + 7, minutes=3)
    found = asked(store, "SELECT * FROM market_data ORDER BY sequence")
    assert len(found) == 2 * len(base) + 7
    assert [row[0] for row in found] == list(range(len(found)))
    assert [row[3] for row in found] == sorted(row[3] for row in found)
    for copy in (0, 1):
        own = [row for row in found if row[1].endswith(f"{copy:05d}")]
        expected = [(t.published + copy * 180_000, t.price, t.size) for t in base]
        assert [row[3:] for row in own] == sorted(expected, key=lambda row: row[0])
        assert {row[1][:-5] for row in own} == {trade.market for trade in base}
    assert len({row[1] for row in found}) >= 2 * len({trade.market for trade in base})


def test_further_rows_are_the_first_market_again_in_both_tables(stores: ModuleType, market: Path) -> None:
    store = stores.stored(str(market), 3000)
    first = store.markets(1)[0].market
    for table, key in (("market_data", "sequence"), ("trades", "number")):
        added = dict(store.further())[table]
        own = asked(store, f"SELECT * FROM {table} WHERE market_id = '{first}' ORDER BY {key}")
        ((rows,),) = asked(store, f"SELECT COUNT(*) FROM {table}")
        place = 1 if table == "market_data" else 2
        assert own
        assert added == [(rows + n, *row[1:place], first + "+", *row[place + 1 :]) for n, row in enumerate(own)]


def test_two_processes_that_want_a_store_at_once_get_the_same_one(tmp_path: Path, market: Path) -> None:
    code = f"import sys; sys.path[:0] = {[str(Path(__file__).resolve().parents[2])]!r}\n" + (
        f"from perfbench.kit.market_store import stored; print(stored({str(market)!r}, 30_000).base.stat().st_ino)"
    )
    own = variables(tmp_path, PERFBENCH_CACHE=str(tmp_path / "cache"))
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=own) for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert len(said) == 1
    kept = [path for path in (tmp_path / "cache" / "market_data").iterdir() if path.is_dir()]
    assert len(kept) == 1


def test_most_recently_used_stores_stay_cached(stores: ModuleType, market: Path) -> None:
    for rows in range(100, 109):
        stores.stored(str(market), rows)
    last = stores.stored(str(market), 108).folder
    kept = [path for path in last.parent.iterdir() if path.is_dir()]
    assert len(kept) == stores.KEPT
    assert last in kept
