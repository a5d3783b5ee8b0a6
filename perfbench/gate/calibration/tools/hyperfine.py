"""hyperfine: whole processes, one side after the other; evaluated by the t-test of its ``scripts/welch_ttest.py``.

See https://github.com/sharkdp/hyperfine: a warm-up against cold caches, at least ten runs, and the export as JSON, which the script
reads and calls different where Welch's two-sided test has p < 0.05.
"""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from statistics import fmean

from perfbench.gate.calibration.tools import PASSES_FOLDER, TimeBudget, ToolResult, ToolSide, read_output, run_command

NEEDS = ("scipy",)
MIN_RUNS = 10
WARMUP_RUNS = 1
SIGNIFICANCE_LEVEL = 0.05


def missing() -> str:
    """Why it cannot be run here, in one line; empty if it can."""
    return "" if shutil.which("hyperfine") else "hyperfine is not on the PATH: install it (Debian has it)"


def version(python: str) -> str:
    """Its version; of the one on the PATH. Raises TrialFailed."""
    del python
    return read_output(["hyperfine", "--version"]).rpartition(" ")[2]


def compare(before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
    """The ratio of the means; slower if the t-test says different, and the mean is larger. Raises TrialFailed."""
    runs = max(MIN_RUNS, round(pace.comparison / 2 / (pace.startup + pace.one_pass)) - WARMUP_RUNS)
    files = [folder / "before.json", folder / "after.json"]
    for side, file in zip((before, after), files, strict=True):
        timed = shlex.join([side.python, "-s", str(PASSES_FOLDER / "whole_process.py")])
        options = ["--shell=none", f"--warmup={WARMUP_RUNS}", f"--runs={runs}", f"--export-json={file}"]
        run_command(["hyperfine", *options, timed], side, folder)
    p_value = float(
        run_command([before.python, str(PASSES_FOLDER / "welch.py"), *map(str, files)], before, folder).stdout
    )
    means = [fmean(json.loads(file.read_text())["results"][0]["times"]) for file in files]
    return ToolResult(means[1] / means[0], p_value < SIGNIFICANCE_LEVEL and means[1] > means[0])
