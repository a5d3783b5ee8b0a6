"""pytest-benchmark: passes in the process of pytest, one side after the other; judged by ``--benchmark-compare-fail=min:5%``.

See https://pytest-benchmark.readthedocs.io/en/latest/comparing.html: the first side is saved, the second compared with it, and
pytest fails where the fastest round is slower by more than 5 %.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from perfbench.errors import TrialFailed
from perfbench.rivals import PASSES, Found, Pace, Side, call, installed

NEEDS = ("pytest-benchmark",)
FAILED = 1


def missing() -> str:
    """Why it cannot be run here: empty, since the environments bring it."""
    return ""


def version(python: str) -> str:
    """Its version in the environment of this interpreter. Raises TrialFailed."""
    return installed("pytest-benchmark", python)


def compare(before: Side, after: Side, pace: Pace, folder: Path) -> Found:
    """The ratio of the fastest rounds; slower if pytest fails. Raises TrialFailed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    seconds = max(1.0, pace.comparison / 2 - pace.startup)
    common = ["-m", "pytest", "-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), "--quiet"]
    timing = ["--benchmark-only", f"--benchmark-max-time={seconds}", f"--benchmark-storage=file://{folder / 'saved'}"]
    bench = str(shutil.copy(PASSES / "bench_pass.py", folder))  # beside a package of ours pytest would import that too
    files = [folder / "before.json", folder / "after.json"]
    first = ["--benchmark-save=before", f"--benchmark-json={files[0]}"]
    call([before.python, *common, *timing, *first, bench], before, folder)
    second = ["--benchmark-compare=0001", "--benchmark-compare-fail=min:5%", f"--benchmark-json={files[1]}"]
    done = call([after.python, *common, *timing, *second, bench], after, folder, allowed=(0, FAILED))
    if done.returncode == FAILED and "Performance has regressed" not in done.stdout + done.stderr:
        raise TrialFailed(
            f"pytest failed: {(done.stdout.strip().splitlines() or ['it said nothing'])[-1]}", done.stdout
        )
    fastest = [json.loads(file.read_text())["benchmarks"][0]["stats"]["min"] for file in files]
    return Found(fastest[1] / fastest[0], done.returncode == FAILED)
