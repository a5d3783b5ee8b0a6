"""Other readers as modes of replay: those that are right agree in every field, those that are silently wrong differ."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.installation import Installed, asked, digested, shown
from support.scenarios import import_shipped, scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import TrialFailed
from perfbench.kit import ScenarioError, best_prices
from perfbench.kit.pins import BETFAIR_DATA_SMOOTHCINF
from perfbench.model import Environment
from perfbench.runner import output_diff, worker_process
from perfbench.runner.known_changes import find_known_changes
from perfbench.worker.protocol import OutputDigest, PassMeasurement, Ready

READERS = ("betfair_data_bflw", "betfair_data_files", "betfair_parser", "tickrush", "flumine_stream")
FORK = "betfair-data-smoothcinf"
"""A fork of betfair-data whose module has the same name, so that the two cannot be in one environment."""

LACKING = (
    "betfair-data message fields",
    "betfair-parser market fields",
    "betfair-parser runner order",
    "betfair-parser total matched",
    "tickrush message fields",
)
"""What betfair-data and tickrush do not have by their own documentation, and betfair-parser not by its code."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    found = worker_process.describe_scenario_file(Environment("here", sys.executable), str(scenario_path("replay")))
    needs = {need for mode in found.scenario.modes if mode.group == "engines" for need in mode.needs} - {"flumine"}
    assert all("==" in need for need in needs)
    return Installed(tmp_path_factory.mktemp("engines")).environment(
        "betfairlightweight==2.24.0", "flumine==3.3.2", *sorted(need for need in needs if not need.startswith(FORK))
    )


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Installed(tmp_path_factory.mktemp("fork")).environment("betfairlightweight==2.24.0", BETFAIR_DATA_SMOOTHCINF)


def generated(path: Path, **more: Any) -> Path:
    write_market(Recipe(**{"seed": 11, "runners": 6, "updates": 240, "bsp": True, "in_play": True, **more}), path)
    return path


def rewritten(path: Path, target: Path, change: Callable[[str], str]) -> Path:
    target.write_text(change(path.read_text()))
    assert target.read_text() != path.read_text()
    return target


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return generated(tmp_path / "1.100000011", removal=True)


def outputs(where: Environment, market: Path, *undone: str) -> dict[str, OutputDigest]:
    return {mode: digested(where, mode, market, [undone]) for mode in ("lightweight", *READERS)}


def agreeing(found: dict[str, OutputDigest]) -> set[str]:
    """The readers whose output is that of betfairlightweight with the changes undone."""
    baseline = found["lightweight"]
    return {
        mode for mode in READERS if (found[mode].updates, found[mode].undone) == (baseline.updates, baseline.undone)
    }


def test_readers_agree_on_a_single_market_but_for_documented_missing_fields(
    everything: Environment, market: Path
) -> None:
    found = outputs(everything, market, *LACKING)
    assert agreeing(found) == set(READERS)
    assert {mode for mode in READERS if found[mode].digest == found["lightweight"].digest} == {"flumine_stream"}


def test_fields_that_a_reader_lacks_are_named(everything: Environment, market: Path) -> None:
    right, other = (shown(everything, mode, market, 0) for mode in ("lightweight", "betfair_data_bflw"))
    assert output_diff.find_first_field(right, other) == ("[0].streamingsnap", "True", "nothing")


def test_reader_of_an_event_file_is_compared_by_the_changes_of_each_line(
    everything: Environment, tmp_path: Path
) -> None:
    event = generated(tmp_path / "event", seed=13, markets=3, bsp=False)
    found = outputs(everything, event, *LACKING)
    assert {output.updates for output in found.values()} == {240}
    assert agreeing(found) == {*READERS} - {"tickrush"}  # tickrush mixes markets up
    for number in (0, 120, 239):
        assert len(shown(everything, "lightweight", event, number)) == 1


