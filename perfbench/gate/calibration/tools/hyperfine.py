"""hyperfine 1: wall time of whole processes, one side after the other; evaluated by the t-test of its ``scripts/welch_ttest.py``.

See https://github.com/sharkdp/hyperfine: a warm-up against cold caches, at least ten runs, and the export as JSON, which the script
reads and calls different where Welch's two-sided test has p < 0.05.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from perfbench.errors import TrialFailed
from perfbench.gate.calibration.tools import PASSES_FOLDER, TimeBudget, ToolResult, ToolSide, read_output, run_command

NEEDS = ("scipy",)
MIN_RUNS = 10
WARMUP_RUNS = 1
SIGNIFICANCE_LEVEL = 0.05

BROUGHT = "write --against hyperfine-2, which brings its own"

RELEASED = {
    "1.12.0": "2021-10-17",
    "1.13.0": "2022-03-05",
    "1.14.0": "2022-05-17",
    "1.15.0": "2022-09-07",
    "1.16.0": "2023-03-15",
    "1.16.1": "2023-03-21",
    "1.17.0": "2023-06-03",
    "1.18.0": "2023-10-05",
    "1.19.0": "2024-11-11",
    "1.20.0": "2025-11-18",
}
"""Dates of the tags in the repository of hyperfine: a program of the system is not on the package index."""


def missing() -> str:
    """Why it cannot be run here, in one line; empty if it can."""
    if not shutil.which("hyperfine"):
        return f"hyperfine is not on the PATH: install it (make services, or apt install hyperfine), or {BROUGHT}"
    try:
        major = version("").partition(".")[0]
    except TrialFailed as error:
        return str(error)
    if major != "1":
        return f"the hyperfine on the PATH is release {major}: {BROUGHT}"
    return ""


def version(python: str) -> str:
    """Its version; of the one on the PATH. Raises TrialFailed."""
    del python
    return read_output(["hyperfine", "--version"]).rpartition(" ")[2]


def find_release_date(version: str, python: str) -> str:
    """The date of a release, as year-month-day; empty for one that is not in ``RELEASED``."""
    del python
    return RELEASED.get(version, "")


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the means; slower if the t-test says different, and the mean is larger. Raises TrialFailed."""
    commands = [["hyperfine", "--shell=none"]] * 2
    return compare_processes(commands, lambda result: list(result["times"]), (before, after), pace, folder)


def compare_processes(
    commands: Sequence[Sequence[str]],
    read_times: Callable[[dict[str, Any]], list[float]],
    sides: tuple[ToolSide, ToolSide],
    pace: TimeBudget,
    folder: Path,
) -> ToolResult:
    """The ratio of the means of whole processes; slower if the t-test says different, and the mean is larger.

    Raises TrialFailed.

    :param commands: hyperfine and its options, for each side.
    :param read_times: the seconds of every run, from a result of the export.
    """
    runs = max(MIN_RUNS, round(pace.comparison / 2 / (pace.startup + pace.one_pass)) - WARMUP_RUNS)
    files = [folder / "before-times.json", folder / "after-times.json"]
    means = []
    for side, command, file in zip(sides, commands, files, strict=True):
        export = folder / "export.json"
        timed = shlex.join([side.python, "-s", str(PASSES_FOLDER / "whole_process.py")])
        run_command(
            [*command, f"--warmup={WARMUP_RUNS}", f"--runs={runs}", f"--export-json={export}", timed], side, folder
        )
        times = read_times(json.loads(export.read_text())["results"][0])
        file.write_text(json.dumps(times))
        means.append(fmean(times))
    welch = [sides[0].python, str(PASSES_FOLDER / "welch.py"), *map(str, files)]
    p_value = float(run_command(welch, sides[0], folder).stdout)
    return ToolResult(means[1] / means[0], p_value < SIGNIFICANCE_LEVEL and means[1] > means[0])
