"""A market that is too long for ``--max-time`` is measured on its first lines, and everything that shows the run says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import perfbench

from perfbench.results import load

TOO_SHORT = ("--max-time", "0.5")
"""Start-ups of two modes alone take longer, on any machine: the market is cut to the fewest lines."""

MODES = ("--mode", "lightweight", "--mode", "full")
WARNING = "only its first 250 lines: the fewest passes over all of it exceed --max-time"


def saved(folder: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results" / f"{name}.json").read_text())
    return document


def test_run_measures_the_first_lines_and_says_so_everywhere(tmp_path: Path) -> None:
    done = perfbench("run", *MODES, "--data", "sample-win", *TOO_SHORT, "--save", "cut", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "sample-win: its first 250 lines are measured; the fewest passes over all of it would take about" in done.stderr
    )
    assert "sample-win:250" in done.stdout
    assert WARNING in done.stdout
    (market,) = saved(tmp_path, "cut")["data"]
    assert (market["name"], market["updates"]) == ("sample-win:250", 250)
    run = load(tmp_path / "results" / "cut.json")
    assert {comparison.data for comparison in run.comparisons()} == {"sample-win:250"}
    for arguments in (
        ("show", "cut"),
        ("show", "cut", "--export", "markdown=-"),
        ("show", "cut", "--export", "html=page.html"),
    ):
        shown = perfbench(*arguments, folder=tmp_path)
        assert shown.returncode == 0, shown.stderr
    page = (tmp_path / "page.html").read_text()
    assert "only its first 250 lines" in page


def test_work_of_a_cut_market_is_that_of_its_first_lines(tmp_path: Path) -> None:
    assert (
        perfbench("run", *MODES, "--data", "sample-win", *TOO_SHORT, "--save", "cut", folder=tmp_path).returncode == 0
    )
    for measurement in saved(tmp_path, "cut")["measurements"]:
        assert measurement["output"]["updates"] == 250
        assert {sample["work"] for sample in measurement["samples"]} == {250}


def test_resumed_run_keeps_the_length_though_there_is_time_for_more(tmp_path: Path) -> None:
    assert (
        perfbench("run", *MODES, "--data", "sample-win", *TOO_SHORT, "--save", "cut", folder=tmp_path).returncode == 0
    )
    before = saved(tmp_path, "cut")
    done = perfbench("run", "--resume", "--max-time", "20", "--precision", "90%", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    after = saved(tmp_path, "cut")
    assert after["data"] == before["data"]
    assert after["settings"]["cuts"] == before["settings"]["cuts"] == [["sample-win", 250]]
    for then, now in zip(before["measurements"], after["measurements"], strict=True):
        assert all(sample in now["samples"] for sample in then["samples"])


def test_each_of_two_files_is_cut_and_has_its_warning(tmp_path: Path) -> None:
    files = ("--data", "sample-win", "--data", "sample-match-odds")
    done = perfbench("run", *MODES, *files, *TOO_SHORT, "--save", "both", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(WARNING) == 2
    assert [market["name"] for market in saved(tmp_path, "both")["data"]] == ["sample-win:250", "sample-match-odds:250"]


@pytest.mark.parametrize("enough", [("--rounds", "1"), ("--max-time", "10m", "--precision", "90%")])
def test_market_is_whole_with_a_number_of_rounds_or_enough_time(tmp_path: Path, enough: tuple[str, ...]) -> None:
    done = perfbench(
        "run", "--data", "sample-win", "--mode", "lightweight", *enough, "--save", "whole", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "only its first" not in done.stdout + done.stderr
    assert [market["name"] for market in saved(tmp_path, "whole")["data"]] == ["sample-win"]
