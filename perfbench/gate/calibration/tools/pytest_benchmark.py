"""pytest-benchmark: passes in the process of pytest, one side after the other; evaluated by ``--benchmark-compare-fail=min:5%``.

See https://pytest-benchmark.readthedocs.io/en/latest/comparing.html: the first side is saved, the second compared with it, and
pytest fails where the fastest round is slower by more than 5 %.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from perfbench.environments import release_dates
from perfbench.errors import TrialFailed
from perfbench.gate.calibration.tools import (
    PASSES_FOLDER,
    TimeBudget,
    ToolResult,
    ToolSide,
    read_installed_version,
    run_command,
)

NEEDS = ("pytest-benchmark",)
FAILED_EXIT_CODE = 1


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return read_installed_version("pytest-benchmark", python)


def find_release_date(version: str, python: str) -> str:
    """The date of a release, as year-month-day; empty if it cannot be found out."""
    return release_dates.find_release_date("pytest-benchmark", version, python)


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the fastest rounds; slower if pytest fails. Raises TrialFailed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    seconds = max(1.0, pace.comparison / 2 - pace.startup)
    # Beside pytest-codspeed in one environment it measures without that plugin.
    common = [
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:codspeed",
        "-c",
        str(folder / "pytest.ini"),
        "--quiet",
    ]
    timing = ["--benchmark-only", f"--benchmark-max-time={seconds}", f"--benchmark-storage=file://{folder / 'saved'}"]
    bench = str(
        shutil.copy(PASSES_FOLDER / "bench_pass.py", folder)
    )  # beside a package of ours pytest would import that too
    files = [folder / "before.json", folder / "after.json"]
    first = ["--benchmark-save=before", f"--benchmark-json={files[0]}"]
    run_command([before.python, *common, *timing, *first, bench], before, folder)
    second = ["--benchmark-compare=0001", "--benchmark-compare-fail=min:5%", f"--benchmark-json={files[1]}"]
    done = run_command([after.python, *common, *timing, *second, bench], after, folder, allowed=(0, FAILED_EXIT_CODE))
    if done.returncode == FAILED_EXIT_CODE and "Performance has regressed" not in done.stdout + done.stderr:
        raise TrialFailed(f"pytest failed: {(done.stdout.strip().splitlines() or ['no output'])[-1]}", done.stdout)
    fastest = [json.loads(file.read_text())["benchmarks"][0]["stats"]["min"] for file in files]
    return ToolResult(fastest[1] / fastest[0], done.returncode == FAILED_EXIT_CODE)
