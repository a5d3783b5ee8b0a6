"""Backtests with a real flumine: strategies, parameters, readers, processes, and three releases that must agree on the orders."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.command_line import perfbench
from support.scenarios import scenario_path
from uv import find_uv_bin

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments.interpreters import find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, OutputItem, PassMeasurement, Ready, Request

HERE = Environment("here", sys.executable)
UPDATES = 700
RELEASES = ("1.17.8", "2.13.11", "3.3.2")
TICKRUSH = "tickrush==0.1.0"

MINE = """
from flumine import BaseStrategy
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from my_rules import worth_a_bet

class LayTheFavourite(BaseStrategy):
    def __init__(self, price=2.0, **keywords):
        super().__init__(**keywords)
        self.price = price

    def check_market_book(self, market, market_book):
        return worth_a_bet(market_book) and not len(market.blotter)

    def process_market_book(self, market, market_book):
        favourite = min(market_book.runners, key=lambda runner: runner.last_price_traded or 1000)
        trade = Trade(market_book.market_id, favourite.selection_id, favourite.handicap, self)
        order_type = LimitOrder(self.price, self.context["stake"])
        market.place_order(trade.create_order(side="LAY", order_type=order_type))

class Fails(LayTheFavourite):
    def process_market_book(self, market, market_book):
        raise RuntimeError("no more money")

class NeedsMore(LayTheFavourite):
    def __init__(self, bank, **keywords):
        super().__init__(**keywords)

class NoStrategy:
    pass
