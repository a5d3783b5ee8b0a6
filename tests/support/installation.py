"""Environments of released packages, installed for tests, and what the replay scenario says in them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, OutputItem, Request
from support.scenarios import scenario_path

NO_NETWORK = re.compile(r"Failed to fetch|error sending request|dns error|Connection refused|timed out", re.IGNORECASE)


class Installed:
    """Environments made when first asked for, each without the dependencies that old releases pin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def environment(self, *packages: str, alone: Sequence[str] = ()) -> Environment:
        """One with these packages, and those ``alone`` without their own needs. Skips if the index cannot be reached."""
        name = "+".join((*packages, *alone))
        python = self._folder / name / "bin" / "python"
        whole = self._folder / name / "whole"  # what a test that was skipped left behind is not
        if not whole.exists():
            _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(self._folder / name))
            _uv("pip", "install", "--quiet", "--python", str(python), *packages)
            if alone:
                _uv("pip", "install", "--quiet", "--no-deps", "--python", str(python), *alone)
            whole.touch()
        return Environment(name, str(python))

    def release(self, version: str, flumine: str = "3.3.2") -> Environment:
        """betfairlightweight of this version, with flumine for its patch."""
        return self.environment("requests", alone=(f"betfairlightweight=={version}", f"flumine=={flumine}"))


def _uv(*arguments: str) -> None:
    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


def asked(task: str, where: Environment, mode: str, market: Path, **more: Any) -> WorkerProcess:
    request = Request(task, str(scenario_path("replay")), mode, str(market), **more)
    return WorkerProcess(where, request, hash_seed=0, timeout=100)


def digested(where: Environment, mode: str, market: Path, undone: Sequence[Sequence[str]] = ()) -> OutputDigest:
    """The output of a mode of replay."""
    with asked("check", where, mode, market, undone=[list(names) for names in undone]) as worker:
        answer = worker.expect(OutputDigest)
        worker.end()
    return answer


def shown(where: Environment, mode: str, market: Path, number: int, undone: Sequence[str] = ()) -> Any:
    """One item of the output of a mode of replay, in full."""
    with asked("dump", where, mode, market, first=number, last=number, undone=[list(undone)]) as worker:
        (item,) = worker.answers(OutputItem)
    return item.value
