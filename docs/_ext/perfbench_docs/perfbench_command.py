"""Run perfbench as a user does, in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from perfbench_docs.blocks import ACCEPTED_CODES
from perfbench_docs.project import ROOT


def run_perfbench(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The standard output of ``perfbench ARGUMENTS``. Raises RuntimeError with what it reports if it fails."""
    done = _call(arguments, environment)
    if done.returncode not in ACCEPTED_CODES or (done.returncode and not done.stdout):
        raise RuntimeError(f"perfbench {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def has_command(name: str) -> bool:
    """Whether this perfbench has a command of that name."""
    return _call([name, "--help"], {}).returncode == 0


def _call(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    path = os.pathsep.join(filter(None, (str(ROOT), plain.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "perfbench", *arguments],
        env={**plain, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": path, **environment},
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=False,
    )