"""
RULES = """
def worth_a_bet(market_book):
    return market_book.status == "OPEN" and not market_book.inplay
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small market with a removal and an in-play part, on which best_price trades."""
    path = tmp_path_factory.mktemp("market") / "1.100000011"
    write_market(Recipe(seed=11, runners=6, updates=UPDATES, bsp=True, in_play=True, removal=True), path)
    return path


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's strategies in a folder of their own, with a module beside them."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_rules.py").write_text(RULES)
    (folder / "lowest.py").write_text(MINE)
    (folder / "unfinished.py").write_text("def broken(:\n")
    return folder


def asked(
    task: str, market: Path, mode: str = "flumine_reader", where: Environment = HERE, seed: int = 0, **parameters: Any
) -> WorkerProcess:
    scenario = "backtest_processes" if mode.endswith(("process", "processes")) else "backtest"
    path = str(scenario_path(scenario))
    request = Request(task, path, mode, str(market), dict(parameters), first=0, last=1 << 30)
    return WorkerProcess(where, request, hash_seed=seed, timeout=100)


def digested(*arguments: Any, **more: Any) -> OutputDigest:
    with asked("check", *arguments, **more) as worker:
        answer = worker.expect(OutputDigest)
        worker.end()
    return answer


def measured(*arguments: Any, **more: Any) -> PassMeasurement:
    with asked("time", *arguments, **more) as worker:
        worker.expect(Ready)
        worker.go()
        answer = worker.expect(PassMeasurement)
        worker.end()
    return answer


def happened(*arguments: Any, **more: Any) -> list[dict[str, Any]]:
    """What the backtest says of every update."""
    with asked("dump", *arguments, **more) as worker:
        return [item.value for item in worker.answers(OutputItem)]


# Strategies -------------------------------------------------------------------------------------------------------------


def test_a_strategy_from_another_folder_is_backtested_by_the_command_line(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(mine)  # relative to where perfbench is called, and not to the scenario
    settings = ("--set", "strategy=elsewhere/lowest.py:LayTheFavourite", "--set", "strategy_parameters=stake=3,price=3")
    options = ("--data", "sample-win", *settings, "--rounds", "1", "--quiet")
    done = perfbench("run", "backtest", *options, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^backtest · sample-win · 8,000 updates", done.stdout, re.MULTILINE)
    assert re.search(r"^  flumine_reader +\d+\.\d{3}s ", done.stdout, re.MULTILINE)
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    (measurement,) = document["measurements"]
    assert measurement["output"]["updates"] == 8000
    assert len(measurement["samples"]) > 0
    for sample in measurement["samples"]:
        assert (sample["work"], sample["numbers"]["orders"], sample["numbers"]["closed"]) == (8000, 1, 1)
    assert {"flumine", "betfairlightweight"} <= {package["name"] for package in measurement["packages"]}


def test_the_idle_strategy_places_no_order_and_best_price_many(market: Path) -> None:
    idle, busy = (measured(market, strategy=name) for name in ("idle", "best_price"))
    assert idle.work == busy.work == UPDATES
    assert idle.numbers == {"markets": 1, "closed": 1, "orders": 0, "refused": 0, "matched": 0, "profit": 0}
    assert busy.numbers["orders"] > 20
    assert busy.numbers["matched"] > 20
    assert busy.numbers["profit"] != 0


def test_the_parameters_of_a_strategy_are_arguments_of_its_constructor_or_else_context(
    market: Path, mine: Path
) -> None:
    spec = f"{mine / 'lowest.py'}:LayTheFavourite"
    items = happened(market, strategy=spec, strategy_parameters="stake=3, price=1.5,max_order_exposure=100")
    (order,) = [order for item in items for order in item.get("orders", ())]
    assert (order["side"], order["price"], order["size"]) == ("LAY", 1.5, 3.0)
    refused = happened(market, strategy=spec, strategy_parameters="stake=3,price=1.5,max_order_exposure=1")
    assert not any("orders" in item for item in refused)
    assert refused[-1]["markets"][0]["refused"] > 100


def test_backtest_lists_every_order_at_its_update_and_the_sums_at_the_end_of_the_market(market: Path) -> None:
    items = happened(market)
    assert len(items) == UPDATES
    assert all(set(item) <= {"orders", "markets"} for item in items)
    orders = [order for item in items for order in item.get("orders", ())]
    assert [number for number, item in enumerate(items) if "markets" in item] == [UPDATES - 1]
    (end,) = items[-1]["markets"]
    assert end["orders"] == len(orders) > 20
    assert end["matched"] == pytest.approx(sum(order["matched"] for order in orders))
    assert end["profit"] == pytest.approx(sum(order["profit"] for order in orders))
    assert {order["side"] for order in orders} == {"BACK", "LAY"}
    for order in orders:
        accounted = order["matched"] + order["cancelled"] + order["lapsed"] + order["voided"]
        assert accounted == pytest.approx(order["size"])
    lines = [json.loads(line) for line in market.read_text().splitlines()]
    for number, item in enumerate(items):
        for order in item.get("orders", ()):
            assert lines[number]["pt"] < order["placed"] <= lines[number]["pt"] + 60_000


def test_the_profit_of_a_market_whose_end_is_missing_is_unknown_and_not_zero(tmp_path: Path, market: Path) -> None:
    lines = market.read_text().splitlines(keepends=True)[: UPDATES * 7 // 10]
    (tmp_path / "cut").write_text("".join(lines))
    items = happened(tmp_path / "cut")
    (end,) = items[-1]["markets"]
    assert end["orders"] > 0
    assert end["profit"] is None
    assert {order["profit"] for item in items for order in item.get("orders", ())} == {None}
    assert measured(tmp_path / "cut").numbers["closed"] == 0


def test_the_orders_are_the_same_in_every_pass_and_with_every_hash_seed(market: Path) -> None:
    digests = {
        digested(market, seed=seed, strategy_parameters="inplay=true,every=5").digest for seed in (0, 0, 1, 4711)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("parameters", ["stake=3", "every=50", "within=300", "inplay=true", "dearest=5"])
def test_orders_depend_on_the_parameters(market: Path, parameters: str) -> None:
    assert digested(market, strategy_parameters=parameters).digest != digested(market).digest


# Bad input --------------------------------------------------------------------------------------------------------------


def test_missing_strategy_is_one_line_of_the_report_and_exit_5(tmp_path: Path, market: Path) -> None:
    options = ("--data", market, "--rounds", "1", "--quiet", "--set", "strategy=mine.py:Best")
    done = perfbench("run", "backtest", *options, folder=tmp_path)
    assert done.returncode == 5
    assert "! flumine_reader: strategy=mine.py:Best: there is no file mine.py (check pass)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("strategy", "parameters", "line"),
    [
        ("best", "", "strategy=best: no such strategy; use idle, best_price or path/to/file.py:Class"),
        (
            "MINE/lowest.py",
            "",
            "strategy=MINE/lowest.py: no such strategy; use idle, best_price or path/to/file.py:Class",
        ),
        ("MINE:Best", "", "strategy=MINE:Best: there is no file MINE"),
        ("MINE/lowest.py:Nope", "", "strategy=MINE/lowest.py:Nope: MINE/lowest.py has no class Nope"),
        (
            "MINE/lowest.py:NoStrategy",
            "",
            "strategy=MINE/lowest.py:NoStrategy: NoStrategy is not a subclass of flumine's BaseStrategy",
        ),
        (
            "MINE/lowest.py:NeedsMore",
            "",
            "strategy MINE/lowest.py:NeedsMore cannot be made: missing a required argument: 'bank'",
        ),
        ("MINE/lowest.py:Fails", "", "RuntimeError: no more money at mine0/lowest.py:23"),
        ("MINE/lowest.py:LayTheFavourite", "", "KeyError: 'stake' at mine0/lowest.py:18"),
        ("MINE/unfinished.py:Best", "", "invalid syntax at unfinished.py:1"),
        ("best_price", "stake", "strategy_parameters=stake: stake is not NAME=VALUE"),
        ("best_price", "stake=2,=3", "strategy_parameters=stake=2,=3: =3 is not NAME=VALUE"),
    ],
)
def test_invalid_strategy_is_one_line(market: Path, mine: Path, strategy: str, parameters: str, line: str) -> None:
    spec = strategy.replace("MINE", str(mine))
    with (
        asked("check", market, strategy=spec, strategy_parameters=parameters) as worker,
        pytest.raises(TrialFailed) as failed,
    ):
        worker.expect(OutputDigest)
    assert str(failed.value) == line.replace("MINE", str(mine))


# Other orders are said before any speed ---------------------------------------------------------------------------------

READERS = '''"""Do other books give other orders?"""
import json
from perfbench.kit.simulation import backtest, work
from perfbench.kit.strategies import choose
from perfbench import mode, setup

UNIT = "updates"

@setup
def chosen():
    return choose("best_price", "")

@mode(baseline=True)
def right(market, chosen):
    return work([backtest([market], chosen)])

@mode
def dear(market, chosen):
    return work([backtest([market], chosen, raised)])

@mode
def hasty(market, chosen):
    return work([backtest([market], chosen, shortened)])

def books(market, stream_id):
    from betfairlightweight import APIClient, StreamListener
    stream = APIClient("", "", "").streaming.create_historical_generator_stream(market, StreamListener(max_latency=None))
    for update in stream.get_generator()():
        for book in update:
            book.streaming_unique_id = stream_id
        yield update

def raised(market, stream_id):
    for update in books(market, stream_id):
        for runner in update[0].runners:
            runner.ex.available_to_lay = [dict(level, size=0.02) for level in runner.ex.available_to_lay]
        yield update

def shortened(market, stream_id):
    for number, update in enumerate(books(market, stream_id)):
        if number % 2 == 0:
            yield update
'''


@pytest.fixture
def readers(tmp_path: Path) -> Path:
    """A folder with a scenario whose modes read the market wrongly."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "readers.py").write_text(READERS)
    return own


