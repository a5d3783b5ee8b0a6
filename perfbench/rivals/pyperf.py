"""pyperf: passes in twenty processes a side, one side after the other; judged by its ``compare_to``.

See https://pyperf.readthedocs.io/en/latest/run_benchmark.html: ``python bench.py -o FILE`` on each side, three values and a warm-up
in each process; ``pyperf compare_to`` says which side is slower where its t-test is significant. There are as many processes as
there is time for.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from perfbench.rivals import PASSES, Found, Pace, Side, call, installed

NEEDS = ("pyperf",)
DEFAULT_PROCESSES = 20
FEWEST = 3
VALUES = 3
WARM_UPS = 1
CALIBRATION = 2
"""Processes that pyperf starts to find out how often a pass must be repeated."""


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return installed("pyperf", python)


def compare(before: Side, after: Side, pace: Pace, folder: Path) -> Found:
    """The ratio of the means; slower if ``compare_to`` says so. Raises TrialFailed."""
    one = pace.startup + (VALUES + WARM_UPS) * pace.one_pass
    processes = max(FEWEST, min(DEFAULT_PROCESSES, round(pace.comparison / 2 / one) - CALIBRATION))
    files = [folder / "before.json", folder / "after.json"]
    for side, file in zip((before, after), files, strict=True):
        options = ["--quiet", f"--output={file}", f"--processes={processes}", f"--values={VALUES}"]
        inherited = "--inherit-environ=" + ",".join(side.variables)
        call([side.python, str(PASSES / "pyperf_bench.py"), *options, inherited], side, folder)
    said = call([before.python, "-m", "pyperf", "compare_to", *map(str, files)], before, folder).stdout
    means = [_mean(file) for file in files]
    return Found(means[1] / means[0], "slower" in said)


def _mean(file: Path) -> float:
    (benchmark,) = json.loads(file.read_text())["benchmarks"]
    return fmean(value for run in benchmark["runs"] for value in run.get("values", ()))
