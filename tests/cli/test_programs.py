"""The user's own program through the real command line: unchanged, under every command that measures.

The programs are plain functions of a market file, which run in milliseconds; those that run simulations are in
tests/integration/test_programs.py.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import corpora
from support.checkouts import checkout
from support.command_line import one_line, perfbench
from support.package_index import Index
from support.releases import git

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments import cache

LINES = """\
\"\"\"Count the characters of every line.\"\"\"

import json
import os
import random
import sys


def run(market):
    \"\"\"The length of each line.\"\"\"
    with open(market) as file:
        for line in file:
            yield len(line)


def count(market):
    for number in range(int(sys.argv[1])):
        yield number


def guess(market):
    for _ in range(10):
        yield random.random()


def settings(market):
    yield __debug__
    yield os.environ.get("COLOUR")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with programs and a market of 60 updates."""
    made = tmp_path_factory.mktemp("programs")
    (made / "lines.py").write_text(LINES)
    write_market(Recipe(seed=9, runners=3, updates=60), made / "small")
    return made


def measured(
    folder: Path, program: str, *arguments: object, command: str = "run", code: int = 0, data: object = "small"
) -> str:
    """Standard output of a command with a program on the small market, two rounds."""
    typed = list(arguments)
    end = typed.index("--") if "--" in typed else len(typed)
    scenario = (program,) if command in ("run", "profile") else ("--scenario", program)
    rounds = () if command == "gate" else ("--rounds", "2")
    options = ("--data", data, "--quiet", *rounds, *typed[:end])
    done = perfbench(command, *scenario, *options, *typed[end:], folder=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def newest(folder: Path) -> dict[str, Any]:
    """The document that was saved last."""
    path = max((folder / "results").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    saved: dict[str, Any] = json.loads(path.read_text())
    return saved


# Every command ----------------------------------------------------------------------------------------------------------


def test_function_is_run_on_a_market_and_named_by_file_and_function(folder: Path) -> None:
    table = measured(folder, "lines.py:run")
    count = len((folder / "small").read_text().splitlines())
    assert f"lines:run · small · {count} updates" in table
    run = newest(folder)
    (case,) = [measurement["case"] for measurement in run["measurements"]]
    assert (case["scenario"], case["mode"], case["data"]) == ("lines:run", "run", "small")
    assert run["scenarios"][0]["program"] == "lines.py:run"
    assert str(folder) not in json.dumps(run)


def test_seconds_that_are_timed_for_a_program_are_called_what_they_are(folder: Path) -> None:
    (folder / "amount.py").write_text("def run(market):\n    return sum(1 for _ in range(100_000))\n")
    table = measured(folder, "amount.py:run")
    assert "reported" not in table
    assert table.splitlines()[1].split("  ")[2].strip() == "CPU seconds"
    (measurement,) = newest(folder)["measurements"]
    assert all("reported_seconds" in sample["metrics"] for sample in measurement["samples"])


def test_two_environments_are_compared_on_a_program(folder: Path) -> None:
    table = measured(folder, "lines.py:run", "here", "here -O", command="compare")
    assert "lines:run · small" in table
    assert "yes" in table


def test_gate_checks_a_program(folder: Path) -> None:
    options = ("--before", "here", "--after", "here env:A=1", "--max-time", "1", "--threshold", "100%")
    assert "lines:run run small" in measured(folder, "lines.py:run", *options, command="gate")


def test_program_is_profiled(folder: Path) -> None:
    text = measured(folder, "lines.py:run", "--no-memory", "--interval", "0.1ms", command="profile")
    assert "lines:run run · here · small" in text
    assert "who owns the time" in text


def commit_counts(ticker: Path, counts: Sequence[int]) -> list[str]:
    """A checkout with a commit for each number, and the commits."""
    checkout(ticker, "1.0", "")
    git(ticker.parent, "init", "-q", str(ticker))
    commits = []
    for number, count in enumerate(counts):
        (ticker / "ticker.py").write_text(f"COUNT = {count}\nNUMBER = {number}\n")
        git(ticker, "add", ".")
        git(ticker, "commit", "-q", "-m", str(number))
        commits.append(git(ticker, "rev-parse", "HEAD").strip())
    return commits


def sweep(folder: Path, market: Path, program: str, commits: Sequence[str]) -> Any:
    (folder / "ticks.py").write_text(f"import ticker\n\n\ndef run(market):\n    {program}\n")
    return perfbench(
        *("sweep", folder / "ticker", "--from", commits[0], "--to", commits[-1], "--scenario", "ticks.py:run"),
        *("--data", market, "--rounds", "2", "--quiet"),
        folder=folder,
    )


def test_program_is_swept_over_the_releases_of_a_checkout(folder: Path, tmp_path: Path) -> None:
    commits = commit_counts(tmp_path / "ticker", (5, 5))
    done = sweep(tmp_path, folder / "small", "yield from range(ticker.COUNT)", commits)
    assert done.returncode == 0, done.stdout + done.stderr
    assert commits[1][:7] in done.stdout


def test_program_that_does_other_work_in_a_release_has_no_step_there(folder: Path, tmp_path: Path) -> None:
    commits = commit_counts(tmp_path / "ticker", (5, 7))
    done = sweep(tmp_path, folder / "small", "return ticker.COUNT", commits)
    assert done.returncode == 5, done.stdout + done.stderr
    first, second = (commit[:7] for commit in commits)
    assert re.search(
        rf"^! run, {first}\S* → {second}\S*: 5 updates before and 7 after: the work differs, no ratio$",
        done.stdout,
        re.MULTILINE,
    )
    assert "Traceback" not in done.stderr


def test_program_with_other_output_in_a_release_is_reported_there(folder: Path, tmp_path: Path) -> None:
    commits = commit_counts(tmp_path / "ticker", (5, 7))
    done = sweep(tmp_path, folder / "small", "yield from range(ticker.COUNT)", commits)
    assert done.returncode == 6, done.stdout + done.stderr
    first, second = (commit[:7] for commit in commits)
    assert re.search(rf"^! run, {first}\S* → {second}\S*: the output differs$", done.stdout, re.MULTILINE)


def test_gate_is_calibrated_with_a_program(folder: Path) -> None:
    (folder / "burns.py").write_text(
        "def run(market):\n    for number in range(20_000):\n        number * number\n    return 1\n"
    )
    options = ("--env", "here", "--scenario", "burns.py:run", "--data", "small", "--rounds", "24", "--slower", "50%")
    done = perfbench("calibrate", *options, "--quiet", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "burns:run" in done.stdout.splitlines()[0]
    assert "24 pairs" in done.stdout.splitlines()[0]
    assert "injected slowdown" in done.stdout


def test_corpus_of_small_markets_is_one_table_of_a_program(folder: Path, tmp_path: Path) -> None:
    corpora.write_tree(tmp_path / "corpus", corpora.markets(5))
    table = measured(folder, "lines.py:run", "--rounds", "3", data=tmp_path / "corpus")
    assert "lines:run · corpus" in table
    assert newest(folder)["corpus"]["members"] == 5


# Its arguments ----------------------------------------------------------------------------------------------------------


def test_arguments_behind_two_hyphens_are_those_of_the_program(folder: Path) -> None:
    assert "lines:count · small · 7 updates" in measured(folder, "lines.py:count", "--", "7", "--rounds", "many")
    run = newest(folder)
    assert run["settings"]["arguments"] == ["7", "--rounds", "many"]
    assert run["measurements"][0]["case"]["parameters"] == []


def test_arguments_of_a_scenario_are_refused(folder: Path) -> None:
    done = perfbench("run", "replay", "--quick", "--", "--fast", folder=folder)
    assert done.returncode == 2
    assert "-- --fast: arguments after -- are those of a program, which replay is not" in one_line(done.stderr)


def test_hyphens_of_a_command_that_measures_nothing_end_its_options(folder: Path) -> None:
    done = perfbench("show", "--", "--odd", folder=folder)
    assert done.returncode == 5
    assert "--odd" in one_line(done.stderr)


@pytest.mark.parametrize("name", ["program", "arguments", "levers", "written", "working"])
def test_program_has_no_parameters_for_what_it_is_given(folder: Path, name: str) -> None:
    done = perfbench("run", "lines.py:run", "--data", "small", "--set", f"{name}=x", folder=folder)
    assert done.returncode == 2
    assert f"no parameter `{name}`" in one_line(done.stderr)


# Its output -------------------------------------------------------------------------------------------------------------


def test_program_that_differs_from_run_to_run_is_reported_with_its_times(folder: Path) -> None:
    table = measured(folder, "lines.py:guess", code=6)
    assert "! run gives other output from run to run, first at item 1, its value: 0." in table
    (measurement,) = newest(folder)["measurements"]
    assert [sample["kind"] for sample in measurement["samples"]].count("alone") >= 2


def test_program_that_differs_from_run_to_run_is_not_compared_with_itself(folder: Path) -> None:
    table = measured(folder, "lines.py:guess", "here", "here env:A=1", command="compare", code=6)
    assert "run in here gives other output from run to run" in table
    assert "run in here env:A=1 gives other output from run to run" in table
    assert "differs at" not in table


def test_settings_of_an_environment_reach_the_program(folder: Path) -> None:
    table = measured(folder, "lines.py:settings", "here", "here -O", command="compare", code=6)
    assert "run differs at item 1, its value: True → False" in table
    table = measured(folder, "lines.py:settings", "here", "here env:COLOUR=blue", command="compare", code=6)
    assert "run differs at item 2, its value: None → 'blue'" in table
    environments = newest(folder)["environments"]
    assert [environment["variables"] for environment in environments] == [[], [["COLOUR", "blue"]]]


# What cannot be measured ------------------------------------------------------------------------------------------------


def test_function_that_is_not_there_is_refused_with_the_nearest(folder: Path) -> None:
    done = perfbench("run", "lines.py:runs", "--data", "small", folder=folder)
    assert done.returncode == 5
    assert "cannot load program lines:runs" in one_line(done.stderr)
    assert "run" in one_line(done.stderr)


def test_two_programs_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(LINES)
    done = perfbench("run", "lines.py:run", f"{tmp_path / 'lines.py'}:run", "--data", "small", folder=folder)
    assert done.returncode == 2
    assert "two scenarios are named lines:run" in one_line(done.stderr)


def test_interpreter_with_the_lock_cannot_be_started_without_it(folder: Path) -> None:
    if getattr(sys, "_is_gil_enabled", lambda: True)() is False:
        pytest.skip("there is only one Python here")
    done = perfbench("run", "lines.py:run", "--data", "small", "--env", "here -X gil=0", folder=folder)
    assert done.returncode == 5
    assert "`-Xgil=0` needs a free-threaded build of Python" in done.stderr


# What it declares (PEP 723) ---------------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The only index that there is; what is built stays in the test's folder."""
    made_up = Index(tmp_path / "index")
    made_up.wheel("engine", "1.0")
    made_up.wheel("helper", "1.0")
    made_up.wheel("helper", "2.0")
    yield made_up
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


