"""pytest-codspeed in its wall-time mode: passes in the process of pytest, one side after the other; a change beyond 10 % is slower.

See https://codspeed.io/docs/reference/pytest-codspeed: ``pytest --codspeed`` measures without a network. The comparison belongs to
CodSpeed's service, which compares the times of two runs by a threshold of 10 % unless the settings have another:
``before / after - 1`` below -10 % (https://codspeed.io/docs/features/understanding-the-metrics). The time is the best one, which
pytest-codspeed shows in its table.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from perfbench.environments import release_dates
from perfbench.gate.calibration.tools import (
    PASSES_FOLDER,
    TimeBudget,
    ToolResult,
    ToolSide,
    read_installed_version,
    run_command,
)

NEEDS = ("pytest-codspeed",)
WARMUP_SECONDS = 1.0
"""Its default; a pass that takes longer makes it longer."""

REGRESSION_THRESHOLD = 0.1


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return read_installed_version("pytest-codspeed", python)


def find_release_date(version: str, python: str) -> str:
    """The date of a release, as year-month-day; empty if it cannot be found out."""
    return release_dates.find_release_date("pytest-codspeed", version, python)


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the best times; slower beyond CodSpeed's default threshold. Raises TrialFailed."""
    seconds = max(1.0, pace.comparison / 2 - pace.startup - max(WARMUP_SECONDS, pace.one_pass))
    best = [_measure(side, seconds, folder / name) for side, name in ((before, "before"), (after, "after"))]
    return ToolResult(best[1] / best[0], best[0] / best[1] - 1 < -REGRESSION_THRESHOLD)


def _measure(side: ToolSide, seconds: float, folder: Path) -> float:
    """The best time of a side, in nanoseconds. Raises TrialFailed."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    bench = str(shutil.copy(PASSES_FOLDER / "bench_pass.py", folder))
    options = ["-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), "--quiet"]
    timing = ["--codspeed", "--codspeed-mode=walltime", f"--codspeed-max-time={seconds}"]
    run_command([side.python, "-m", "pytest", *options, *timing, bench], side, folder)
    (file,) = (folder / ".codspeed").glob("results_*.json")
    (benchmark,) = json.loads(file.read_text())["benchmarks"]
    return float(benchmark["stats"]["min_ns"])
