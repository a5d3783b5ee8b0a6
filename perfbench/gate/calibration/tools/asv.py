"""asv: processes of both sides in interleaved rounds; evaluated by ``asv continuous``, which calls changes beyond 10 % slower.

See https://asv.readthedocs.io/en/latest/commands.html#asv-continuous: two commits are compared, with ``--interleave-rounds`` in
rounds that alternate between them, each a process with a warm-up and five passes. A benchmark is worse if the ratio of the medians
is beyond the factor 1.1 and a Mann-Whitney test has p < 0.002. There are as many rounds as there is time for, at least asv's two.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from perfbench.environments import release_dates
from perfbench.environments.git_command import read_git_output
from perfbench.errors import TrialFailed
from perfbench.gate.calibration.tools import (
    PASSES_FOLDER,
    TimeBudget,
    ToolResult,
    ToolSide,
    read_installed_version,
    run_command,
)

NEEDS = ("asv",)
MIN_ROUNDS = 2
PASSES_PER_ROUND = 6
"""A pass to warm up and five samples, the most that asv takes in each of several rounds."""

PROCESS_TIMEOUT = 600.0
"""Seconds after which asv gives up a process: its own 60 s are few on a busy machine."""

WORSE_EXIT_CODE = 1
FAILED_EXIT_CODE = 2
WORSE = "PERFORMANCE DECREASED"
MACHINE = "here"
REPOSITORY = "the repository for asv"
COMMIT = (
    "-c",
    "user.name=perfbench",
    "-c",
    "user.email=",
    "-c",
    "commit.gpgsign=false",
    "commit",
    "--quiet",
    "--allow-empty",
)


def missing() -> str:
    """Why it cannot be run here, in one line; empty if it can: the environments bring asv, and asv calls git."""
    return "" if shutil.which("git") else "asv compares commits, and git is not on the PATH: install git"


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return read_installed_version("asv", python)


def find_release_date(version: str, python: str) -> str:
    """The date of a release, as year-month-day; empty if it cannot be found out."""
    return release_dates.find_release_date("asv", version, python)


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the medians; slower if ``asv continuous`` says that performance decreased. Raises TrialFailed."""
    rounds = max(MIN_ROUNDS, round(pace.comparison / 2 / (pace.startup + PASSES_PER_ROUND * pace.one_pass)))
    commits = _write_project(before, after, folder)
    # asv keeps a file about the machine in the home folder.
    host = replace(before, started_with=(*before.started_with, ("HOME", str(folder))))
    asv = [before.python, "-m", "asv"]
    run_command([*asv, "machine", "--yes", f"--machine={MACHINE}"], host, folder)
    options = ["--interleave-rounds", f"--attribute=rounds={rounds}", f"--machine={MACHINE}", "--show-stderr"]
    allowed = (0, WORSE_EXIT_CODE, FAILED_EXIT_CODE)
    done = run_command([*asv, "continuous", *options, *commits], host, folder, allowed)
    if done.returncode and WORSE not in done.stdout:
        raise TrialFailed(_find_reason(done.stdout + done.stderr), done.stdout + done.stderr)
    medians = [_read_median(folder / "results" / MACHINE, commit) for commit in commits]
    return ToolResult(medians[1] / medians[0], done.returncode == WORSE_EXIT_CODE)


def _write_project(before: ToolSide, after: ToolSide, folder: Path) -> list[str]:
    """Write a project of asv with an empty commit for each side; returns the commits."""
    read_git_output("init", "--quiet", about=REPOSITORY, folder=folder)
    sides = {}
    for name, side in (("before", before), ("after", after)):
        read_git_output(*COMMIT, f"--message={name}", about=REPOSITORY, folder=folder)
        commit = read_git_output("rev-parse", "HEAD", about=REPOSITORY, folder=folder).strip()
        sides[commit] = {"python": side.python, "variables": side.variables}
    configuration = {
        "version": 1,
        "project": "passes",
        "repo": ".",
        "branches": ["HEAD"],
        "environment_type": "built",
        "plugins": [".asv_builds"],
        "benchmark_dir": "benchmarks",
        "default_benchmark_timeout": PROCESS_TIMEOUT,
    }
    (folder / "asv.conf.json").write_text(json.dumps(configuration))
    (folder / "sides.json").write_text(json.dumps(sides))
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").write_text("")
    shutil.copy(PASSES_FOLDER / "asv_bench.py", folder / "benchmarks")
    shutil.copy(PASSES_FOLDER / "asv_builds.py", folder)
    return list(sides)


def _find_reason(output: str) -> str:
    """The line in which asv says why a process failed, else its last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next(
        (line for line in lines if line.startswith("asv: ")), lines[-1] if lines else "asv failed without a word"
    )


def _read_median(results: Path, commit: str) -> float:
    """The estimate of a commit, in seconds."""
    (file,) = results.glob(f"{commit[:8]}-*.json")
    document = json.loads(file.read_text())
    (row,) = document["results"].values()
    (median,) = row[document["result_columns"].index("result")]
    return float(median)
