"""The scenario about stores of backtests, small: the same bets from every store, and the database's share of a real backtest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from support.command_line import perfbench
from support.scenarios import import_shipped

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

NO_NEEDS = ["sqlite_bare", "sqlite_pragmas", "sqlite_advised", "advised_beside_flumine", "sqlite_one_query"]
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
    beside = said["advised_beside_flumine"]
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
