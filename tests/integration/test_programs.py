"""The user's own program in a worker: three shapes of backtest, plain functions, and programs that cannot be measured."""

from __future__ import annotations

import bz2
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.programs import describe, digest, dump, fail, measure, start
from uv import find_uv_bin

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments.interpreters import find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.worker import confinement
from perfbench.worker.protocol import DescribedScenario, Proposals

SOURCES = Path(__file__).resolve().parents[1] / "data" / "programs"
RELEASES = ("1.17.8", "2.13.11", "3.3.2")
UPDATES = 700
SHAPES = ("one_strategy.py", "pool.py", "several_strategies.py:run")
EVENT_FIELDS = {"market", "time", "orders", "markets"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the programs, with a market and three more."""
    made = tmp_path_factory.mktemp("programs")
    for source in SOURCES.glob("*.py"):
        shutil.copy(source, made)
    for number in range(4):
        recipe = Recipe(seed=11 + number, runners=6, updates=UPDATES, bsp=True, in_play=True)
        write_market(recipe, made / f"1.10000001{number}")
    return made


@pytest.fixture(scope="module")
def market(folder: Path) -> Path:
    return folder / "1.100000010"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the user, which is not that of the program."""
    made = tmp_path / "elsewhere"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def list_orders(items: list[Any]) -> list[dict[str, Any]]:
    return [order for item in items for order in item["orders"]]


# Description ------------------------------------------------------------------------------------------------------------


def test_script_is_described_without_running_it(folder: Path) -> None:
    scenario = describe(folder / "exits.py").scenario
    assert (scenario.name, scenario.program) == ("exits", str(folder / "exits.py"))
    assert scenario.doc == "Ends with an exit code before it has done anything."
    (mode,) = scenario.modes
    assert (mode.name, mode.parameters, mode.uses_market) == ("run", (), False)
    assert scenario.unit == "updates"


def test_function_that_requires_an_argument_uses_a_market(folder: Path) -> None:
    scenario = describe(f"{folder / 'several_strategies.py'}:run").scenario
    assert scenario.name == "several_strategies:run"
    assert scenario.doc == "Simulate both strategies on these market files."
    assert scenario.modes[0].uses_market


def test_checksum_of_a_program_is_that_of_its_own_modules_too(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    before = describe(tmp_path / "copy" / "one_strategy.py").scenario.sha256
    (tmp_path / "copy" / "plain.py").write_text("changed = True\n")
    assert describe(tmp_path / "copy" / "one_strategy.py").scenario.sha256 == before
    with (tmp_path / "copy" / "strategies.py").open("a") as file:
        file.write("# changed\n")
    assert describe(tmp_path / "copy" / "one_strategy.py").scenario.sha256 != before


def test_missing_function_is_named_with_a_suggestion(folder: Path) -> None:
    with start("describe", f"{folder / 'plain.py'}:book") as worker, pytest.raises(TrialFailed) as failed:
        worker.expect(DescribedScenario)
    assert str(failed.value) == "plain.py has no function `book` (did you mean `books`?)"


# Simulations ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_of_a_backtest_runs_on_a_market_in_place_of_its_own_files(folder: Path, market: Path, shape: str) -> None:
    measured = measure(folder / shape, market)
    if "several" in shape:  # two streams, one of which leaves updates out
        assert UPDATES < measured.work < 2 * UPDATES
    else:
        assert measured.work == UPDATES
    assert measured.numbers["orders"] > 5
    assert measured.numbers["closed"] == measured.numbers["markets"] == 1
    assert 0 < measured.metrics["reported_seconds"] < measured.metrics["cpu_seconds"]
    checked = digest(folder / shape, market)
    assert checked.updates == measured.work
    assert checked.blocks
    items = dump(folder / shape, market)
    assert len(list_orders(items)) == measured.numbers["orders"]
    assert all(item.keys() == EVENT_FIELDS for item in items)


def test_pool_places_the_orders_that_one_simulation_places(folder: Path, market: Path) -> None:
    one, pool = (digest(folder / name, market) for name in ("one_strategy.py", "pool.py"))
    assert (pool.digest, pool.updates) == (one.digest, one.updates)


def test_own_files_are_arguments_and_all_of_them_are_simulated(folder: Path) -> None:
    files = [folder / f"1.10000001{number}" for number in range(4)]
    one, pool = (digest(folder / name, arguments=files) for name in ("one_strategy.py", "pool.py"))
    assert one.updates == 4 * UPDATES
    assert (pool.digest, pool.updates) == (one.digest, one.updates)
    measured = measure(folder / "pool.py", arguments=files)
    assert measured.numbers["processes"] == 2
    assert measured.numbers["simulations"] == 2
    assert measured.metrics["child_seconds"] > 0.9 * measured.metrics["reported_seconds"] > 0


def test_batch_runs_a_program_once_for_each_market(folder: Path) -> None:
    first, *others = (folder / f"1.10000001{number}" for number in range(3))
    together = dump(folder / "one_strategy.py", first, batch=others)
    apart = [item for file in (first, *others) for item in dump(folder / "one_strategy.py", file)]
    assert together == apart
    measured = measure(folder / "one_strategy.py", first, batch=others)
    assert measured.work == 3 * UPDATES
    assert len(measured.parts) == 3


def test_orders_are_events_in_time_with_their_strategy_and_profit(folder: Path, market: Path) -> None:
    items = dump(folder / "one_strategy.py", market)
    times = [json.loads(line)["pt"] for line in market.read_text().splitlines()]
    *events, end, totals = items
    for event in events:
        assert event["time"] in times
        assert {order["strategy"] for order in event["orders"]} == {"BackTheFavourite"}
        assert event["markets"] == []
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    orders = list_orders(items)
    (sums,) = end["markets"]
    assert end["time"] == times[-1]
    assert sums["orders"] == len(orders) > 5
    assert sums["profit"] == pytest.approx(sum(order["profit"] for order in orders))
    assert sums["profit"] != 0
    assert totals["markets"][0]["profit"] == sums["profit"]


def test_updates_that_are_left_out_change_the_work_and_not_the_orders(folder: Path, market: Path) -> None:
    source = (folder / "one_strategy.py").read_text()
    (folder / "before_the_off.py").write_text(
        source.replace("choose_markets(markets)", "choose_markets(markets, inplay=False)")
    )
    whole, part = (digest(folder / name, market) for name in ("one_strategy.py", "before_the_off.py"))
    assert part.updates < whole.updates
    assert part.digest == whole.digest


def test_penny_of_profit_and_size_changes_the_output(folder: Path, market: Path) -> None:
    source = (folder / "one_strategy.py").read_text()
    (folder / "other_stake.py").write_text(source.replace('"stake": 2.0', '"stake": 2.01'))
    assert digest(folder / "other_stake.py", market).digest != digest(folder / "one_strategy.py", market).digest


def test_two_simulations_are_parts_of_one_work(folder: Path, market: Path) -> None:
    measured = measure(folder / "two_frameworks.py", market)
    assert (measured.work, measured.numbers["simulations"]) == (2 * UPDATES, 2)
    strategies = {order["strategy"] for order in list_orders(dump(folder / "two_frameworks.py", market))}
    assert strategies == {"BackTheFavourite", "LayTheOutsider"}


def test_eleven_simulations_of_a_file_run_eleven_times_on_a_market(folder: Path, market: Path) -> None:
    program = SOURCES / "planted" / "eleven_simulations.py"
    measured = measure(program, market)
    assert measured.numbers["simulations"] == 11
    assert measured.work % 11 == 0
    assert measured.work / 11 > UPDATES / 2  # without those in-play


LOOP = """
import sys
from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite

class OfFile(BackTheFavourite):
    def __init__(self, path, **keywords):
        super().__init__(**keywords)
        self.path = path

for number in range(50):
    path = "data/1.{}".format(123456700 + number)
    framework = make_framework()
    framework.add_strategy(OfFile(path, **choose_markets([path]), **LIMITS))
    framework.run()
"""


def test_loop_over_fifty_files_runs_a_given_market_once(folder: Path, market: Path) -> None:
    (folder / "loop.py").write_text(LOOP)
    measured = measure(folder / "loop.py", market)
    assert (measured.work, measured.numbers["simulations"]) == (UPDATES, 1)


def test_fifty_strategies_with_a_file_each_run_a_given_market_once(folder: Path, market: Path) -> None:
    loop = LOOP.replace("    framework = make_framework()\n", "").replace("    framework.run()\n", "framework.run()\n")
    (folder / "fifty.py").write_text(loop.replace("for number", "framework = make_framework()\nfor number"))
    measured = measure(folder / "fifty.py", market)
    assert (measured.work, measured.numbers["simulations"]) == (UPDATES, 1)


def test_framework_that_runs_twice_counts_each_update_twice(folder: Path, market: Path) -> None:
    source = (folder / "one_strategy.py").read_text()
    (folder / "twice.py").write_text(source.replace("framework.run()", "framework.run()\nframework.run()"))
    measured = measure(folder / "twice.py", market)
    assert (measured.work, measured.numbers["simulations"]) == (2 * UPDATES, 2)


# Functions without a simulation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "items"), [("books", UPDATES), ("lightweight", UPDATES), ("highest", 1), ("nothing", 1), ("amount", 0)]
)
def test_function_without_simulation_has_the_work_that_it_yields_returns_or_reads(
    folder: Path, market: Path, function: str, items: int
) -> None:
    program = f"{folder / 'plain.py'}:{function}"
    assert measure(program, market).work == UPDATES
    assert digest(program, market).updates == UPDATES
    assert len(dump(program, market)) == items


def test_books_of_a_function_are_compared_with_all_fields(folder: Path, market: Path) -> None:
    objects, lightweight = (dump(f"{folder / 'plain.py'}:{name}", market) for name in ("books", "lightweight"))
    assert objects[10][0]["runners"] == lightweight[10][0]["runners"]


def test_program_without_flumine_does_not_import_it(folder: Path, market: Path) -> None:
    answer = digest(f"{folder / 'plain.py'}:books", market)
    assert "betfairlightweight" in {package.name for package in answer.packages}
    assert "flumine" not in {package.name for package in answer.packages}


# Files ------------------------------------------------------------------------------------------------------------------


def list_files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_program_writes_into_a_scratch_folder_and_reads_it_again(folder: Path, market: Path, elsewhere: Path) -> None:
    before = list_files(folder), list_files(elsewhere)
    for _ in range(2):
        assert measure(folder / "writes_beside_itself.py", market).work == UPDATES
        assert digest(folder / "writes_beside_itself.py", market).updates == UPDATES
    assert (list_files(folder), list_files(elsewhere)) == before


def test_relative_paths_are_read_in_the_working_directory_and_around_it(
    folder: Path, market: Path, elsewhere: Path
) -> None:
    (elsewhere / "data").mkdir()
    shutil.copy(market, elsewhere / "data" / "1.1")
    shutil.copy(market, elsewhere.parent / "1.2")
    files = ("data/1.1", "../1.2")
    assert measure(folder / "one_strategy.py", arguments=files).work == 2 * UPDATES
    assert {path.name for path in elsewhere.iterdir()} == {"data"}


def test_scratch_folder_is_removed(folder: Path, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    measure(folder / "one_strategy.py", market)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_files_are_redirected_and_processes_forked_in_every_python(
    folder: Path, market: Path, elsewhere: Path, version: str
) -> None:
    python = next((found.path for found in find_interpreters() if found.version.startswith(version + ".")), None)
    if python is None:
        pytest.skip(f"no Python {version} here")
    (elsewhere / "data" / "deep").mkdir(parents=True)
    (elsewhere / "data" / "deep" / "1.5").write_text("")
    before = list_files(folder), list_files(elsewhere)
    program, where = f"{folder / 'uses_files.py'}:run", Environment(version, str(python))
    assert digest(program, market, where=where).updates == measure(program, market, where=where).work == 7
    assert (list_files(folder), list_files(elsewhere)) == before


# Programs that cannot be measured ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("syntax_error.py", r"(expected ':'|invalid syntax) at syntax_error\.py:3"),
        ("exits.py", r"ended with exit code 3"),
        ("asks.py", r"asks for input \(give it as an argument after --\)"),
        ("no_simulation.py", r"ran no simulation and read no market with betfairlightweight \(a program runs .*\)"),
        ("missing_package.py", r"needs the package `pandas_of_nobody`, which this environment lacks \(.*PEP 723\)"),
        ("opens_network.py", r"opens_network\.py connects to markets\.example\.com \(.*\)"),
        (
            "removes.py",
            r"changes \S*/removes\.py at programs\d*/removes\.py:5: perfbench changes none of your files \(.*\)"
            if confinement.read_version()
            else r"removes\.py removes \S*/removes\.py, outside of its scratch folder \(.*\)",
        ),
        ("subprocesses.py", r"works in child processes, of which only simulations of flumine are observed \(.*\)"),
        ("live.py", r"runs flumine live, on an exchange \(.*\)"),
        ("plain.py:books", r"`books` requires a market \(name market files with --data\)"),
        ("absent.py:run", r"\S*absent\.py: No such file or directory"),
    ],
)
def test_program_that_cannot_be_measured_is_one_line(folder: Path, program: str, line: str) -> None:
    assert re.fullmatch(line, fail(folder / program))


