"""An interrupted ``perfbench profile`` is shown and resumed from its journal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, perfbench, variables

COMMAND = ("profile", "burns", "--scenarios", str(SCENARIOS), "--rounds", "2", "--no-memory", "--save", "night")


def read_steps(journal: Path) -> list[int]:
    return [json.loads(line)["step"] for line in journal.read_text().splitlines()[1:]]


def interrupt_after(steps: int, folder: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Start the profile and send a signal once this many steps are in its journal."""
    journal = folder / "results" / "night.profile-journal"
    command = [sys.executable, "-m", "perfbench", *COMMAND]
    started = subprocess.Popen(
        command, cwd=folder, env=variables(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and not (journal.exists() and len(read_steps(journal)) >= steps):
        time.sleep(0.02)
    started.send_signal(number)
    out, err = started.communicate(timeout=60)
    return subprocess.CompletedProcess(command, started.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_profile_is_shown_and_resumed_without_repeating_a_step(tmp_path: Path, number: int) -> None:
    interrupted = interrupt_after(6, tmp_path, number)
    journal = tmp_path / "results" / "night.profile-journal"
    steps = read_steps(journal)
    if number == signal.SIGINT:
        assert interrupted.returncode == 130
        assert "perfbench profile --resume goes on where it stopped" in interrupted.stderr
    shown = perfbench("profile", "--show", "night", folder=tmp_path)
    assert shown.returncode == 0
    assert "incomplete profile" in shown.stdout
    resumed = perfbench("profile", "--resume", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert "incomplete profile" not in resumed.stdout
    assert not journal.exists()
    document = json.loads((tmp_path / "results" / "night.profile.json").read_text())
    assert document["run"]["finished"]
    assert len(document["profiles"]) == len({m["case"]["mode"] for m in document["run"]["measurements"]})
    assert all(len(m["samples"]) == 2 for m in document["run"]["measurements"])
    assert len(set(steps)) == len(steps)


def test_profile_without_interrupted_session_has_nothing_to_resume(tmp_path: Path) -> None:
    done = perfbench("profile", "--resume", folder=tmp_path)
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "perfbench: results holds no interrupted profile to resume",
        "hint: --results FOLDER names another folder",
    ]


def test_profile_is_not_resumed_with_another_scenario_file(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    scenario = tmp_path / "own" / "burns.py"
    scenario.write_text((SCENARIOS / "burns.py").read_text())
    command = ("profile", scenario, "--rounds", "1", "--no-memory", "--save", "night")
    first = perfbench(*command, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    document = tmp_path / "results" / "night.profile.json"
    outline = {"run": json.loads(document.read_text())["run"], "options": OPTIONS}
    document.unlink()
    (tmp_path / "results" / "night.profile-journal").write_text(json.dumps(outline) + "\n")
    scenario.write_text(scenario.read_text() + "\n# edited\n")
    resumed = perfbench("profile", "--resume", folder=tmp_path)
    assert resumed.returncode == 5
    assert "scenario burns is not what it was when the run began" in resumed.stderr


OPTIONS = {"profiler": "pyinstrument", "rounds": 1, "interval": 0.001, "memory": False}
