"""``perfbench sweep``: a checkout's commits measured link by link and searched, through the real command line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench

SECONDS = (1.0, 1.0, 1.0, 1.5, 1.5, 1.2)
"""What each commit takes: the fourth is slower, the sixth repairs part of it."""

BODY = 'SECONDS = {{"plain": {}, "quick": 1.0, "slow": 1.0}}\n'
LINE = "perfbench sweep"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LANG": "C"}).stdout


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with a checkout of six commits and a seventh that cannot be built, and the short names of all."""
    folder = tmp_path_factory.mktemp("sweep")
    ticker = checkout(folder / "ticker", "1.0", "")
    git(folder, "init", "-q", str(ticker))
    commits = []
    for number, seconds in enumerate(SECONDS):
        (ticker / "ticker.py").write_text(BODY.format(seconds) + f"NUMBER = {number}\n")
        git(ticker, "add", ".")
        git(ticker, "commit", "-q", "-m", str(number))
        commits.append(git(ticker, "rev-parse", "HEAD").strip())
    (ticker / "ticker.py").write_text("this is no Python\n")
    git(ticker, "commit", "-q", "-a", "-m", "broken")
    commits.append(git(ticker, "rev-parse", "HEAD").strip())
    (ticker / "ticker.py").write_text(BODY.format(1.2))
    git(ticker, "commit", "-q", "-a", "-m", "mended")
    commits.append(git(ticker, "rev-parse", "HEAD").strip())
    return folder, commits


def swept(folder: Path, *arguments: object) -> tuple[int, str, str]:
    scenario = ("--scenario", "ticks_timed", "--mode", "plain", "--scenarios", SCENARIOS)
    done = perfbench("sweep", "ticker", *arguments, *scenario, "--rounds", "8", folder=folder)
    return done.returncode, done.stdout, done.stderr


def test_every_commit_is_a_row_with_its_step_and_real_steps_are_named(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    plot = folder / "trajectory.svg"
    code, table, complaint = swept(folder, "--from", commits[1], "--to", commits[5], "--save", "kept", "--plot", plot)
    assert code == 0, complaint
    rows = {
        line.split()[0]: line for line in table.splitlines() if line.split()[:1] and line.split()[0] in _short(commits)
    }
    assert list(rows) == _short(commits[1:6])
    assert f"▼ {_short(commits)[2]} → {_short(commits)[3]} plain: 1.50x slower" in table
    assert f"▲ {_short(commits)[4]} → {_short(commits)[5]} plain: −20.0 %" in table
    assert "0.0 % =" in rows[_short(commits)[2]]
    assert plot.read_text().startswith("<?xml")


def test_a_saved_sweep_is_shown_again(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    if not (folder / "results" / "kept.json").exists():
        swept(folder, "--from", commits[1], "--to", commits[5], "--save", "kept")
    done = perfbench("show", "kept", "--plot", "again.png", folder=folder)
    assert done.returncode == 0, done.stderr
    assert f"▼ {_short(commits)[2]} → {_short(commits)[3]} plain: 1.50x slower" in done.stdout
    assert (folder / "again.png").read_bytes().startswith(b"\x89PNG")


def test_commit_that_cannot_be_built_is_a_row_and_the_step_spans_it(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    code, table, _ = swept(folder, "--from", commits[5], "--to", commits[7])
    assert code == 5
    assert f"! {_short(commits)[6]}" in table
    assert "invalid syntax" in table
    assert "Traceback" not in table


def test_a_search_names_the_first_slow_commit_with_few_comparisons(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    code, said, told = swept(folder, "--from", commits[0], "--to", commits[4], "--bisect")
    assert code == 3, told
    assert (
        said
        == f"{_short(commits)[3]} is the first slow one: 1.50x slower against {_short(commits)[2]} (3 comparisons)\n"
    )
    assert len(list((folder / "results").glob("*.json"))) >= 3


def test_a_search_between_equals_finds_nothing(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    code, said, _ = swept(folder, "--from", commits[0], "--to", commits[2], "--bisect")
    assert code == 0
    assert "is not slower than" in said


def test_anchor_is_paired_with_every_commit(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    code, table, _ = swept(folder, "--from", commits[1], "--to", commits[3], "--anchor", _short(commits)[1])
    assert code == 0
    assert "anchor)" in table
    assert f"▼ {_short(commits)[2]} → {_short(commits)[3]}" in table


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "nowhere", "--to", "HEAD"), "nowhere"),
        (("--from", "HEAD~2", "--to", "HEAD", "--anchor", "x"), "--anchor x: not among what is swept"),
        (("--from", "HEAD~2", "--to", "HEAD", "--plot", "x.bmp"), "--plot x.bmp: unknown picture format"),
        (("--from", "HEAD~2", "--to", "HEAD", "--bisect", "--mode", "quick"), "--bisect takes a single --mode"),
        (("--from", "HEAD~2", "--to", "HEAD", "--max-time", "3"), "--rounds and --max-time exclude each other"),
    ],
)
def test_invalid_sweep_is_reported_in_one_line(
    history: tuple[Path, list[str]], arguments: tuple[str, ...], complaint: str
) -> None:
    code, _, said = swept(history[0], *arguments)
    assert code == 2
    assert complaint in one_line(said)


def _short(commits: list[str]) -> list[str]:
    return [commit[:12] for commit in commits]