def test_error_of_a_strategy_is_shown_with_its_place_and_update(folder: Path, market: Path) -> None:
    line = fail(folder / "fails.py", arguments=[market])
    assert re.fullmatch(r"KeyError: 'no such runner' at programs\d*/fails\.py:12, update \d+", line)


def test_error_in_a_pool_is_shown_with_its_place(folder: Path, market: Path) -> None:
    source = (folder / "pool.py").read_text()
    (folder / "fails_in_pool.py").write_text(source.replace("    framework = make", "    1 / 0\n    framework = make"))
    line = fail(folder / "fails_in_pool.py", market)
    assert re.fullmatch(r"ZeroDivisionError: division by zero at programs\d*/fails_in_pool\.py:15", line)


def test_two_simulations_at_the_same_time_in_threads_are_refused(folder: Path, market: Path) -> None:
    assert fail(folder / "threads.py", arguments=[market]).startswith(
        "runs two simulations at the same time in threads"
    )


def test_program_that_never_ends_is_ended_by_its_timeout(folder: Path) -> None:
    assert fail(folder / "never_ends.py", timeout=1).startswith("timed out after 1 s")


@pytest.mark.parametrize("program", ["exits_well.py", "forks.py", "spawns.py"])
def test_program_that_exits_forks_or_spawns_is_measured(folder: Path, market: Path, program: str) -> None:
    one, checked = (digest(folder / name, market) for name in ("one_strategy.py", program))
    assert (checked.digest, checked.updates) == (one.digest, UPDATES)
    assert "flumine" in {package.name for package in checked.packages}
    assert measure(folder / program, market).work == UPDATES


