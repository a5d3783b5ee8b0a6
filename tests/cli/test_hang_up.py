"""A closed terminal (SIGHUP) while something is measured: real processes, a real terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import variables

BODY = """
from perfbench import mode

@mode(baseline=True)
def one(*, n: int = 20_000):
    return sum(1 for _ in range(n))
"""


@pytest.mark.parametrize("closed", [False, True])
def test_hang_up_keeps_what_was_measured_and_ends_with_its_own_code(tmp_path: Path, closed: bool) -> None:
    """By the signal alone, and with the terminal closed, which then takes no more lines."""
    (tmp_path / "counts.py").write_text(BODY)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "perfbench", "run", "counts.py", "--rounds", "2000", "--save", "hung"]
    error = slave if closed else subprocess.PIPE
    run = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=variables(tmp_path),
        stdin=slave,
        stdout=slave,
        stderr=error,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - the tests may run under nohup
    )
    os.close(slave)
    journal = tmp_path / "results" / "hung.journal"
    for _ in range(1200):
        if journal.exists() and journal.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.05)
    os.close(master)
    run.send_signal(signal.SIGHUP)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 129
    assert journal.read_bytes().count(b"\n") > 3
    assert list((tmp_path / "tmp").iterdir()) == []
    if not closed:
        assert said.decode().splitlines()[-2:] == [
            "perfbench: interrupted; what was measured is in results/hung.journal",
            "hint: perfbench run --resume goes on where it stopped",
        ]


def test_hang_up_is_ignored_under_nohup(tmp_path: Path) -> None:
    (tmp_path / "counts.py").write_text(BODY)
    command = [sys.executable, "-m", "perfbench", "run", "counts.py", "--rounds", "1", "--save", "on", "--quiet"]
    run = subprocess.Popen(["nohup", *command], cwd=tmp_path, env=variables(tmp_path), stdout=subprocess.PIPE)
    journal = tmp_path / "results" / "on.journal"
    for _ in range(1200):
        if journal.exists():
            break
        time.sleep(0.05)
    run.send_signal(signal.SIGHUP)
    run.communicate(timeout=120)
    assert run.returncode == 0
    assert (tmp_path / "results" / "on.json").exists()