DECLARED = """\
# /// script
# requires-python = "{python}"
# dependencies = ["helper{version}"]
# ///
import helper


def run(market):
    yield helper.__version__
    yield helper.__version__
"""


def run_declared(folder: Path, index: Index, spec: str, python: str = ">=3.8", version: str = "==1.0") -> Any:
    (folder / "declared.py").write_text(DECLARED.format(python=python, version=version))
    write_market(Recipe(seed=9, runners=3, updates=20), folder / "small")
    variables = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(folder / "uv"), "UV_HTTP_RETRIES": "0"}
    options = ("--data", "small", "--env", spec, "--rounds", "1", "--quiet", "--save", "saved")
    return perfbench("run", "declared.py:run", *options, folder=folder, env=variables)


def imported(folder: Path) -> dict[str, str]:
    run = json.loads((folder / "results" / "saved.json").read_text())
    return {package["name"]: package["version"] for package in run["measurements"][0]["packages"]}


def test_declared_package_is_added_to_the_environment(index: Index, tmp_path: Path) -> None:
    done = run_declared(tmp_path, index, "engine==1.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(tmp_path)["helper"] == "1.0"


def test_package_that_the_environment_names_keeps_its_version(index: Index, tmp_path: Path) -> None:
    done = run_declared(tmp_path, index, "engine==1.0 helper==2.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(tmp_path)["helper"] == "2.0"


def test_declared_python_that_is_another_is_named(index: Index, tmp_path: Path) -> None:
    done = run_declared(tmp_path, index, "engine==1.0", python=">=3.99")
    assert done.returncode == 5
    assert "declared:run: it requires Python >=3.99, and engine==1.0 has" in done.stderr


def test_declared_package_that_does_not_exist_is_named(index: Index, tmp_path: Path) -> None:
    done = run_declared(tmp_path, index, "engine==1.0", version="==9.0")
    assert done.returncode == 5
    assert "there is no helper 9.0" in done.stderr
