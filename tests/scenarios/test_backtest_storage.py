"""The scenario about stores of backtests, small: the same bets from every store, and the database's share of a real backtest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.command_line import perfbench
from support.scenarios import import_shipped

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

NO_NEEDS = [
    "sqlite_bare",
    "advised_indexes",
    "build_charged",
    "sqlite_pragmas",
    "indexes_and_pragmas",
    "beside_flumine",
    "sqlite_one_query",
]
FILES = ["files", "tick_files"]
SMALL = ("--quiet", "--rounds", "1", "--set", "markets=3", "--set", "ticks=600")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two markets of an event in one file, the ids of which come in an order that is not theirs by time."""
    path = tmp_path_factory.mktemp("market") / "1.100000013"
    write_market(Recipe(seed=13, runners=4, updates=1500, markets=2, in_play=True), path)
    return path


@pytest.fixture
def loops() -> ModuleType:
    """The module with the loop and the strategy."""
    return import_shipped("_tick_loop")


def test_every_store_leads_to_the_same_bets_and_the_share_of_the_database_is_measured(
    tmp_path: Path, market: Path
) -> None:
    modes = [*NO_NEEDS, *FILES]
    chosen = [word for mode in modes for word in ("--mode", mode)]
    done = perfbench("run", "backtest_storage", "--data", market, *SMALL, *chosen, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^  (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE) == [(mode, "yes") for mode in modes[1:]]
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    said = {m["case"]["mode"]: m["samples"][0]["numbers"] for m in document["measurements"]}
    assert {m["output"]["updates"] for m in document["measurements"]} == {6}  # markets: three times the two of the file
    assert len({(numbers["bets"], numbers["profit"]) for numbers in said.values()}) == 1
    assert said["files"]["bets"] > 0
    assert min(numbers["read_ms"] for numbers in said.values()) > 0
    assert min(said[mode]["build_seconds"] for mode in ("advised_indexes", "build_charged")) > 0
    beside = said["beside_flumine"]
    for share in ("database_share", "bare_share"):
        assert 0 < beside[share] < 1
    assert beside["whole_saved"] < beside["bare_share"]


def test_duckdb_and_parquet_lead_to_the_same_bets(tmp_path: Path, market: Path) -> None:
    modes = ["sqlite_bare", "duckdb", "parquet_files"]
    chosen = [word for mode in modes for word in ("--mode", mode)]
    done = perfbench("run", "backtest_storage", "--data", market, *SMALL, *chosen, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^  (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE) == [(mode, "yes") for mode in modes[1:]]


def test_missing_market_is_one_line(tmp_path: Path, market: Path) -> None:
    options = ("--data", market, "--quiet", "--rounds", "1", "--mode", "sqlite_bare", "--set", "markets=0")
    done = perfbench("run", "backtest_storage", *options, folder=tmp_path)
    assert "markets=0 ticks=0: use 1 or more markets, 0 (all) or more ticks" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_strategy_backs_a_fall_and_hedges_twenty_trades_later_or_at_the_end(loops: ModuleType) -> None:
    falls = [(1000 + n, 7, price, 200) for n, price in enumerate([300] * 10 + [290] + [280] * 19 + [250])]
    (bet,) = list(loops.momentum(falls))[:1]
    assert bet == (1010, 7, 290, 250, round(200 * 40 / 250))
    (bet,) = loops.momentum(falls[:15])
    assert bet == (1010, 7, 290, 280, round(200 * 10 / 280))
    steady = [(1000 + n, 7, 300 - n % 3, 200) for n in range(100)]
    assert list(loops.momentum(steady)) == []
    assert list(loops.momentum([(time, time, price, size) for time, _, price, size in falls])) == []  # of many runners


def test_work_has_an_item_for_every_market_in_any_order(loops: ModuleType) -> None:
    falls = [(1000 + n, 7, price, 200) for n, price in enumerate([300] * 10 + [290, 280, 270])]
    one, other = (loops.backtested(order) for order in ([("1.1", falls), ("1.2", [])], [("1.2", []), ("1.1", falls)]))
    assert one.output == other.output
    assert [(item["market"], item["ticks"], len(item["bets"])) for item in one.output] == [
        ("1.1", 13, 1),
        ("1.2", 0, 0),
    ]
    assert one.amount == 2
    assert one.numbers["profit"] == round(200 * 20 / 270) / 100


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scenario file, with a cache of its own."""
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    return import_shipped("backtest_storage")


@pytest.fixture
def opened(storage: ModuleType, market: Path) -> Iterator[tuple[Any, Any, list[str]]]:
    """A store of two markets, its SQLite copy, and a list of what happened: each statement, and each time it is opened again."""
    store = import_shipped("perfbench.kit.market_store").stored(str(market), 400)
    events: list[str] = []

    class Noted(import_shipped("perfbench.kit.market_databases").SQLite):  # type: ignore[misc]
        def rows(self, query: str, values: Any = ()) -> Any:
            events.append(query)
            return super().rows(query, values)

        def reopen(self) -> None:
            events.append("reopened")
            super().reopen()

    with store.copy() as path:
        database = Noted(path)
        yield store, database, events
        database.connection.close()


def test_advised_indexes_are_those_of_the_notes_and_of_the_scenario_about_indexes(storage: ModuleType) -> None:
    assert storage.ADVISED == import_shipped("indexes").ADVISED
    assert [re.sub(r"CREATE INDEX \w+ ON ", "", statement) for statement in storage.ADVISED] == [
        "market_data (market_id, timestamp)",
        "trades (market_id, timestamp)",
        "trades (strategy_id, market_id, realized_pnl)",
    ]


def test_no_side_begins_its_pass_with_pages_in_the_cache_of_its_connection(storage: ModuleType, opened: Any) -> None:
    store, database, events = opened
    assert storage.bare(database) is database
    assert events == ["reopened"]
    bare = storage.sqlite_bare(database, store).output
    events.clear()
    indexed = storage.indexed(database, store)
    assert events[:3] == [*storage.ADVISED]
    assert events[-1] == "reopened"
    events.clear()
    work = storage.advised_indexes(indexed, store)
    assert set(events) == {import_shipped("_tick_loop").ONE}
    assert work.output == bare
    assert work.numbers["build_seconds"] == indexed.build_seconds > 0


def test_building_is_charged_within_the_pass_and_settings_are_set_after_opening(
    storage: ModuleType, opened: Any
) -> None:
    store, database, events = opened
    charged = storage.build_charged(storage.bare(database), store)
    assert events[:4] == ["reopened", *storage.ADVISED]
    assert charged.numbers["build_seconds"] > 0
    storage.with_pragmas(storage.bare(database))
    assert database.rows("PRAGMA cache_size") == [(-64000,)]
    database.reopen()
    assert database.rows("PRAGMA cache_size") != [(-64000,)]


def test_claim_of_the_notes_is_about_the_indexes_alone(storage: ModuleType) -> None:
    assert [(claim.after, claim.ratio, claim.source) for claim in storage.CLAIMS] == [
        ("advised_indexes", 5.0, "community notes"),
        ("build_charged", 1.0, "perfbench"),
        ("sqlite_pragmas", 1.0, "perfbench"),
    ]
