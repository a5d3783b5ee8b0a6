"""pyperf: passes in twenty processes a side, one side after the other; evaluated by its ``compare_to``.

See https://pyperf.readthedocs.io/en/latest/run_benchmark.html: ``python bench.py -o FILE`` on each side, three values and a warm-up
in each process; ``pyperf compare_to`` says which side is slower where its t-test is significant. There are as many processes as
there is time for.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from perfbench.environments import release_dates
from perfbench.gate.calibration.tools import (
    PASSES_FOLDER,
    TimeBudget,
    ToolResult,
    ToolSide,
    read_installed_version,
    run_command,
)

NEEDS = ("pyperf",)
DEFAULT_PROCESSES = 20
MIN_PROCESSES = 3
VALUES_PER_PROCESS = 3
WARMUP_VALUES = 1
CALIBRATION_PROCESSES = 2
"""Processes that pyperf starts to find out how often a pass must be repeated."""


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return read_installed_version("pyperf", python)


def find_release_date(version: str, python: str) -> str:
    """The date of a release, as year-month-day; empty if it cannot be found out."""
    return release_dates.find_release_date("pyperf", version, python)


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the means; slower if ``compare_to`` says so. Raises TrialFailed."""
    seconds = pace.startup + (VALUES_PER_PROCESS + WARMUP_VALUES) * pace.one_pass
    processes = max(MIN_PROCESSES, min(DEFAULT_PROCESSES, round(pace.comparison / 2 / seconds) - CALIBRATION_PROCESSES))
    files = [folder / "before.json", folder / "after.json"]
    for side, file in zip((before, after), files, strict=True):
        options = ["--quiet", f"--output={file}", f"--processes={processes}", f"--values={VALUES_PER_PROCESS}"]
        inherited = "--inherit-environ=" + ",".join(side.variables)
        run_command([side.python, str(PASSES_FOLDER / "pyperf_bench.py"), *options, inherited], side, folder)
    output = run_command([before.python, "-m", "pyperf", "compare_to", *map(str, files)], before, folder).stdout
    means = [_read_mean(file) for file in files]
    return ToolResult(means[1] / means[0], "slower" in output)


def _read_mean(file: Path) -> float:
    (benchmark,) = json.loads(file.read_text())["benchmarks"]
    return fmean(value for run in benchmark["runs"] for value in run.get("values", ()))
