"""hyperfine 2: CPU time of whole processes, which release 2 measures, one side after the other; evaluated as hyperfine 1 is.

It shows the change between two commands without saying whether it is real, so Welch's test at 5 % decides here too. The
environments bring it: https://pypi.org/project/astral-dev-toolchain-hyperfine/ is the program from its tagged sources.
"""

from __future__ import annotations

from pathlib import Path

from perfbench.environments import release_dates
from perfbench.gate.calibration.tools import TimeBudget, ToolResult, ToolSide, read_output
from perfbench.gate.calibration.tools.hyperfine import compare_processes

DISTRIBUTION = "astral-dev-toolchain-hyperfine"
NEEDS = (f"{DISTRIBUTION}>=2", "scipy")


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return read_output([_locate(python), "--version"]).rpartition(" ")[2]


def find_release_date(version: str, python: str) -> str:
    """The date of a release of its package, as year-month-day; empty if it cannot be found out."""
    return release_dates.find_release_date(DISTRIBUTION, version, python)


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the means; slower if the t-test says different, and the mean is larger. Raises TrialFailed."""
    commands = [[_locate(side.python), "--metrics=time_cpu", "--style=none"] for side in (before, after)]
    return compare_processes(
        commands,
        lambda result: [run["time_cpu"]["value"] for run in result["measurements"]],
        (before, after),
        pace,
        folder,
    )


def _locate(python: str) -> str:
    return str(Path(python).parent / "hyperfine")
