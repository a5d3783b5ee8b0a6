"""What --resume continues: checked before anything is measured, with nothing typed again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.command_line import one_line, perfbench
from support.runs import run, settings

from perfbench.errors import StorageProblem
from perfbench.model import GatePolicy, Settings
from perfbench.results.document import RUNS
from perfbench.results.journal import find_newest_journal

RELEASES = ("ticker==1.0", "ticker==1.1", "ticker==1.2")


def journal(folder: Path, name: str, age: int, made: Settings) -> Path:
    """The journal of a run that was interrupted this many seconds ago, before its first trial."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.journal"
    outline = replace(run([]), id=name, settings=made, finished=False)
    path.write_bytes(msgspec.json.encode(outline) + b"\n")
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


def test_newest_journal_of_its_kind_is_resumed_and_damaged_ones_are_passed_over(tmp_path: Path) -> None:
    measured = journal(tmp_path, "measured", 50, settings())
    swept = journal(tmp_path, "swept", 40, settings(environments=(RELEASES,), links="neighbours"))
    journal(tmp_path, "gate", 30, settings(gate=GatePolicy()))
    (tmp_path / "cut.journal").write_bytes(b'{"schema": 1')
    (tmp_path / "empty.journal").touch()
    assert find_newest_journal(tmp_path) == measured
    assert find_newest_journal(tmp_path, "sweeps") == swept
    measured.unlink()
    with pytest.raises(StorageProblem) as caught:
        find_newest_journal(tmp_path)
    assert "holds no interrupted run to resume, only damaged: " in caught.value.cause
    assert "gates: gate.journal" in caught.value.cause
    assert "sweeps: swept.journal" in caught.value.cause


def test_option_that_the_interrupted_run_had_otherwise_is_refused_before_measuring(tmp_path: Path) -> None:
    journal(tmp_path / "results", "measured", 0, settings(scenarios=("replay",), modes=("full",)))
    done = perfbench("run", "--resume", "--mode", "lightweight", folder=tmp_path)
    assert done.returncode == 2
    text = "results/measured.journal was measured with another --mode than this\nhint: leave out --mode to resume it"
    assert text in one_line(done.stderr)


def test_path_of_a_checkout_is_no_saved_run_of_that_name(tmp_path: Path) -> None:
    RUNS.save(run([]), tmp_path / "old.json")
    assert RUNS.is_saved("old", tmp_path)
    assert not RUNS.is_saved("./old", tmp_path)
    assert RUNS.is_saved("./old.json", tmp_path)


def test_sweep_is_resumed_without_typing_it_again(tmp_path: Path) -> None:
    done = perfbench("sweep", "--resume", folder=tmp_path)
    assert done.returncode == 5
    assert "results holds no interrupted sweep to resume" in one_line(done.stderr)
    done = perfbench("sweep", folder=tmp_path)
    assert done.returncode == 2
    assert "a sweep needs a package or a checkout, --from and --to\nhint: for example: " in one_line(done.stderr)
