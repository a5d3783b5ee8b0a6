"""``perfbench advise`` as a whole: a program whose seconds are known, and levers that do what their names say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.command_line import HERE, SCENARIOS, one_line, perfbench, variables

ADVISED = HERE / "data" / "advised"
PROGRAM = f"{ADVISED / 'timed.py'}:run"
LEVERS = ("--levers", ADVISED / "levers")


def choose(*names: str) -> list[object]:
    """The options for these levers of the test folder."""
    return [*LEVERS, *(argument for name in names for argument in ("--lever", name))]


def advise(folder: Path, *arguments: object, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    return perfbench("advise", program, "--max-time", "300", *arguments, folder=folder, timeout=280)


def evaluate(folder: Path, *arguments: object) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """What an advice concludes."""
    done = advise(folder, *arguments, "--export", "json=advice.json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "advice.json").read_text())["evaluation"], done


def test_levers_that_gain_are_ranked_combined_and_confirmed_and_all_others_say_why_not(tmp_path: Path) -> None:
    evaluation, done = evaluate(
        tmp_path, *choose("faster", "quicker", "useless", "changing", "failing", "named", "inexact")
    )
    assert evaluation["advised"] == ["speed = 2", "less = True"]
    levers = {lever["lever"]: lever for lever in evaluation["levers"]}
    assert list(levers)[:3] == ["faster", "quicker", "useless"]
    assert levers["faster"]["faster"] == pytest.approx(2.0, rel=0.01)
    assert levers["quicker"]["class"] == "asks for less"
    assert "inexact" not in levers
    combination = evaluation["combination"]
    assert combination["confirmed"]
    assert combination["faster"] == pytest.approx(2.5, rel=0.01)
    assert combination["low"] <= 2.5 <= combination["high"]
    assert combination["pairs"] >= 12
    page = done.stdout
    assert "gains less than 1 %" in page
    assert "price: 2 → 2.01" in page
    assert "this lever does not fit" in page
    assert "▲ speed = 2" in page
    assert "what to write" in page
    assert "named, not tried" in page
    assert "no books kept: books are kept" in page


def test_lever_that_changes_a_penny_in_ten_thousand_orders_is_shown_with_it_and_never_advised(tmp_path: Path) -> None:
    evaluation, done = evaluate(tmp_path, *choose("changing"))
    assert evaluation["advised"] == []
    (lever,) = evaluation["levers"]
    assert lever["class"] == "other orders"
    assert "price: 2 → 2.01" in lever["result"]
    assert "faster" not in lever
    assert "no advice" in done.stdout


def test_nothing_to_gain_is_no_advice_and_exit_0(tmp_path: Path) -> None:
    evaluation, done = evaluate(tmp_path, *choose("useless"))
    assert evaluation["advised"] == []
    assert evaluation["combination"] is None
    assert "nothing here makes it faster by 1 % or more: no advice" in done.stdout


def test_levers_that_change_the_answer_are_timed_when_they_are_included_and_not_advised(tmp_path: Path) -> None:
    evaluation, _ = evaluate(tmp_path, *choose("inexact", "changing"), "--include-changes")
    assert evaluation["advised"] == []
    levers = {lever["lever"]: lever for lever in evaluation["levers"]}
    assert levers["inexact"]["faster"] == pytest.approx(1.5, rel=0.01)
    assert levers["changing"]["pairs"] >= 3


def test_saved_advice_is_shown_again_in_every_format(tmp_path: Path) -> None:
    first = advise(tmp_path, *choose("faster"), "--save", "night", "--quiet")
    assert first.returncode == 0, first.stderr
    for name in ("night", "results/night.advice.json"):
        assert perfbench("show", name, folder=tmp_path).stdout == first.stdout
    markdown = perfbench("show", "night", "--export", "markdown=-", folder=tmp_path)
    assert "| lever | faster |" in markdown.stdout
    assert "▲ speed = 2" in markdown.stderr
    both = perfbench("show", "night", "night", folder=tmp_path)
    assert both.returncode == 2
    assert "an advice is not shown side by side" in both.stderr
    refused = perfbench("show", "night", "--export", "junit=x.xml", folder=tmp_path)
    assert refused.returncode == 2
    assert "--export junit: not a format of an advice" in one_line(refused.stderr)
    taken = advise(tmp_path, *choose("faster"), "--save", "night")
    assert taken.returncode == 2
    assert "already exists" in taken.stderr


@pytest.mark.parametrize(
    ("function", "code", "cause"),
    [
        ("unstable", 6, "the orders of timed:unstable differ from run to run"),
        ("failing", 5, "no more prices"),
        ("missing", 5, "missing"),
    ],
)
def test_program_that_cannot_be_advised_on_is_one_clear_line_and_leaves_nothing_to_resume(
    function: str, code: int, cause: str, tmp_path: Path
) -> None:
    done = advise(tmp_path, *choose("faster"), "--quiet", program=f"{ADVISED / 'timed.py'}:{function}")
    assert done.returncode == code, done.stdout + done.stderr
    assert cause in one_line(done.stderr)
    assert not list(tmp_path.glob("results/*.advice*"))


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((str(SCENARIOS / "known_times.py"),), "is a scenario, not a program"),
        (("no_such.py",), "no_such.py"),
        ((PROGRAM, "--levers", "no/such"), "--levers no/such: no such folder"),
        ((PROGRAM, "--lever", "fastr", *map(str, LEVERS)), "--lever fastr: no such lever"),
        ((PROGRAM, "--export", "csv=x.csv"), "not a format of an advice"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: tuple[str, ...], cause: str, tmp_path: Path) -> None:
    done = perfbench("advise", *arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert cause in one_line(done.stderr)


def read_steps(journal: Path) -> list[str]:
    return [json.loads(line)["step"] for line in journal.read_text().splitlines()[1:]]


def interrupt_after(steps: int, folder: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Start an advice and send a signal once this many steps are in its journal."""
    journal = folder / "results" / "night.advice-journal"
    arguments = ("advise", PROGRAM, *choose("faster", "useless"), "--save", "night", "--max-time", "300")
    command = [sys.executable, "-m", "perfbench", *map(str, arguments)]
    started = subprocess.Popen(
        command, cwd=folder, env=variables(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and not (journal.exists() and len(read_steps(journal)) >= steps):
        time.sleep(0.02)
    os.kill(started.pid, number)
    out, err = started.communicate(timeout=60)
    return subprocess.CompletedProcess(command, started.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_advice_is_resumed_without_repeating_a_step(tmp_path: Path, number: int) -> None:
    interrupted = interrupt_after(6, tmp_path, number)
    journal = tmp_path / "results" / "night.advice-journal"
    steps = read_steps(journal)
    assert len(steps) >= 6
    if number == signal.SIGINT:
        assert interrupted.returncode == 130
        assert "perfbench advise --resume goes on where it stopped" in interrupted.stderr
    before = journal.read_text()
    done = perfbench("advise", "--resume", folder=tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "▲ speed = 2" in done.stdout
    assert not journal.exists()
    assert before
    assert (tmp_path / "results" / "night.advice.json").exists()
    again = perfbench("advise", "--resume", folder=tmp_path)
    assert again.returncode == 5
    assert "no interrupted advice to resume" in one_line(again.stderr)


def test_advice_is_not_resumed_with_another_program(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text((ADVISED / "timed.py").read_text())
    text = f"{program}:run"
    command = [sys.executable, "-m", "perfbench", "advise", text, *map(str, choose("faster")), "--save", "night"]
    started = subprocess.Popen(command, cwd=tmp_path, env=variables(tmp_path), stderr=subprocess.DEVNULL)
    journal = tmp_path / "results" / "night.advice-journal"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (journal.exists() and len(read_steps(journal)) >= 3):
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    started.wait(timeout=60)
    program.write_text(program.read_text() + "\n# edited\n")
    done = perfbench("advise", "--resume", folder=tmp_path)
    assert done.returncode == 5
    assert "is not what it was when the run began" in one_line(done.stderr)
