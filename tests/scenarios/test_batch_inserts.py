"""The scenario batch_inserts: same rows in every mode, nothing torn by a kill -9, and the traps of SQLite's transactions."""

from __future__ import annotations

import inspect
import json
import mmap
import random
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import pytest
from support.command_line import perfbench
from support.scenarios import scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.worker.scenario_api import ScenarioError
from perfbench.worker.scenario_loader import LoadedScenario

SCENARIO = scenario_path("batch_inserts")
SQLITE = (
    "commit_per_row",
    "one_transaction",
    "advised_batches",
    "executemany_batches",
    "wal_rows",
    "wal_batches",
    "writer_thread",
)
ROWS, FEW = 60, 20
BATCH = 100
"""Rows, and rows in a batch, on the command line; and the batch of a child, which is the scenario's own."""

SESSION = 350
"""Rows that a child logs with one connection before it opens the next."""

MAY_LOSE = {
    "commit_per_row": 0,
    "wal_rows": 0,
    "advised_batches": BATCH - 1,
    "executemany_batches": BATCH - 1,
    "wal_batches": BATCH - 1,
}
"""Rows that were handed over and are gone after a kill, at most; any other mode may lose all of a session."""

CHILD = """
import inspect, mmap, os, struct, sys
from perfbench.worker.scenario_loader import LoadedScenario

path, mode, database, handed, session, pause_us = sys.argv[1:]
scenario = LoadedScenario(path).module
with open(handed, "r+b") as file:
    noted = mmap.mmap(file.fileno(), 8)

class ReportingLoop(scenario.TradingLoop):
    def committed(self, count):
        super().committed(count)
        os.write(1, b"%d\\n" % count)

    def run(self, log):
        def counted(row):
            log(row)
            noted[:] = struct.pack("<q", row[1] + 1)
        super().run(counted)

first = 0
while True:
    numbers = range(first, first + int(session))
    loop = ReportingLoop([(str(n) * 100, n, 2 * n, 3 * n) for n in numbers], database, float(pause_us))
    function = getattr(scenario, mode)
    made = getattr(scenario, list(inspect.signature(function).parameters)[1])
    connection = made(loop)
    if mode != "advised_batches":
        connection.execute("PRAGMA cache_size = 5")  # so that a transaction is in the file, half of it, before its commit
    if first == 0:
        os.write(1, b"0\\n")
    function(loop, connection)
    first = numbers.stop
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with fewer trades than rows are logged, so they are repeated."""
    path = tmp_path_factory.mktemp("market") / "1.100000021"
    write_market(Recipe(seed=21, runners=4, updates=120), path)
    return path