def test_a_market_without_clk_gives_no_books_in_betfair_datas_own_reader(
    everything: Environment, market: Path, tmp_path: Path
) -> None:
    recorded = rewritten(market, tmp_path / "1.100000002", lambda text: re.sub(r'"clk":"\d+"', '"clk":null', text))
    found = outputs(everything, recorded, *LACKING)
    assert agreeing(found) == {*READERS} - {"betfair_data_files"}
    assert found["betfair_data_files"].updates == 0


def test_best_levels_stop_betfair_data_silently(everything: Environment, tmp_path: Path) -> None:
    levels = generated(tmp_path / "1.100000003", ladder="levels", bsp=False)
    found = outputs(everything, levels, *LACKING)
    assert 0 < found["betfair_data_bflw"].updates < 240
    assert 0 < found["betfair_data_files"].updates < 240
    assert {"betfair_parser", "flumine_stream"} <= agreeing(found) <= {"betfair_parser", "tickrush", "flumine_stream"}


def test_a_ladder_of_prices_in_the_definition_is_lost_by_two_readers(
    everything: Environment, market: Path, tmp_path: Path
) -> None:
    ladder = '"marketDefinition":{"priceLadderDefinition":{"type":"CLASSIC"},'
    classic = rewritten(market, tmp_path / "1.100000004", lambda text: text.replace('"marketDefinition":{', ladder))
    assert agreeing(outputs(everything, classic, *LACKING)) == {
        "betfair_data_bflw",
        "betfair_parser",
        "flumine_stream",
    }
    right, other = (shown(everything, mode, classic, 5, LACKING) for mode in ("lightweight", "tickrush"))
    place = output_diff.find_first_field(right, other)
    assert place == ("[0].marketdefinition.priceladderdefinition", "{'type': 'CLASSIC'}", "nothing")


def test_a_reader_with_another_order_of_runners_differs(everything: Environment, market: Path, tmp_path: Path) -> None:
    def reverse(text: str) -> str:
        messages = [json.loads(line) for line in text.splitlines()]
        for message in messages[1:]:
            definition = message["mc"][0].get("marketDefinition")
            if definition:
                definition["runners"].reverse()
        return "".join(json.dumps(message, separators=(",", ":")) + "\n" for message in messages)

    reversed_runners = rewritten(market, tmp_path / "1.100000005", reverse)
    ordered = outputs(
        everything, reversed_runners, *(name for name in LACKING if name != "betfair-parser runner order")
    )
    assert {"betfair_data_bflw", "flumine_stream"} <= agreeing(ordered)
    assert {"betfair_data_files", "betfair_parser"}.isdisjoint(agreeing(ordered))
    assert "betfair_parser" in agreeing(outputs(everything, reversed_runners, *LACKING))


def test_a_field_that_betfair_parser_does_not_know_stops_it_with_the_name_of_the_field(
    everything: Environment, market: Path, tmp_path: Path
) -> None:
    """Recordings of flumine have one in every line."""

    def note_stream(text: str) -> str:
        return text.replace('"mc":[{', '"mc":[{"_stream_id":1,')

    recorded = rewritten(market, tmp_path / "1.100000009", note_stream)
    with pytest.raises(TrialFailed, match="unknown field `_stream_id`"):
        digested(everything, "betfair_parser", recorded)


def test_betfair_parser_overlooks_that_an_amount_matched_is_set_to_0(
    everything: Environment, market: Path, tmp_path: Path
) -> None:
    """The stream does so when a runner is removed."""

    def reset_amount(text: str) -> str:
        lines = text.splitlines(keepends=True)
        number, runner = next(
            (number, runner["id"])
            for number, line in enumerate(lines)
            for runner in json.loads(line)["mc"][0].get("rc", ())
            if runner.get("tv")
        )
        message = json.loads(lines[number])
        message["mc"] = [{"id": message["mc"][0]["id"], "rc": [{"id": runner, "tv": 0}]}]
        return "".join([*lines[: number + 1], json.dumps(message, separators=(",", ":")) + "\n", *lines[number + 1 :]])

    found = outputs(everything, rewritten(market, tmp_path / "1.100000010", reset_amount), *LACKING)
    assert {"betfair_data_bflw", "flumine_stream"} <= agreeing(found)
    assert "betfair_parser" not in agreeing(found)


