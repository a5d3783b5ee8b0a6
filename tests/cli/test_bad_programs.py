"""Twelve programs that a careless user has, under ``run`` and under ``advise``: one clear line, the exit code, no traceback.

What makes them bad is refused or handled; those that can be measured in spite of it are. The lines themselves, and more programs,
are in tests/integration/test_programs.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

SOURCES = HERE / "data" / "programs"
MARKET = "1.100000010"
LONG = "1.100000011"

REFUSED = {
    "syntax_error.py": (5, r"(expected ':'|invalid syntax) at syntax_error\.py:3"),
    "late_failure.py": (5, r"KeyError: 'no such runner' at \S*/late_failure\.py:12, update 5,00\d"),
    "exits.py": (5, r"ended with exit code 3"),
    "asks.py": (5, r"asks for input \(give it as an argument after --\)"),
    "never_ends.py": (5, r"timed out after \d+ s \(raise the limit with --timeout\)"),
    "no_simulation.py": (5, r"ran no simulation and read no market with betfairlightweight"),
    "missing_package.py": (5, r"needs the package `pandas_of_nobody`, which this environment lacks"),
    "opens_network.py": (5, r"opens_network\.py connects to markets\.example\.com"),
    "random_orders.py": (6, r"(gives other orders|differ) from run to run"),
}
"""Programs that cannot be measured, or not compared: the exit code, and the line."""

MEASURED = ("two_frameworks.py", "writes_beside_itself.py", "forks.py")
"""Programs that are measured, each with a habit that could spoil it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs beside a market, and a longer one."""
    made = tmp_path_factory.mktemp("programs")
    for source in SOURCES.glob("*.py"):
        shutil.copy(source, made)
    late = (made / "fails.py").read_text().replace("books >= 100", "books >= 5_000")
    (made / "late_failure.py").write_text(late.replace("sys.argv[1:]", '["data/1.1"]'))
    for name, updates in ((MARKET, 300), (LONG, 5_100)):
        write_market(Recipe(seed=11, runners=4, updates=updates, bsp=True, in_play=name == MARKET), made / name)
    return made


def list_files(root: Path) -> dict[str, bytes]:
    """The files beside the programs, without what perfbench itself keeps there."""
    tops = [top for top in root.iterdir() if top.name not in ("results", "cache", "tmp")]
    paths = [path for top in tops for path in (top, *top.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in paths}


def call(command: str, folder: Path, program: str, *options: object) -> subprocess.CompletedProcess[str]:
    """A command with a program and the market that it needs."""
    market = LONG if program == "late_failure.py" else MARKET
    timeout = ("--timeout", "2") if program == "never_ends.py" else ()
    return perfbench(command, program, "--data", market, "--quiet", *timeout, *options, folder=folder, timeout=280)


def require_one_line(done: subprocess.CompletedProcess[str], code: int, line: str) -> None:
    """The command ended with this code; one line names the reason, and nothing looks like a bug."""
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert "Traceback" not in text
    assert len([shown for shown in text.splitlines() if re.search(line, shown)]) == 1, text


@pytest.mark.parametrize("program", REFUSED)
def test_bad_program_is_one_line_under_run(folder: Path, program: str) -> None:
    before = list_files(folder)
    require_one_line(call("run", folder, program, "--rounds", "1"), *REFUSED[program])
    assert list_files(folder) == before


@pytest.mark.parametrize("program", REFUSED)
def test_bad_program_is_one_line_under_advise(folder: Path, program: str) -> None:
    before = list_files(folder)
    require_one_line(call("advise", folder, program, "--lever", "gc_off"), *REFUSED[program])
    assert list_files(folder) == before
    assert not list(folder.glob("results/*.advice*"))


@pytest.mark.parametrize("program", MEASURED)
def test_program_with_a_bad_habit_is_measured_by_run(folder: Path, program: str) -> None:
    before = list_files(folder)
    done = call("run", folder, program, "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    title, heads, row, about, *_ = done.stdout.splitlines()
    count = 600 if program == "two_frameworks.py" else 300
    assert f"{Path(program).stem} · {MARKET} · {count} updates" in title
    assert "CPU seconds" in heads
    assert "profit" in heads
    assert row.split()[0] == "run"
    assert "CPU seconds of its simulations" in about
    assert list_files(folder) == before


@pytest.mark.parametrize("program", [pytest.param(program, marks=pytest.mark.slow) for program in MEASURED])
def test_program_with_a_bad_habit_is_advised_on(folder: Path, program: str) -> None:
    before = list_files(folder)
    done = call("advise", folder, program, "--lever", "log_level", "--lever", "inplay", "--max-time", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "advice" in done.stdout
    assert list_files(folder) == before


def test_one_bad_program_does_not_keep_the_others_from_being_measured(folder: Path) -> None:
    done = perfbench(
        *("run", "exits.py", "two_frameworks.py", "--data", MARKET, "--rounds", "1", "--quiet"),
        folder=folder,
        timeout=280,
    )
    assert done.returncode == 5
    assert "! run: ended with exit code 3" in done.stdout
    assert f"two_frameworks · {MARKET} · 600 updates" in done.stdout
