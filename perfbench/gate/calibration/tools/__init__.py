"""Other benchmark tools, each by its own documented protocol: one file per tool, called as the tool is, with hyphens.

A file has ``NEEDS``, the packages that the environments must have for it, ``missing()``, ``version(python)``,
``find_release_date(version, python)`` and ``compare(before, after, pace, folder)``. What the tools time is in ``passes``: the same
mode on the same market as a trial of perfbench, started as each tool's documentation starts things.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from perfbench.errors import TrialFailed, UsageProblem
from perfbench.runner.worker_process import PASSED_VARIABLES, WORKER_SCRIPT
from perfbench.util import paths
from perfbench.util.suggest import suggest_name
from perfbench.worker.bytecode import FOLDER_VARIABLE
from perfbench.worker.protocol import Request

PASSES_FOLDER = Path(__file__).parent / "passes"


@dataclass(frozen=True, slots=True)
class ToolSide:
    """One side of a comparison: the interpreter, what it is to do, and the variables that it is started with."""

    python: str
    request: Request
    started_with: tuple[tuple[str, str], ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """All environment variables of the tool and what it starts: as few as a worker of perfbench has."""
        passed = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
        passed[FOLDER_VARIABLE] = str(paths.bytecode_folder())
        passed.update(self.started_with)
        return {**passed, "PERFBENCH_WORKER": str(WORKER_SCRIPT), "PERFBENCH_REQUEST": json.dumps(asdict(self.request))}


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """How long a comparison may take, both sides together, and what a pass and the start of its process take; all in seconds."""

    comparison: float
    one_pass: float
    startup: float


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool says of two sides: after / before by its own estimate, and whether it calls that slower by its own rule."""

    ratio: float
    slower: bool


class Tool(Protocol):
    """A file of this folder."""

    NEEDS: Sequence[str]

    def missing(self) -> str:
        """Why it cannot be run here, in one line; empty if it can."""

    def version(self, python: str) -> str:
        """Its version in the environment of this interpreter. Raises TrialFailed."""

    def find_release_date(self, version: str, python: str) -> str:
        """The date of a release, as year-month-day; empty if it cannot be found out.

        :param python: of an environment with this release.
        """

    def compare(self, before: ToolSide, after: ToolSide, pace: TimeBudget, folder: Path) -> ToolResult:
        """Measure both sides and judge. Raises TrialFailed.

        :param folder: empty, for the tool's files.
        """


def list_tools() -> list[str]:
    """The tools that there are."""
    return sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py"))


def load_tool(name: str) -> Tool:
    """The tool of this name. Raises UsageProblem."""
    if name not in list_tools():
        raise UsageProblem(f"--against {name}: no such tool{suggest_name(name, list_tools())}")
    return cast(Tool, import_module(f"{__name__}.{name.replace('-', '_')}"))


def read_installed_version(distribution: str, python: str) -> str:
    """The version of a distribution in the environment of an interpreter. Raises TrialFailed."""
    code = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    return read_output([python, "-c", code])


def read_output(command: Sequence[str]) -> str:
    """The output of a command, stripped. Raises TrialFailed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise TrialFailed(f"{command[0]} does not print its version") from error


def run_command(
    command: Sequence[str], side: ToolSide, folder: Path, allowed: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run a command of a tool. Raises TrialFailed for an exit code that is not allowed, or if it cannot be started."""
    try:
        done = subprocess.run(command, cwd=folder, env=side.variables, capture_output=True, text=True, check=False)
    except OSError as error:
        raise TrialFailed(f"{command[0]} cannot be started: {error.strerror}") from error
    if done.returncode not in allowed:
        last_line = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1].strip()
        raise TrialFailed(
            f"{Path(command[0]).name} ended with code {done.returncode}: {last_line}", done.stdout + done.stderr
        )
    return done