def test_check_detects_a_single_different_size(everything: Environment, market: Path, tmp_path: Path) -> None:
    """The comparison is not blind: a reader of a file with one other size does not agree."""
    lines = market.read_text().splitlines(keepends=True)
    number = max(n for n, line in enumerate(lines) if '"atb":[[' in line)
    message = json.loads(lines[number])
    next(runner for runner in message["mc"][0]["rc"] if runner.get("atb"))["atb"][0][1] = 12345.67
    lines[number] = json.dumps(message, separators=(",", ":")) + "\n"
    other = tmp_path / "1.100000006"
    other.write_text("".join(lines))
    baseline = digested(everything, "lightweight", market, [LACKING])
    for mode in READERS:
        assert digested(everything, mode, other, [LACKING]).undone != baseline.undone


def test_floor_mode_counts_lines_with_market_changes(everything: Environment, market: Path, tmp_path: Path) -> None:
    heartbeat = '{"op":"mcm","clk":"9","pt":1780311281595,"ct":"HEARTBEAT"}\n'
    beating = rewritten(market, tmp_path / "1.100000007", lambda text: text + heartbeat)
    for floor in ("read_file", "decode_orjson", "decode_msgspec"):
        with asked("time", everything, floor, beating) as worker:
            worker.expect(Ready)
            worker.go()
            assert worker.expect(PassMeasurement).work == 240
            worker.end()


def test_file_name_unsupported_by_betfair_data_gives_no_books(
    everything: Environment, market: Path, tmp_path: Path
) -> None:
    market.rename(tmp_path / "market.txt")
    found = outputs(everything, tmp_path / "market.txt", *LACKING)
    assert agreeing(found) == {"betfair_parser", "tickrush", "flumine_stream"}
    assert found["betfair_data_bflw"].updates == found["betfair_data_files"].updates == 0


@pytest.mark.parametrize(
    "recipe", [{"removal": True}, {"markets": 3, "bsp": False}, {"ladder": "levels", "bsp": False}], ids=str
)
@pytest.mark.parametrize("mode", ["betfair_data_bflw", "betfair_data_files"])
def test_fork_of_betfair_data_reads_what_its_original_reads(
    everything: Environment, forked: Environment, tmp_path: Path, mode: str, recipe: dict[str, Any]
) -> None:
    path = generated(tmp_path / "1.100000008", **recipe)
    original = digested(everything, mode, path)
    fork = digested(forked, mode.replace("betfair_data", "betfair_data_smoothcinf"), path)
    assert 0 < original.updates == fork.updates
    assert original.digest == fork.digest


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("betfair_data_smoothcinf_files", {"betfair-data-smoothcinf message fields"}),
        ("betfair_parser", {name for name in LACKING if name.startswith("betfair-parser")}),
    ],
)
def test_missing_fields_of_a_reader_are_known_by_the_package_that_it_imports(
    everything: Environment, forked: Environment, market: Path, mode: str, names: set[str]
) -> None:
    changes = worker_process.describe_scenario_file(forked, str(scenario_path("replay"))).scenario.changes
    baseline = digested(everything, "lightweight", market)
    reader = digested(everything if mode == "betfair_parser" else forked, mode, market)
    assert {change.name for change in find_known_changes(changes, baseline.packages, reader.packages)} == names


# Best prices touched ----------------------------------------------------------------------------------------------------