def test_a_reader_that_leads_to_other_orders_or_skips_updates_is_refused(
    tmp_path: Path, market: Path, readers: Path
) -> None:
    options = ("--scenarios", readers, "--data", market, "--rounds", "1", "--quiet")
    done = perfbench("run", "readers", *options, folder=tmp_path)
    assert done.returncode == 6, done.stdout + done.stderr
    assert re.search(r"! dear differs at update \d+, orders\[\d+\]\.\w+: .+ → .+", done.stdout)
    assert re.search(r"! hasty .*700 updates → 350 updates", done.stdout)


# Processes --------------------------------------------------------------------------------------------------------------


def test_two_processes_place_the_same_orders_as_a_single_process_on_every_market(market: Path) -> None:
    one, two = (digested(market, mode, markets=3) for mode in ("one_process", "two_processes"))
    assert (two.digest, two.updates) == (one.digest, one.updates)
    assert one.updates == 3 * UPDATES
    items = happened(market, "two_processes", markets=3)
    ends = [end for item in items for end in item.get("markets", ())]
    assert len({end["market"] for end in ends}) == len(ends) == 3
    assert {(end["orders"], end["profit"]) for end in ends} == {(ends[0]["orders"], ends[0]["profit"])}
    alone = happened(market)[-1]["markets"][0]
    assert (ends[0]["orders"], ends[0]["matched"], ends[0]["profit"]) == (
        alone["orders"],
        alone["matched"],
        alone["profit"],
    )


