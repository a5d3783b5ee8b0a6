"""``kill -9`` at random moments: every journal loads, nothing that was finished is missing, a resumed run becomes whole."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, perfbench, variables

from perfbench.results import storage

KILLS = 20
ROUNDS = 40


def killed_after(folder: Path, seconds: float, *arguments: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "run", *arguments],
        cwd=folder,
        env=variables(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="kill -9")
@pytest.mark.stress
def test_run_killed_twenty_times_ends_complete(tmp_path: Path) -> None:
    chance = random.Random(20)
    before = b""
    journals = finished = 0
    results = tmp_path / "results"
    fresh = ("waits", "--scenarios", str(SCENARIOS), "--rounds", str(ROUNDS), "--quiet")
    for _ in range(KILLS):
        resuming = bool(list(results.glob("*.journal")))
        killed_after(tmp_path, chance.uniform(0.2, 2.5), *(("--resume",) if resuming else fresh))
        found = list(results.glob("*.journal"))
        if not found:
            for document in results.glob("*.json"):  # it was whole before the kill came: begin another one
                assert json.loads(document.read_text())["finished"] is True
                document.unlink()
                finished += 1
            before = b""
            continue
        (path,) = found
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        assert whole.startswith(before), "something that was finished is missing"
        if whole:
            run = storage.load_run(path)
            kept = sum(len(m.samples) + (m.output is not None) + len(m.failures) for m in run.measurements)
            assert kept == whole.count(b"\n") - 1
            journals += 1
            before = whole
        else:
            path.unlink()  # killed in the first line: there is nothing in it yet
    assert journals + finished >= KILLS // 2
    if not before:
        killed_after(tmp_path, 2.0, *fresh)
    done = perfbench("run", "--resume", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"waits · 1 units · {ROUNDS} rounds" in done.stdout
    document = json.loads(next(results.glob("*.json")).read_text())
    assert document["finished"] is True
    for measurement in document["measurements"]:
        duets = [sample["round"] for sample in measurement["samples"] if sample["kind"] == "duet"]
        assert duets == sorted(set(duets)) == list(range(ROUNDS))
    samples = [sample for measurement in document["measurements"] for sample in measurement["samples"]]
    for line in before.splitlines()[1:]:
        result = json.loads(line)
        assert result["sample"] is None or result["sample"] in samples