class Lazy:
    """A book of a reader that computes its fields on access, and says when."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    @property
    def runners(self) -> list[Any]:
        self._seen.append("runners")
        entry = SimpleNamespace(price=2.5, size=10.0)
        ex = SimpleNamespace(available_to_back=[entry], available_to_lay=[])
        return [SimpleNamespace(ex=ex)] * 3


def test_lazy_reader_is_drained_untouched_by_default_and_read_to_its_best_prices_on_request() -> None:
    replay = import_shipped("replay")
    seen: list[str] = []
    reader = SimpleNamespace(iter_prices_file=lambda market: (Lazy(seen) for _ in range(4)))
    assert (len(list(replay.tickrush("market", reader))), seen) == (4, [])
    books = replay.tickrush("market", reader, read="best")
    assert isinstance(next(books), Lazy)
    assert seen == ["runners"]  # before the book is handed over
    assert (len(list(books)), len(seen)) == (3, 4)


def test_unknown_fields_to_read_are_refused_with_the_choices() -> None:
    with pytest.raises(ScenarioError, match="read=all: choose nothing or best"):
        best_prices.with_prices_read([], "all", best_prices.of_dicts)


def test_best_prices_are_price_and_size_of_both_sides_of_every_runner() -> None:
    entry = {"price": 2.5, "size": 10.0}
    ladders = [([entry, {"price": 2.4, "size": 1.0}], []), ([], [entry])]
    expected = [(2.5, 10.0, None, None), (None, None, 2.5, 10.0)]
    dicts = [{"runners": [{"ex": {"availableToBack": back, "availableToLay": lay}} for back, lay in ladders]}]
    assert best_prices.of_dicts(dicts) == expected

    def as_objects(read: Callable[[dict[str, float]], Any]) -> Any:
        sides = [([read(e) for e in back], [read(e) for e in lay]) for back, lay in ladders]
        exes = [SimpleNamespace(available_to_back=back, available_to_lay=lay) for back, lay in sides]
        return SimpleNamespace(runners=[SimpleNamespace(ex=ex) for ex in exes])

    assert best_prices.of_patched([as_objects(dict)]) == expected
    assert best_prices.of_objects([as_objects(lambda e: SimpleNamespace(**e))]) == expected
    assert best_prices.of_object(as_objects(lambda e: SimpleNamespace(**e))) == expected


SAME_PRICES = """
import hashlib, importlib, json, sys
from perfbench.kit import best_prices, bflw, parser_cache, readers
market = sys.argv[1]
ways = {
    "lightweight": (bflw.replay(market, lightweight=True), best_prices.of_dicts),
    "full": (bflw.replay(market, lightweight=False), best_prices.of_objects),
    "betfair_data_bflw": (readers.betfair_data_books(importlib.import_module("betfair_data"), market), best_prices.of_objects),
    "betfair_data_files": (readers.betfair_data_markets(importlib.import_module("betfair_data"), market), best_prices.of_object),
    "betfair_parser": (parser_cache.parser_messages(parser_cache.import_parser(), market), parser_cache.of_messages),
    "tickrush": (readers.tickrush_books(importlib.import_module("tickrush"), market), best_prices.of_object),
}
read = {name: [of(update) for update in updates] for name, (updates, of) in ways.items()}
read["flumine_stream"] = [best_prices.of_patched(u) for u in readers.flumine_books(readers.flumine_generators(), market)]
plain = {  # a whole number is an integer in the lines of the file, which dicts keep
    name: [[[number and float(number) for number in runner] for runner in book] for book in books]
    for name, books in read.items()
}
print(json.dumps({n: [len(p), hashlib.sha256(json.dumps(p).encode()).hexdigest()] for n, p in plain.items()}))
"""


def test_every_reader_gives_the_same_best_prices(everything: Environment, market: Path) -> None:
    """What is touched is the same work for all of them: 240 updates of six runners."""
    root = scenario_path("replay").parents[2]
    done = subprocess.run(
        [everything.python, "-c", SAME_PRICES, str(market)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"lightweight", "full", *READERS}
    assert set(map(tuple, found.values())) == {(240, found["lightweight"][1])}


@pytest.mark.parametrize("mode", ["lightweight", *READERS])
def test_output_is_the_same_whether_the_prices_are_read_or_not(
    everything: Environment, market: Path, mode: str
) -> None:
    plain = digested(everything, mode, market)
    with asked("check", everything, mode, market, parameters={"read": "best"}) as worker:
        read = worker.expect(OutputDigest)
        worker.end()
    assert (read.digest, read.updates) == (plain.digest, 240)
