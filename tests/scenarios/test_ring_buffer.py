"""The scenario ring_buffer: what an update leaves in memory, the same averages in every mode, and rings that know their size."""

from __future__ import annotations

import ast
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.checkouts import checkout
from support.command_line import QUICK, perfbench, without
from support.scenarios import import_shipped, scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

RINGS = ("advised_deques", "deque_sum", "numpy_ring", "array_ring", "deque_running_sum")
LISTS = ("list_mean", "list_sum")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market of few runners with fewer prices than the scenario has updates."""
    path = tmp_path_factory.mktemp("ring_buffer") / "market"
    write_market(Recipe(seed=22, runners=3, updates=400, in_play=True), path)
    return path


def run(market: Path, folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and what was written."""
    done = perfbench("run", "ring_buffer", *QUICK, "--data", market, *options, folder=folder)
    return done.returncode, done.stdout + done.stderr


def measurements(folder: Path) -> list[dict[str, Any]]:
    """What the only run that was saved in this folder measured."""
    (saved,) = (folder / "results").glob("*.json")
    found: list[dict[str, Any]] = json.loads(saved.read_text())["measurements"]
    return found


def same(output: str) -> dict[str, str]:
    """What the table says of the output of every mode that has an answer."""
    return dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", output, re.MULTILINE))


BUFFERS = import_shipped("ring_buffer")
ROOM = import_shipped("perfbench.kit.memory")
WINDOWS: dict[str, Callable[[int, int], Any]] = {
    "list_mean": lambda periods, _: BUFFERS.GrowingLists(periods),
    "list_sum": lambda periods, _: BUFFERS.SummedLists(periods),
    "advised_deques": BUFFERS.AdvisedDeques,
    "deque_sum": BUFFERS.SummedDeques,
    "numpy_ring": BUFFERS.NumpyRing,
    "array_ring": BUFFERS.ArrayRing,
    "deque_running_sum": lambda periods, _: BUFFERS.RunningSum(periods),
}


def test_advised_code_is_that_of_the_notes() -> None:
    """Two deques of 1,000, and the mean of the last periods; None while there are fewer. By hand: (2 + 3 + 7) / 3 = 4."""
    advised = BUFFERS.AdvisedDeques(3)
    answers = []
    for second, price in enumerate((10.0, 2.0, 3.0, 7.0)):
        advised.add(datetime(2020, 1, 1, second=second), price)
        answers.append(advised.average())
    assert answers == [None, None, 5.0, 4.0]
    assert [type(held) for held in (advised._prices, advised._timestamps)] == [deque, deque]
    assert advised._prices.maxlen == advised._timestamps.maxlen == 1000
    assert list(advised._timestamps) == [datetime(2020, 1, 1, second=second) for second in range(4)]


def test_advised_mode_calls_numpy_mean_on_the_end_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    averaged: list[list[float]] = []

    def mean(values: list[float]) -> float:
        averaged.append(values)
        return 0.0

    monkeypatch.setattr(BUFFERS.numpy, "mean", mean)
    advised = BUFFERS.AdvisedDeques(2)
    for price in (1.0, 2.0, 3.0):
        advised.add(datetime(2020, 1, 1), price)
        advised.average()
    assert averaged == [[1.0, 2.0], [2.0, 3.0]]


def test_advised_deques_never_answer_for_more_periods_than_they_hold() -> None:
    advised = BUFFERS.AdvisedDeques(4, 3)
    for _ in range(10):
        advised.add(datetime(2020, 1, 1), 2.0)
    assert advised.average() is None


def test_claims_change_one_thing_at_a_time() -> None:
    sides = [(claim.before, claim.after, claim.bounded, claim.source) for claim in BUFFERS.CLAIMS]
    assert sides == [
        ("list_mean", "advised_deques", True, "community notes"),
        ("list_mean", "advised_deques", False, "community notes"),
        ("deque_sum", "advised_deques", False, "perfbench"),
    ]