def test_random_orders_give_another_output_in_every_pass(folder: Path, market: Path) -> None:
    first, second = (digest(folder / "random_orders.py", market) for _ in range(2))
    assert first.updates == second.updates
    assert first.digest != second.digest


# Notes ------------------------------------------------------------------------------------------------------------------


def note(program: object, market: object = None, **more: Any) -> dict[str, Any]:
    """What is noted of a program for the levers."""
    with start("propose", program, market, **more) as worker:
        answer = worker.expect(Proposals)
        worker.end()
    return answer.noted


def test_notes_of_a_simulation_name_its_parts_and_when_it_acted(folder: Path, market: Path) -> None:
    noted = note(f"{folder / 'several_strategies.py'}:run", market)
    (simulation,) = noted["simulations"]
    assert [strategy["kind"] for strategy in simulation["strategies"]] == ["BackTheFavourite", "LayTheOutsider"]
    assert simulation["strategies"][0]["callbacks"] == ["check_market_book", "process_market_book", "process_orders"]
    assert [stream["listener"]["seconds_to_start"] for stream in simulation["streams"]] == [None, 120]
    assert {stream["file"] for stream in simulation["streams"]} == {str(market)}
    assert simulation["middleware"] == ["SimulatedMiddleware", "Volume"]
    assert simulation["logging_controls"] == ["Orders"]
    lines = [json.loads(line) for line in market.read_text().splitlines()]
    start_time = datetime.fromisoformat(lines[0]["mc"][0]["marketDefinition"]["marketTime"].replace("Z", "+00:00"))
    off = start_time.timestamp()
    events = dump(f"{folder / 'several_strategies.py'}:run", market)
    first = min(event["time"] for event in events if event["orders"])
    assert simulation["earliest_action_seconds"] == pytest.approx(off - first / 1000)
    assert simulation["earliest_update_seconds"] == pytest.approx(off - lines[0]["pt"] / 1000)
    assert simulation["in_play_actions"] == 0 < simulation["in_play_updates"]
    assert simulation["orders"] == len(list_orders(events)) == sum(each["orders"] for each in simulation["strategies"])
    assert simulation["updates"] == measure(f"{folder / 'several_strategies.py'}:run", market).work
    assert (noted["markets"], noted["processes"], noted["log_records"]) == (1, 1, 0)
    assert noted["packages"]["flumine"]
    assert noted["json_module"] in ("json", "orjson")


