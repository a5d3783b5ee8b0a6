"""What ``--max-time`` bounds, what is said when it is over, and how a run whose time was over goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.command_line import SCENARIOS, one_line, perfbench
from support.runs import run as made_run

from perfbench.cli.resumption import describe_shortfall
from perfbench.runner.session import FinishedRun
from perfbench.runner.state import Shortfall

WAITS = ("waits", "--scenarios", SCENARIOS, "--precision", "0.0001")
"""Passes of 20 and 5 ms by the wall clock, which scatter by more than that precision."""


def run(folder: Path, *arguments: object) -> tuple[int, str, str]:
    done = perfbench("run", *arguments, folder=folder)
    return done.returncode, done.stdout, done.stderr


def saved(folder: Path, name: str = "short") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results" / f"{name}.json").read_text())
    return document


def pairs_of(document: dict[str, Any]) -> int:
    samples = [sample for measurement in document["measurements"] for sample in measurement["samples"]]
    return len({sample["pair"] for sample in samples if sample["kind"] == "duet"})


def test_run_whose_time_was_over_says_what_is_missing_and_what_goes_on(tmp_path: Path) -> None:
    code, table, said = run(tmp_path, *WAITS, "--max-time", "0.1")
    assert code == 0
    assert "waits" in table
    assert re.search(r"the time was over before every pair had an interval; that takes about \d+ s more", said)
    assert re.search(r"hint: perfbench run --resume --max-time \d+s goes on$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("lacking", "cause", "hint"),
    [
        (
            Shortfall(0.0234, 100.0),
            "the time was over: the widest interval is ± 2.3 %, not ± 1 %; that takes about 1 min 40 s more",
            "perfbench run --resume --results elsewhere --max-time 3m goes on; with --precision 2.4% it is complete as it is",
        ),
        (
            Shortfall(None, 31.0),
            "the time was over before every pair had an interval; that takes about 31 s more",
            "perfbench run --resume --results elsewhere --max-time 60s goes on",
        ),
    ],
)
def test_missing_precision_is_shown_with_the_time_that_it_takes(lacking: Shortfall, cause: str, hint: str) -> None:
    finished = FinishedRun(made_run([]), Path("elsewhere/short.json"), interrupted=False, shortfall=lacking)
    assert describe_shortfall(finished) == (cause, hint)


def test_run_that_reached_its_precision_says_nothing_and_cannot_be_resumed(tmp_path: Path) -> None:
    known = ("known_times", "--scenarios", SCENARIOS, "--max-time", "60")
    code, _, said = run(tmp_path, *known, "--save", "precise")
    assert code == 0
    assert "the time was over" not in said
    code, _, said = run(tmp_path, "--resume")
    assert code == 5
    assert "results holds no interrupted run to resume" in one_line(said)
    assert (tmp_path / "results" / "precise.json").is_file()


def test_run_whose_time_was_over_goes_on_under_its_name_with_all_that_it_had(tmp_path: Path) -> None:
    assert run(tmp_path, *WAITS, "--max-time", "0.1", "--save", "short")[0] == 0
    before = saved(tmp_path)
    code, _, said = run(tmp_path, "--resume", "--max-time", "5")
    assert code == 0, said
    assert "saved in results/short.json" in said
    after = saved(tmp_path)
    assert pairs_of(after) > pairs_of(before)
    for then, now in zip(before["measurements"], after["measurements"], strict=True):
        assert then["case"] == now["case"]
        assert then["output"] == now["output"]
        assert all(sample in now["samples"] for sample in then["samples"])
    checks = [failure for measurement in after["measurements"] for failure in measurement["failures"]]
    assert not checks
    assert after["finished"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["short.json"]


def test_precision_may_be_another_one_than_before(tmp_path: Path) -> None:
    assert run(tmp_path, *WAITS, "--max-time", "3", "--save", "short")[0] == 0
    code, _, said = run(tmp_path, "--resume", "--precision", "90%", "--max-time", "60")
    assert code == 0, said
    assert "the time was over" not in said
    assert pairs_of(saved(tmp_path)) <= 12


def test_other_option_than_before_is_refused_and_the_run_stays(tmp_path: Path) -> None:
    assert run(tmp_path, *WAITS, "--max-time", "0.1", "--save", "short")[0] == 0
    code, _, said = run(tmp_path, "--resume", "--mode", "longer")
    assert code == 2
    assert "short.json was measured with another --mode than this" in one_line(said)
    assert (tmp_path / "results" / "short.json").is_file()


def test_run_with_a_number_of_rounds_is_complete(tmp_path: Path) -> None:
    assert run(tmp_path, *WAITS, "--rounds", "1", "--save", "fixed")[0] == 0
    assert run(tmp_path, "--resume")[0] == 5


def test_time_is_shared_by_the_tables_and_each_has_a_round(tmp_path: Path) -> None:
    code, _, said = run(tmp_path, *WAITS, "burns", "known_times", "--max-time", "1")
    assert code == 0, said
    assert "3 tables: at most 1 s in all, but one round of each in any case" in said
    assert re.search(r"took [\d a-z]+, more than --max-time 1 s: this is the least that is measured", said)
    (document,) = (tmp_path / "results").glob("*.json")
    measured = json.loads(document.read_text())["measurements"]
    assert {m["case"]["scenario"] for m in measured if any(s["kind"] == "duet" for s in m["samples"])} == {
        "waits", "burns", "known_times",
    }  # fmt: skip


@pytest.mark.parametrize("option", [("--rounds", "3"), ("--quick",)])
def test_number_of_rounds_has_no_time_limit_and_says_none(tmp_path: Path, option: tuple[str, ...]) -> None:
    code, _, said = run(tmp_path, "known_times", "--scenarios", SCENARIOS, "--max-time", "0.01", *option)
    assert code == 0
    assert "--max-time" not in said


def test_profile_makes_the_first_profile_and_says_what_it_left_out(tmp_path: Path) -> None:
    common = ("profile", "burns", "--scenarios", SCENARIOS, "--mode", "light", "--max-time", "0.1")
    done = perfbench(*common, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the time is over; left out: counting calls" in done.stderr
    assert "pass 2" in done.stderr
    assert re.search(r"took .*, more than --max-time 0 s: this is the least", done.stderr)
    assert "burns" in done.stdout