def test_lists_keep_every_update_and_rings_do_not(market: Path, tmp_path: Path) -> None:
    code, output = run(market, tmp_path, "--set", "updates=200000", "--set", "every=50")
    assert code == 0, output
    assert same(output) == dict.fromkeys(("list_sum", *RINGS), "yes")
    held = {m["case"]["mode"]: [s["numbers"]["bytes_per_update"] for s in m["samples"]] for m in measurements(tmp_path)}
    pointers, price, time = 2 * 8, 32, 48
    for mode in LISTS:
        assert all(0.95 <= number / (pointers + price + time) <= 1.25 for number in held.pop(mode)), mode
    assert set(held) == set(RINGS)
    assert all(0 <= number < 4 for numbers in held.values() for number in numbers)
    assert re.search(
        r"less memory” \(community notes\): holds: bounded, bytes per update [\d.]+ B → [\d.]+ B\n", output
    )


@pytest.mark.parametrize(("periods", "every", "capacity"), [(1, 1, 1), (7, 3, 8), (50, 5, 50)])
def test_every_mode_gives_the_same_averages(
    market: Path, tmp_path: Path, periods: int, every: int, capacity: int
) -> None:
    values = {"updates": 3_000, "periods": periods, "every": every, "capacity": capacity}
    code, output = run(
        market, tmp_path, *(text for item in values.items() for text in ("--set", "=".join(map(str, item))))
    )
    assert code == 0, output
    assert same(output) == dict.fromkeys(("list_sum", *RINGS), "yes")
    assert {m["output"]["updates"] for m in measurements(tmp_path)} == {3_000}


def split_buffers(source: str) -> tuple[str, str]:
    """The scenario with its buffers imported, and the module ``buffers``: the classes, and the functions that they call."""
    moved = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in (*BUFFER_CLASSES, "counted", "held")
    ]
    parts = [str(ast.get_source_segment(source, node)) for node in moved]
    scenario = source.replace("UNIT =", f"from buffers import {', '.join(BUFFER_CLASSES)}\n\nUNIT =", 1)
    for part in parts:
        scenario = scenario.replace(part, "")
    return scenario, "\n\n\n".join([BUFFER_IMPORTS, *parts])


BUFFER_CLASSES = (
    "GrowingLists",
    "SummedLists",
    "AdvisedDeques",
    "SummedDeques",
    "ArrayRing",
    "NumpyRing",
    "RunningSum",
)
BUFFER_IMPORTS = """from __future__ import annotations
from array import array
from collections import deque
from datetime import datetime
from typing import Any, Deque, List, Optional

HUNDREDTHS = 100
"""


@pytest.mark.parametrize(("change", "code"), [("twice", 3), ("renamed", 0)])
@pytest.mark.slow
def test_a_gate_catches_a_change_that_doubles_the_bytes_of_an_update(
    market: Path, tmp_path: Path, change: str, code: int
) -> None:
    """The scenario without its buffers: those are of the package that changes."""
    own = tmp_path / "own"
    own.mkdir()
    scenario, buffers = split_buffers(scenario_path("ring_buffer").read_text())
    (own / "ring_buffer.py").write_text(scenario)
    heavy = buffers.replace("prices.append(price)", "prices.append((price, float(time.microsecond), time))", 1)
    changed = {
        "twice": heavy.replace(
            "self.mean(self._prices[-self.periods :])", "self.mean([p for p, *_ in self._prices[-self.periods :]])"
        ),
        "renamed": buffers.replace("_prices", "_values"),
    }[change]
    assert changed != buffers
    checkout(tmp_path / "before", "1.0", buffers, "buffers")
    checkout(tmp_path / "after", "2.0", changed, "buffers")
    done = perfbench(
        *("gate", "--scenario", "ring_buffer", "--scenarios", own, "--mode", "list_sum", "--data", market),
        *("--before", "./before", "--after", "./after", "--set", "updates=60000", "--set", "every=50"),
        *("--budget", "bytes_per_update=5%", "--threshold", "400%", "--max-time", "10"),
        folder=tmp_path,
    )
    assert done.returncode == code, done.stdout + done.stderr
    breach = re.search(r"^! .*list_sum .*bytes_per_update .*: worse by more than 5.0%", done.stdout, re.MULTILINE)
    assert bool(breach) == (code == 3), done.stdout