def test_notes_of_a_pool_come_from_its_processes(folder: Path) -> None:
    files = [folder / f"1.10000001{number}" for number in range(4)]
    noted = note(folder / "pool.py", arguments=files)
    assert (noted["markets"], noted["processes"], len(noted["simulations"])) == (4, 2, 2)
    assert {stream["own_file"] for each in noted["simulations"] for stream in each["streams"]} == set(map(str, files))


def test_notes_of_a_batch_are_those_of_all_markets(folder: Path) -> None:
    files = [folder / f"1.10000001{number}" for number in range(3)]
    noted = note(folder / "one_strategy.py", files[0], batch=files[1:])
    assert (noted["markets"], len(noted["simulations"])) == (3, 3)


def test_logged_messages_and_packed_files_are_noted(folder: Path, market: Path) -> None:
    source = (folder / "one_strategy.py").read_text()
    logged = source.replace(
        "logger.setLevel(logging.CRITICAL)", "logging.basicConfig(filename='log', level=logging.INFO)"
    )
    (folder / "logs.py").write_text(logged)
    packed = folder / "1.5.bz2"
    packed.write_bytes(bz2.compress(market.read_bytes()))
    noted = note(folder / "logs.py", arguments=[packed])
    assert noted["log_records"] > 5
    assert (noted["logging_level"], noted["file_handlers"]) == (20, 1)
    assert noted["packed_files"] == [str(packed)]


