"""hyperfine: whole processes, one side after the other; judged by the t-test of its ``scripts/welch_ttest.py``.

See https://github.com/sharkdp/hyperfine: a warm-up against cold caches, at least ten runs, and the export as JSON, which the script
reads and calls different where Welch's two-sided test has p < 0.05.
"""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from statistics import fmean

from perfbench.rivals import PASSES, Found, Pace, Side, call, output_of

NEEDS = ("scipy",)
FEWEST = 10
WARM_UPS = 1
SIGNIFICANT = 0.05


def missing() -> str:
    """Why it cannot be run here, in one line; empty if it can."""
    return "" if shutil.which("hyperfine") else "hyperfine is not on the PATH: install it (Debian has it)"


def version(python: str) -> str:
    """Its version; of the one on the PATH. Raises TrialFailed."""
    del python
    return output_of(["hyperfine", "--version"]).rpartition(" ")[2]


def compare(before: Side, after: Side, pace: Pace, folder: Path) -> Found:
    """The ratio of the means; slower if the t-test says different, and the mean is larger. Raises TrialFailed."""
    runs = max(FEWEST, round(pace.comparison / 2 / (pace.startup + pace.one_pass)) - WARM_UPS)
    files = [folder / "before.json", folder / "after.json"]
    for side, file in zip((before, after), files, strict=True):
        timed = shlex.join([side.python, "-s", str(PASSES / "whole_process.py")])
        options = ["--shell=none", f"--warmup={WARM_UPS}", f"--runs={runs}", f"--export-json={file}"]
        call(["hyperfine", *options, timed], side, folder)
    p_value = float(call([before.python, str(PASSES / "welch.py"), *map(str, files)], before, folder).stdout)
    means = [fmean(json.loads(file.read_text())["results"][0]["times"]) for file in files]
    return Found(means[1] / means[0], p_value < SIGNIFICANT and means[1] > means[0])
