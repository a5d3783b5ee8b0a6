"""Tables at 60, 80, 100 and 120 columns, on a terminal and piped: no line is wider, no number is broken."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench
from support.terminals import perfbench_on_terminal

RESULTS = HERE.parent / "results"
WIDTHS = (60, 80, 100, 120)

COMMANDS = {
    "modes": ("show", RESULTS / "reference-engines.json"),
    "versions": ("show", RESULTS / "reference-headline.json"),
    "gate": ("show", RESULTS / "reference-calibration-slower.json"),
    "sweep": ("show", RESULTS / "reference-sweep.json"),
    "corpus": ("show", RESULTS / "reference-corpus.json"),
    "live": ("show", RESULTS / "reference-live.json"),
    "advice": ("show", RESULTS / "reference-verdicts-network.json"),
    "memory": ("show", RESULTS / "reference-verdicts-memory.json"),
    "calibration": ("calibrate", "--show", RESULTS / "reference-calibration.json"),
    "profile": ("profile", "--show", RESULTS / "reference-blame.profile.json"),
    "data": ("data", "list"),
    "market": ("data", "describe", "sample-win"),
    "verdicts": ("scenarios", "--verdicts", "--results", RESULTS),
}
SECONDS = re.compile(r"\d[\d.,]*(?:s|ms|x)\b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("widths")


@cache
def unlimited(command: str, folder: Path) -> str:
    """The output of a command into a pipe, whose width nobody limits."""
    return perfbench(*COMMANDS[command], folder=folder, timeout=200).stdout


def shown(command: str, width: int, folder: Path) -> str:
    return perfbench(*COMMANDS[command], folder=folder, env={"COLUMNS": str(width)}, timeout=200).stdout


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_columns_and_no_number_is_broken(command: str, width: int, folder: Path) -> None:
    text = shown(command, width, folder)
    wide = [line for line in text.splitlines() if len(line) > width and " " in line.strip()]
    assert not wide, wide
    assert text.strip()
    whole = set(SECONDS.findall(unlimited(command, folder)))
    assert set(SECONDS.findall(text)) <= whole, "a number that the whole table does not have"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["modes", "versions", "gate"])
def test_every_case_keeps_its_name_its_seconds_or_change_and_its_verdict(
    command: str, width: int, folder: Path
) -> None:
    text = shown(command, width, folder)
    marks = re.compile(r"[▲▼=?]")
    rows = [
        line for line in unlimited(command, folder).splitlines() if marks.search(line) and line.startswith(("  ", "! "))
    ]
    assert rows
    kept = " ".join(text.split())
    for row in rows:
        (value,) = re.findall(r"(?:[\d.]+x|[+−][\d.]+ %) [▲▼=?]", row)[:1]
        assert value in kept, row


def test_columns_that_do_not_fit_are_named_below_the_table(folder: Path) -> None:
    text = shown("modes", 60, folder)
    assert "not shown in 60 columns: " in " ".join(text.split())
    assert "not shown" not in shown("modes", 120, folder)


@pytest.mark.parametrize("width", WIDTHS)
def test_terminal_and_pipe_show_the_same_at_the_same_width(width: int, folder: Path) -> None:
    shown_there = perfbench_on_terminal(*COMMANDS["versions"], "--color", "never", folder=folder, columns=width)
    lines = [line.rstrip() for line in shown_there.text.replace("\r\n", "\n").splitlines()]
    assert lines == [line.rstrip() for line in shown("versions", width, folder).splitlines()]
