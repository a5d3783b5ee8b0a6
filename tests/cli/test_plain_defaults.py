"""Every documented command with its plain defaults, in an empty folder, as a newcomer types it: exit 0, and output is shown.

Real processes. Where a default takes minutes, a variable of the environment makes the market or the time smaller, and the test says
so; what is typed stays as it is in the README.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import perfbench, variables
from support.releases import commit, git

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder to type in; temporary files and the cache are beside it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A market of 60 updates beside the folder, for what replays the bundled market for minutes."""
    path = tmp_path / "small"
    write_market(Recipe(seed=9, runners=3, updates=60, bsp=True, in_play=True), path)
    return path


def shown(*arguments: object, folder: Path, **env: str) -> str:
    """Standard output of a command that must end with 0, say something, and leave only results behind."""
    outside = {"PERFBENCH_CACHE": str(folder.parent / "cache"), "TMPDIR": str(folder.parent)}
    done = perfbench(*arguments, folder=folder, env={**outside, **env}, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    assert {path.name for path in folder.iterdir()} <= {"results", "tmp"}
    return done.stdout


def test_profile_of_all_modes_shows_each_of_them_and_their_memory(empty: Path, small: Path) -> None:
    out = shown("profile", folder=empty, PERFBENCH_PROFILE_DATA=str(small))
    for mode in ("lightweight", "full", "patched"):
        assert f"replay {mode} · here · small" in out
    assert "who owns the time" in out
    assert "resident memory" in out


def test_run_and_show_print_the_same_table(empty: Path, small: Path) -> None:
    out = shown("run", folder=empty, PERFBENCH_RUN_DATA=str(small), PERFBENCH_RUN_MAX_TIME="2")
    for mode in ("lightweight", "full", "patched"):
        assert f"  {mode} " in out
    (saved,) = (empty / "results").glob("*.json")
    assert shown("show", saved.stem, folder=empty) == out


def test_compare_of_two_environments_has_a_row_for_every_mode(empty: Path, small: Path) -> None:
    settings = {"PERFBENCH_COMPARE_DATA": str(small), "PERFBENCH_COMPARE_MAX_TIME": "2"}
    out = shown("compare", "here", "here", folder=empty, **settings)
    for mode in ("lightweight", "full", "patched"):
        assert f"  {mode} " in out


def test_gate_of_two_environments_has_a_verdict_for_every_mode(empty: Path, small: Path) -> None:
    settings = {"PERFBENCH_GATE_DATA": str(small), "PERFBENCH_GATE_MAX_TIME": "2", "PERFBENCH_GATE_THRESHOLD": "100%"}
    out = shown("gate", "--before", "here", "--after", "here", folder=empty, **settings)
    for mode in ("lightweight", "full", "patched"):
        assert f"replay {mode} small" in out
    assert "3 cases" in out


@pytest.mark.slow
def test_calibrate_for_a_minute_shows_what_a_gate_detects(empty: Path, small: Path) -> None:
    out = shown("calibrate", "--max-time", "60", folder=empty, PERFBENCH_CALIBRATE_DATA=str(small))
    assert "lightweight" in out


def test_sweep_of_commits_shows_every_step(empty: Path, tmp_path: Path) -> None:
    project = checkout(tmp_path / "project", "1.0", "SECONDS = 0.01\n")
    (project / ".gitignore").write_text("__pycache__\n")
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "add", ".")
    ends = [commit(project, "one")]
    (project / "ticker.py").write_text("SECONDS = 0.02\n")
    git(project, "add", ".")
    ends.append(commit(project, "two"))
    scenario = Path(__file__).resolve().parents[1] / "data" / "scenarios" / "flat.py"
    settings = {"PERFBENCH_SWEEP_SCENARIO": str(scenario)}
    out = shown("sweep", project, "--from", ends[0], "--to", ends[1], folder=empty, **settings)
    for end in ends:
        assert end[:7] in out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("scenarios",), "replay"),
        (("data", "list"), "sample-win"),
        (("data", "describe", "sample-win"), "8,000"),
        (("data", "check"), "sample-win"),
        (("doctor",), "replay"),
    ],
    ids=["scenarios", "data list", "data describe", "data check", "doctor"],
)
def test_command_that_measures_nothing_shows_what_there_is(arguments: tuple[str, ...], part: str, empty: Path) -> None:
    assert part in shown(*arguments, folder=empty)


def test_environments_reports_an_empty_cache(empty: Path) -> None:
    assert "environments" in shown("environments", folder=empty)


def test_exchange_serves_until_a_signal_ends_it(empty: Path) -> None:
    outside = {"PERFBENCH_CACHE": str(empty.parent / "cache"), "TMPDIR": str(empty.parent)}
    with subprocess.Popen(
        [sys.executable, "-m", "perfbench", "exchange"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=empty,
        env=variables(empty, PYTHONUNBUFFERED="1", **outside),
    ) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        server.send_signal(signal.SIGINT)
        rest, errors = server.communicate(timeout=60)
    assert server.returncode == 0, errors
    assert first.strip()
    assert "Traceback" not in errors + rest