@pytest.fixture(scope="module")
def scenario() -> Any:
    """The scenario file, imported as a worker does it."""
    return LoadedScenario(str(SCENARIO)).module


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The path of a database that is not there yet."""
    return str(tmp_path / "trades.db")


@pytest.fixture
def connection(scenario: Any, database: str) -> Iterator[sqlite3.Connection]:
    """The database as the modes open it."""
    with closing(scenario.connected(database)) as opened:
        yield opened


def logged(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """``perfbench run batch_inserts``, in memory where the system has a folder for that: nobody looks at these times."""
    memory = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    return perfbench("run", "batch_inserts", "--quiet", "--rounds", "1", *arguments, folder=folder, env=memory)


def numbers(market: Path, folder: Path, modes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """What each of these modes said of one of its passes, if it is available here; all of them must have logged the same."""
    named = [part for mode in modes for part in ("--mode", mode)]
    sets = ("--set", f"rows={ROWS}", "--set", f"batch={FEW}")
    done = logged(*named, *sets, "--data", market, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (saved,) = (folder / "results").glob("*.json")
    measurements = [m for m in json.loads(saved.read_text())["measurements"] if m["samples"]]
    missing = re.findall(r"(\w+): not available here: PostgreSQL", done.stdout)
    assert {m["case"]["mode"] for m in measurements} == {*modes} - {*missing}, done.stdout
    assert {m["output"]["updates"] for m in measurements} == {ROWS}
    assert len({m["output"]["digest"] for m in measurements}) == 1
    return {m["case"]["mode"]: m["samples"][0]["numbers"] for m in measurements}


def one_pass(market: Path, mode: str, **parameters: str | int) -> tuple[dict[str, float], list[Any]]:
    """What one pass of a mode, done here, says of itself, and its rows."""
    with LoadedScenario(str(SCENARIO)).bound(mode, str(market), dict(parameters)) as call:
        work = call()
        return work.numbers, list(work.output)


def rows_in(database: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return opened.execute("SELECT * FROM trades ORDER BY rowid").fetchall()


def row(n: int) -> tuple[object, ...]:
    """Row ``n`` of what a child sends."""
    return str(n) * 100, n, 2 * n, 3 * n


def a_row(n: int, timestamp: object = 1_580_000_000_000) -> tuple[object, ...]:
    return "1.100000021", n, 1_000, timestamp


class Child:
    """A process that logs rows with a mode, without end, and says after each commit how many were in it."""

    def __init__(self, folder: Path, mode: str, pause_us: int = 0) -> None:
        self.database = str(folder / "trades.db")
        self._handed = folder / "handed"
        self._handed.write_bytes(bytes(8))
        arguments = [SCENARIO, mode, self.database, self._handed, SESSION, pause_us]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, arguments)], stdout=subprocess.PIPE, bufsize=0
        )
        assert self._process.stdout is not None
        self._said = self._process.stdout.read(2)

    def handed(self) -> int:
        """Rows whose call has returned to the loop."""
        with self._handed.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as noted:
            return int(struct.unpack("<q", noted[:])[0])

    def kill(self, after: float) -> int:
        """SIGKILL after so many seconds. Returns how many rows it had said to be committed."""
        try:
            self._process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            self._process.kill()
        said, _ = self._process.communicate()
        assert self._process.returncode == -signal.SIGKILL
        return sum(int(line) for line in (self._said + said).split(b"\n")[:-1])


def test_every_sqlite_mode_saves_the_same_rows_and_reports_its_loss_on_a_kill(market: Path, tmp_path: Path) -> None:
    said = numbers(market, tmp_path, SQLITE)
    assert {mode: said[mode]["at_risk_rows"] for mode in SQLITE[:-1]} == {
        "commit_per_row": 0,
        "one_transaction": ROWS,
        "advised_batches": FEW - 1,
        "executemany_batches": FEW - 1,
        "wal_rows": 0,
        "wal_batches": FEW - 1,
    }
    assert 0 < said["writer_thread"]["at_risk_rows"] <= ROWS
    for mode in SQLITE:
        p50, p999 = said[mode]["latency_p50_us"], said[mode]["latency_p999_us"]
        assert 0 < p50 <= p999 <= said[mode]["latency_max_ms"] * 1e3 + 1e-6
        assert said[mode]["fsync_ms"] > 0
    assert said["wal_rows"]["bytes_per_row"] > 4096 > said["commit_per_row"]["bytes_per_row"]


@pytest.mark.parametrize(
    "mode",
    [
        "duckdb_columns",
        "postgres_copy",
        *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("duckdb_executemany", "postgres_executemany")),
    ],
)
def test_other_databases_get_the_same_rows(market: Path, tmp_path: Path, mode: str) -> None:
    said = numbers(market, tmp_path, ("commit_per_row", mode))
    if mode not in said:
        pytest.skip("there is no PostgreSQL here")
    assert said[mode]["at_risk_rows"] == FEW - 1
    assert said[mode]["bytes_per_row"] > 0


def test_file_without_trades_is_not_available(market: Path, tmp_path: Path) -> None:
    (tmp_path / "silent").write_text(market.read_text().replace('"trd"', '"atl"'))
    done = logged("--mode", "wal_rows", "--data", "silent", folder=tmp_path)
    assert done.returncode != 0
    assert "has no traded volume" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("mode", "name", "value"),
    [("wal_rows", "rows", 0), ("full_disk", "rollback", "no"), ("second_writer", "begin", "")],
)
def test_parameter_out_of_range_is_reported(market: Path, mode: str, name: str, value: str | int) -> None:
    with pytest.raises(ScenarioError, match=f"{name}={value}:"):
        one_pass(market, mode, **{"rows": 20, name: value})


@pytest.mark.parametrize("seed", range(21))
def test_rows_after_a_kill_are_a_prefix_with_all_committed_rows(tmp_path: Path, seed: int) -> None:
    mode = SQLITE[seed % len(SQLITE)]
    child = Child(tmp_path, mode)
    committed = child.kill(after=random.Random(seed).uniform(0.0, 0.25))
    found = rows_in(child.database)
    assert found == [row(n) for n in range(len(found))]
    assert committed <= len(found) <= child.handed() + 1
    assert child.handed() - len(found) <= MAY_LOSE.get(mode, SESSION)
    in_session = len(found) % SESSION
    if mode == "one_transaction":
        assert in_session == 0
    elif mode.endswith("_batches"):
        assert in_session % BATCH == 0


def test_a_kill_in_the_middle_of_a_batch_loses_the_rows_that_were_handed_over(tmp_path: Path) -> None:
    child = Child(tmp_path, "executemany_batches", pause_us=5_000)
    while child.handed() < BATCH + 30:
        time.sleep(0.002)
    child.kill(after=0.0)
    assert len(rows_in(child.database)) == BATCH
    assert 30 <= child.handed() - BATCH < BATCH


def test_partial_writes_of_a_killed_transaction_are_rolled_back_on_the_next_open(
    tmp_path: Path,
) -> None:
    child = Child(tmp_path, "one_transaction", pause_us=500)
    while child.handed() < SESSION + 200:
        time.sleep(0.002)
    child.kill(after=0.0)
    assert Path(child.database + "-journal").stat().st_size > 0
    half_written = Path(child.database).stat().st_size
    assert rows_in(child.database) == [row(n) for n in range(SESSION)]
    assert not Path(child.database + "-journal").exists()
    assert Path(child.database).stat().st_size < half_written


def test_sqlite_is_opened_as_it_comes_or_with_a_write_ahead_log(scenario: Any, tmp_path: Path) -> None:
    def pragmas(name: str, wal: bool) -> list[object]:
        with closing(scenario.connected(str(tmp_path / name), wal=wal)) as opened:
            return [opened.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in ("journal_mode", "synchronous")]

    full, normal = 2, 1
    assert pragmas("default", wal=False) == ["delete", full]
    assert pragmas("wal", wal=True) == ["wal", normal]


def test_refused_batch_is_retried_with_the_next_row(
    scenario: Any, connection: sqlite3.Connection, database: str
) -> None:
    loop = scenario.TradingLoop([a_row(0)], database)
    batches = sys.modules[scenario.TradingLoop.__module__].Batches(loop, scenario.executemany(connection), 2)
    connection.execute("PRAGMA query_only = true")
    batches.log(a_row(0))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        batches.log(a_row(1))
    connection.execute("PRAGMA query_only = false")
    batches.log(a_row(2))
    assert rows_in(database) == [a_row(0), a_row(1), a_row(2)]


def test_an_error_in_the_writer_thread_is_raised_where_the_log_is_closed(
    scenario: Any, connection: sqlite3.Connection, database: str
) -> None:
    writer = scenario.Writer(
        scenario.TradingLoop([a_row(0)], database), lambda: scenario.executemany(connection), BATCH
    )
    writer.log(a_row(0))
    with pytest.raises(sqlite3.ProgrammingError, match="created in a thread can only be used in that same thread"):
        writer.close()


@pytest.mark.parametrize(("rollback", "hides"), [("advised", True), ("checked", False)])
def test_advised_rollback_hides_a_full_disk_and_the_checked_rollback_does_not(
    market: Path, rollback: str, hides: bool
) -> None:
    said, rows = one_pass(market, "full_disk", rows=300, rollback=rollback)
    assert said["errors"] > 0
    assert said["masked_errors"] == (said["errors"] if hides else 0)
    assert rows == one_pass(market, "wal_batches", rows=300)[1]


def traced(statements: list[str]) -> Any:
    """What connects, and notes every statement and the end of the connection."""

    class Closing(sqlite3.Connection):
        def close(self) -> None:
            statements.append("closed")
            super().close()

    def connect(database: str) -> sqlite3.Connection:
        statements.append("opened")
        connection = sqlite3.connect(database, factory=Closing)
        connection.set_trace_callback(statements.append)
        return connection

    return connect


def test_advised_batch_has_a_connection_and_a_transaction_of_its_own(
    scenario: Any, connection: sqlite3.Connection, database: str
) -> None:
    statements: list[str] = []
    for rows in ([a_row(0), a_row(1)], [a_row(2)]):
        scenario.save_as_advised(database, rows, traced(statements))
    row = "INSERT INTO trades (market_id, price, size, timestamp) VALUES ('1.100000021', {}, 1000, 1580000000000)"
    assert statements == [
        *("opened", "BEGIN", row.format(0), row.format(1), "COMMIT", "closed"),
        *("opened", "BEGIN", row.format(2), "COMMIT", "closed"),
    ]
    assert rows_in(database) == [a_row(0), a_row(1), a_row(2)]


def test_advised_batch_that_fails_is_rolled_back_raised_and_its_connection_closed(
    scenario: Any, connection: sqlite3.Connection, database: str
) -> None:
    statements: list[str] = []
    with pytest.raises(sqlite3.ProgrammingError, match="bindings supplied"):
        scenario.save_as_advised(database, [a_row(0), ("too", "few")], traced(statements))
    assert [statements[n] for n in (0, 1, -2, -1)] == ["opened", "BEGIN", "ROLLBACK", "closed"]
    assert rows_in(database) == []


def test_advised_mode_opens_a_connection_for_each_batch_and_the_last_rows(
    scenario: Any, connection: sqlite3.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[Any]] = []
    plain = scenario.save_as_advised

    def noted(path: str, batch: Sequence[Any]) -> None:
        batches.append(list(batch))
        plain(path, batch)

    monkeypatch.setattr(scenario, "save_as_advised", noted)
    rows = [a_row(n) for n in range(7)]
    work = scenario.advised_batches(scenario.TradingLoop(rows, database), database, batch=3)
    assert batches == [rows[:3], rows[3:6], rows[6:]]
    assert list(work.output) == rows == rows_in(database)


def test_latency_percentile_is_that_of_the_slowest_thousandth_of_enough_rows(scenario: Any, database: str) -> None:
    assert inspect.signature(scenario.loop).parameters["rows"].default == 50_000
    loop = scenario.TradingLoop([a_row(0)] * 50_000, database)
    loop._waited = [1_000] * 49_949 + [5_000] + [9_000] * 49 + [70_000_000]
    numbers = loop.work(1, iter(())).numbers
    assert (numbers["latency_p999_us"], numbers["latency_max_ms"]) == (9.0, 70.0)
    loop._waited[-2] = 1_000  # then fifty calls, the slowest thousandth, begin at the one of 5 µs
    assert loop.work(1, iter(())).numbers["latency_p999_us"] == 5.0


def test_claims_are_about_the_advised_batches() -> None:
    claims = [
        (claim.before, claim.after, claim.ratio, claim.metric) for claim in LoadedScenario(str(SCENARIO)).module.CLAIMS
    ]
    assert claims == [
        ("commit_per_row", "advised_batches", 5.0, ""),
        ("commit_per_row", "advised_batches", 10.0, "latency_p999_us"),
        ("commit_per_row", "advised_batches", 10.0, "latency_max_ms"),
    ]


@pytest.mark.parametrize(
    ("way", "seen"), [("save_as_advised", "cannot rollback"), ("save_checked", "database is locked")]
)
def test_the_advised_rollback_hides_that_begin_failed(
    scenario: Any, connection: sqlite3.Connection, database: str, way: str, seen: str
) -> None:
    class Immediate(sqlite3.Connection):
        def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
            return super().execute("BEGIN IMMEDIATE" if statement == "BEGIN" else statement, *parameters)

    def connect(path: str) -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=0, factory=Immediate)

    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match=seen):
        getattr(scenario, way)(database, [a_row(0)], connect)
    connection.rollback()
    getattr(scenario, way)(database, [a_row(0)], connect)
    assert rows_in(database) == [a_row(0)]


@pytest.mark.parametrize(("begin", "fails"), [("deferred", True), ("immediate", False)])
def test_deferred_begin_fails_at_once_beside_a_writer_and_an_immediate_begin_waits(
    market: Path, begin: str, fails: bool
) -> None:
    said, rows = one_pass(market, "second_writer", rows=300, begin=begin)
    assert (said["failed_at_once"] > 0) == fails
    assert rows == one_pass(market, "wal_batches", rows=300)[1]


@pytest.mark.parametrize("reads_first", [True, False])
def test_deferred_transaction_that_reads_first_does_not_wait(
    scenario: Any, connection: sqlite3.Connection, database: str, reads_first: bool
) -> None:
    """The other writer ends after a second: whoever waits for it succeeds."""
    locked = threading.Event()

    def write() -> None:
        with closing(scenario.connected(database)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            time.sleep(1)
            other.rollback()

    writing = threading.Thread(target=write)
    writing.start()
    locked.wait()
    connection.execute("BEGIN")
    if reads_first:
        connection.execute("SELECT max(rowid) FROM trades").fetchone()
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            connection.execute(scenario.INSERT, a_row(0))
        connection.rollback()
    else:
        connection.execute(scenario.INSERT, a_row(0))
        connection.commit()
    writing.join()
    assert rows_in(database) == ([] if reads_first else [a_row(0)])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="autocommit came with Python 3.12")
def test_a_connection_with_autocommit_off_rejects_begin(database: str) -> None:
    opened = sqlite3.connect(database, autocommit=False)  # type: ignore[call-overload,unused-ignore]
    with closing(opened), pytest.raises(sqlite3.OperationalError, match="transaction within a transaction"):
        opened.execute("BEGIN")


def test_a_numpy_time_becomes_a_blob_in_silence_unless_it_is_made_an_int(
    scenario: Any, connection: sqlite3.Connection
) -> None:
    time_of_trade = numpy.int64(1_580_000_000_000)
    scenario.executemany(connection)([a_row(0, time_of_trade), a_row(1, int(time_of_trade))])
    kinds = connection.execute("SELECT typeof(timestamp) FROM trades ORDER BY rowid").fetchall()
    assert kinds == [("blob",), ("integer",)]
    found = connection.execute("SELECT price FROM trades WHERE timestamp > 0 AND timestamp < 2e12").fetchall()
    assert found == [(1,)]