PRICES = some.lists(some.integers(101, 100_000), min_size=1, max_size=50)


@pytest.mark.parametrize("mode", WINDOWS)
@given(hundredths=PRICES, periods=some.integers(1, 12), spare=some.integers(0, 3))
def test_an_average_is_the_mean_of_the_last_periods(
    mode: str, hundredths: Sequence[int], periods: int, spare: int
) -> None:
    window = WINDOWS[mode](periods, periods + spare)
    for number, price in enumerate(hundredths, 1):
        window.add(datetime(2020, 1, 1), price / 100)
        last = hundredths[max(number - periods, 0) : number]
        expected = pytest.approx(sum(last) / periods / 100, rel=1e-12) if len(last) == periods else None
        assert window.average() == expected


@pytest.mark.parametrize("mode", ["numpy_ring", "array_ring"])
def test_a_ring_refuses_more_periods_than_it_holds(mode: str) -> None:
    with pytest.raises(ValueError, match="a ring of 20 prices has no last 50: raise its capacity"):
        WINDOWS[mode](50, 20)


@pytest.mark.parametrize("mode", WINDOWS)
def test_an_average_of_no_price_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="periods=0"):
        WINDOWS[mode](0, 20)


def test_lists_without_room_in_memory_are_not_available(market: Path, tmp_path: Path) -> None:
    _, output = run(market, tmp_path, "--mode", "list_sum", "--set", "updates=1000000000000")
    assert "not available here: 1,000,000,000,000 updates in lists need 106,000,000 MB of memory" in output


def test_file_without_prices_is_reported(market: Path, tmp_path: Path) -> None:
    without(market, tmp_path / "no prices", "ltp", "trd", "tv")
    _, output = run(tmp_path / "no prices", tmp_path)
    assert "not available here: no prices has no traded prices (ltp)" in output


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/mine/inner\n", {"mine/memory.max": "1000000000", "mine/memory.current": "900000000"}),
        (
            "4:cpu:/\n3:memory:/mine\n",
            {"memory/mine/memory.limit_in_bytes": "1000000000", "memory/mine/memory.usage_in_bytes": "900000000"},
        ),
    ],
)
def test_the_limit_of_a_control_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    folder = (tmp_path / next(iter(files))).parent
    (folder / "memory.stat").write_text("inactive_file 50000000\ntotal_inactive_file 50000000\n")
    (tmp_path / "groups").write_text(groups)
    monkeypatch.setattr(ROOM, "GROUPS", tmp_path)
    monkeypatch.setattr(ROOM, "MINE", tmp_path / "groups")
    assert ROOM.available() == 150_000_000
    with pytest.raises(ROOM.NotAvailable, match="all books need 1 MB of memory, and 0 MB are free"):
        ROOM.require_memory(1_000_000, "all books")


def test_a_control_group_without_a_limit_leaves_what_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5\n")
    (tmp_path / "groups").write_text("0::/\n")
    (tmp_path / "meminfo").write_text("MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n")
    monkeypatch.setattr(ROOM, "GROUPS", tmp_path)
    monkeypatch.setattr(ROOM, "MINE", tmp_path / "groups")
    monkeypatch.setattr(ROOM, "MACHINE", tmp_path / "meminfo")
    assert ROOM.available() == 1_024_000_000
    ROOM.require_memory(700_000_000, "all books")
    with pytest.raises(ROOM.NotAvailable):
        ROOM.require_memory(800_000_000, "all books")