def test_two_processes_are_measured_by_wall_time_with_the_memory_of_all_of_them(tmp_path: Path, market: Path) -> None:
    options = ("--data", market, "--rounds", "1", "--quiet", "--set", "markets=2", "--set", "strategy=idle")
    done = perfbench("run", "backtest_processes", *options, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  two_processes .+ yes$", done.stdout, re.MULTILINE)
    assert "wall seconds" in done.stdout
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    peaks = {
        measurement["case"]["mode"]: sample["metrics"]["peak_rss_bytes"]
        for measurement in document["measurements"]
        for sample in measurement["samples"]
        if "peak_rss_bytes" in sample["metrics"]
    }
    if sys.platform == "linux":
        assert peaks["two_processes"] > 1.5 * peaks["one_process"]


def test_single_market_for_two_processes_is_refused_in_one_line(market: Path) -> None:
    with asked("check", market, "two_processes", markets=1) as worker, pytest.raises(TrialFailed) as failed:
        worker.expect(OutputDigest)
    assert str(failed.value) == "markets=1: two processes need at least 2"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to the life of its parent")
def test_the_processes_of_a_worker_that_was_killed_end_with_it(market: Path) -> None:
    with asked("time", market, "two_processes", markets=60) as worker:
        worker.expect(Ready)
        worker.go()
        (process,) = [child for child in psutil.Process().children() if "worker" in " ".join(child.cmdline())]
        deadline = time.monotonic() + 30
        while len(pool := find_pool(process)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(pool) == 2
        children = process.children()
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive


def find_pool(worker: psutil.Process) -> list[psutil.Process]:
    """The processes of a worker that replay; the shell that removes its folder is none of them."""
    return [child for child in worker.children() if child.name() != "sh"]


# Releases ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    """An environment for every release of flumine; tickrush is in that of the newest."""
    oldest = [found.path for found in find_interpreters() if found.version.startswith("3.8.")]
    if not oldest:
        pytest.skip("no CPython 3.8 on this machine, which flumine 1.17.8 needs")
    folder = tmp_path_factory.mktemp("releases")
    built = {}
    for release in RELEASES:
        python = folder / release / "bin" / "python"
        base = oldest[0] if release.startswith("1.") else sys.executable
        _uv("venv", "--quiet", "--python", base, str(folder / release))
        more = (TICKRUSH,) if release == RELEASES[-1] else ()
        _uv("pip", "install", "--quiet", "--python", str(python), f"flumine=={release}", *more)
        built[release] = Environment(release, str(python))
    return built


def _uv(*arguments: str) -> None:
    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    if re.search("error sending request|dns error|timed out|[Cc]onnect", done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("strategy", ["idle", "best_price", "lowest.py:LayTheFavourite"])
def test_three_releases_of_flumine_do_the_same_work_and_place_the_same_orders(
    market: Path, mine: Path, releases: dict[str, Environment], strategy: str
) -> None:
    spec = str(mine / strategy) if strategy.startswith("lowest") else strategy
    parameters = "stake=3,price=3.0" if strategy.startswith("lowest") else ""
    answers = {
        release: digested(market, where=where, strategy=spec, strategy_parameters=parameters)
        for release, where in releases.items()
    }
    assert {answer.updates for answer in answers.values()} == {UPDATES}
    assert len({answer.digest for answer in answers.values()}) == 1
    for release, answer in answers.items():
        assert ("flumine", release) in {(package.name, package.version) for package in answer.packages}


@pytest.mark.network_heavy
def test_orders_competing_for_a_trade_show_that_old_releases_matched_it_twice(
    market: Path, releases: dict[str, Environment]
) -> None:
    """2.13.11 takes what one order got of a trade from what the next one can get; 1.17.8 does not."""
    limits = "max_order_exposure=100000,max_selection_exposure=1000000"
    parameters = f"inplay=true,every=2,within=100000,stake=50,{limits}"
    old, new, newest = (happened(market, where=releases[r], strategy_parameters=parameters) for r in RELEASES)
    assert new == newest
    assert old[-1]["markets"][0]["orders"] == new[-1]["markets"][0]["orders"]
    assert old[-1]["markets"][0]["matched"] > new[-1]["markets"][0]["matched"]


def test_tickrush_leads_to_the_same_orders_on_a_single_market(market: Path, releases: dict[str, Environment]) -> None:
    where = releases[RELEASES[-1]]
    parameters = "inplay=true,every=5"
    own, other = (
        digested(market, mode, where=where, strategy_parameters=parameters)
        for mode in ("flumine_reader", "tickrush_reader")
    )
    assert (other.updates, other.digest) == (own.updates, own.digest)
    assert "tickrush" in {package.name for package in other.packages}


def test_check_detects_that_tickrush_merges_the_markets_of_an_event(
    tmp_path: Path, releases: dict[str, Environment]
) -> None:
    event = tmp_path / "event"
    write_market(Recipe(seed=13, runners=4, updates=300, markets=3), event)
    where = releases[RELEASES[-1]]
    own, other = (digested(event, mode, where=where) for mode in ("flumine_reader", "tickrush_reader"))
    assert own.updates == other.updates == 300
    assert own.digest != other.digest
    assert len(happened(event, where=where)[-1]["markets"]) == 3
    assert len(happened(event, "tickrush_reader", where=where)[-1]["markets"]) == 1