@pytest.mark.parametrize(("function", "lightweight"), [("books", False), ("lightweight", True)])
def test_listeners_outside_of_simulations_are_noted(
    folder: Path, market: Path, function: str, lightweight: bool
) -> None:
    noted = note(f"{folder / 'plain.py'}:{function}", market)
    (listener,) = noted["listeners"]
    assert (listener["kind"], listener["lightweight"], listener["generator"]) == ("StreamListener", lightweight, True)
    assert (listener["max_latency"], listener["updates"]) == (None, UPDATES)
    assert (noted["simulations"], noted["markets"]) == ([], 1)


# Releases of flumine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    """An environment for every release of flumine."""
    oldest = [found.path for found in find_interpreters() if found.version.startswith("3.8.")]
    if not oldest:
        pytest.skip("no CPython 3.8 on this machine, which flumine 1.17.8 needs")
    root = tmp_path_factory.mktemp("releases")
    built = {}
    for release in RELEASES:
        python = root / release / "bin" / "python"
        base = oldest[0] if release.startswith("1.") else sys.executable
        _uv("venv", "--quiet", "--python", base, str(root / release))
        _uv("pip", "install", "--quiet", "--python", str(python), f"flumine=={release}")
        built[release] = Environment(release, str(python))
    return built


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    if re.search("error sending request|dns error|timed out|[Cc]onnect", done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_runs_with_three_releases_of_flumine_and_places_the_same_orders(
    folder: Path, market: Path, releases: dict[str, Environment], shape: str
) -> None:
    answers = {release: digest(folder / shape, market, where=where) for release, where in releases.items()}
    same = (
        RELEASES[1:] if "several" in shape else RELEASES
    )  # 1.17 shares a stream between strategies with other filters
    assert len({answers[release].digest for release in same}) == 1
    for release, where in releases.items():
        measured = measure(folder / shape, market, where=where)
        assert measured.work == answers[release].updates >= UPDATES
        assert measured.numbers["orders"] > 5
