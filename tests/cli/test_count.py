"""``--count`` through the real command line, with the real valgrind: exact, sensitive, and nothing is left behind."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench, variables

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe
from perfbench.runner import callgrind

REASON = callgrind.explain_unavailable()
needs_valgrind = pytest.mark.skipif(bool(REASON), reason=REASON or "valgrind is here")

STEPS = 100_000
BODIES = {"base": STEPS, "same": STEPS, "more": STEPS * 101 // 100}
COMMON = ("--scenarios", SCENARIOS, "--quiet")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkouts; environments are built once for the whole file."""
    folder = tmp_path_factory.mktemp("count")
    for number, (name, steps) in enumerate(BODIES.items()):
        checkout(folder / name, f"{1 + number}.0", f"STEPS = {steps}\n", name="mill")
    return folder


@pytest.fixture(scope="module")
def compared(workshop: Path) -> tuple[str, dict[str, Any]]:
    """The table of the same code twice and of one per cent more work, and the saved run."""
    sides = ("./base", "./same", "./more")
    done = perfbench(
        "compare",
        *sides,
        "--scenario",
        "instructs",
        "--count",
        "--rounds",
        "1",
        "--save",
        "c",
        *COMMON,
        folder=workshop,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((workshop / "results" / "c.json").read_text())


def counts(document: dict[str, Any], environment: str) -> dict[int, float]:
    """The raw counts of an environment by hash seed."""
    (found,) = (m for m in document["measurements"] if m["case"]["environment"] == environment)
    return {s["round"]: s["metrics"]["instructions"] for s in found["samples"] if s["kind"] == "count"}


def row(table: str, name: str) -> str:
    (line,) = (line for line in table.splitlines() if line.split()[:2] == ["turns", f"./{name}"])
    return line


def ratio(document: dict[str, Any], after: str) -> float:
    first, second = counts(document, "./base"), counts(document, after)
    return math.exp(sum(math.log(second[seed] / first[seed]) for seed in (0, 1, 2)) / 3)


@needs_valgrind
def test_instruction_count_of_the_same_code_is_the_same(compared: tuple[str, dict[str, Any]]) -> None:
    table, document = compared
    assert ratio(document, "./same") == pytest.approx(1.0, abs=0.00061)
    assert row(table, "same").endswith(" % =")
    assert "instructions: callgrind, hash seeds 0, 1, 2; instructions, not time" in table


@needs_valgrind
def test_instruction_count_detects_one_percent_more_work_and_its_size(compared: tuple[str, dict[str, Any]]) -> None:
    table, document = compared
    assert ratio(document, "./more") == pytest.approx(1.01, abs=0.003)
    assert row(table, "more").endswith("+1.0 % ▼")


@needs_valgrind
def test_the_counts_are_saved_raw_and_apart_from_times_and_memory(compared: tuple[str, dict[str, Any]]) -> None:
    _, document = compared
    assert sorted(counts(document, "./base")) == [0, 1, 2]
    assert document["settings"]["count"] is True
    for measurement in document["measurements"]:
        for sample in measurement["samples"]:
            assert (sample["kind"] == "count") == ("instructions" in sample["metrics"])
            assert sample["kind"] != "count" or len(sample["metrics"]) == 1


@needs_valgrind
def test_a_saved_run_shows_its_counts_again(compared: tuple[str, dict[str, Any]], workshop: Path) -> None:
    again = perfbench("show", "c", folder=workshop)
    assert row(again.stdout, "more").endswith("+1.0 % ▼")
    assert "instructions,instructions," in perfbench("show", "c", "--export", "csv=-", folder=workshop).stdout


@needs_valgrind
@pytest.mark.slow
def test_a_gate_with_a_budget_for_instructions_does_not_let_more_of_them_pass(workshop: Path) -> None:
    sides = ("--before", "./base", "--after", "./more", "--scenario", "instructs", "--max-time", "1")
    done = perfbench("gate", *sides, "--budget", "count=0.2%", *COMMON, folder=workshop)
    assert done.returncode == 3, done.stderr
    assert "+1.0 % ▼" in done.stdout
    assert "instructions, +1.0 %: more than 0.2% above" in done.stdout
    assert "the gate failed: 1 of 1 cases" in one_line(done.stderr)


@needs_valgrind
def test_the_first_lines_of_a_market_are_counted_and_the_whole_of_it_is_timed(tmp_path: Path) -> None:
    market = tmp_path / "market"
    files.write_market(Recipe(seed=9, runners=3, updates=2100), market)
    done = perfbench(
        "run", "reads_lines", "--data", market, "--count", "--rounds", "1", "--save", "r", *COMMON, folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "instructions: callgrind, first 2,000 lines, hash seeds 0, 1, 2; instructions, not time" in done.stdout
    document = json.loads((tmp_path / "results" / "r.json").read_text())
    works = {(s["kind"] == "count", s["work"]) for m in document["measurements"] for s in m["samples"]}
    assert works == {(True, 2000), (False, len(market.read_bytes().splitlines()))}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_missing_valgrind_is_reported_in_one_line_before_anything_is_measured(tmp_path: Path) -> None:
    done = perfbench("run", "instructs", "--count", *COMMON, folder=tmp_path, env={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (5, "")
    told = one_line(done.stderr)
    assert "counting instructions needs Valgrind" in told
    assert "leave out --count" in told
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("budget", ["count=0.2", "count=much"])
def test_a_budget_that_nobody_can_mean_is_refused(tmp_path: Path, budget: str) -> None:
    done = perfbench("gate", "--before", "here", "--budget", budget, folder=tmp_path)
    assert done.returncode == 2
    assert "--budget count" in one_line(done.stderr)


def counting_processes(folder: Path) -> list[int]:
    """The processes that write their counts below this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if b"--tool=callgrind" in command and os.fsencode(folder) in command:
            found.append(int(path.parent.name))
    return found


@needs_valgrind
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_count_that_is_interrupted_leaves_nothing_behind(
    workshop: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "perfbench", "run", "instructs", "--env", "./base", "--count", "--rounds", "1"]
    with subprocess.Popen(
        [*command, *map(str, COMMON), "--results", str(tmp_path / "results")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=workshop,
        env={**variables(workshop), "TMPDIR": str(tmp_path)},
    ) as process:
        try:
            end = time.monotonic() + 120
            while time.monotonic() < end and process.poll() is None and not counting_processes(tmp_path):
                time.sleep(0.05)
            assert counting_processes(tmp_path)
            time.sleep(1.0)
            os.kill(process.pid, number)
            _, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "perfbench run --resume --results " in complaint.splitlines()[-1]
    assert counting_processes(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
