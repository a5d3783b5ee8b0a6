"""What --resume continues: checked before anything is measured, with nothing typed again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.command_line import SCENARIOS, one_line, perfbench, variables
from support.runs import run, settings

from perfbench.errors import StorageProblem
from perfbench.model import GatePolicy, Limits, Result, Settings
from perfbench.results import storage
from perfbench.results.document import RUNS
from perfbench.results.journal import Journal, find_newest_journal

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


# Limits -------------------------------------------------------------------------------------------------------------


def interrupted(folder: Path, *arguments: str, lines: int) -> str:
    """Interrupt a run once its journal has this many lines; returns what it wrote to standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "run", *arguments],
        cwd=folder,
        env=variables(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell ignores it in background jobs
    )
    path = folder / "results" / "mine.journal"
    while not (path.exists() and path.read_bytes().count(b"\n") >= lines):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    return said


def saved_limits(path: Path) -> tuple[float, float, float, float]:
    saved = storage.load_run(path).settings
    return saved.max_time, saved.precision, saved.survey_precision, saved.timeout


def test_resumed_run_can_have_other_limits_which_are_saved_with_it(tmp_path: Path) -> None:
    fresh = ("waits", "--scenarios", str(SCENARIOS), "--max-time", "600", "--precision", "0.0001", "--save", "mine")
    interrupted(tmp_path, *fresh, lines=10)
    journal, document = (tmp_path / "results" / f"mine.{suffix}" for suffix in ("journal", "json"))
    header = journal.read_bytes().splitlines()[0]
    lines = journal.read_bytes().count(b"\n")
    said = interrupted(tmp_path, "--resume", "--max-time", "900", "--timeout", "70", lines=lines + 3)
    assert "hint: perfbench run --resume goes on where it stopped" in said
    assert journal.read_bytes().splitlines()[0] == header
    assert saved_limits(journal) == (900, 0.0001, 0.0001, 70)
    measured = storage.load_run(journal)
    done = perfbench("run", "--resume", "--precision", "100%", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not journal.exists()
    assert saved_limits(document) == (900, 1.0, 1.0, 70)
    for measurement in measured.measurements:
        after = storage.load_run(document).measurement(measurement.case.id)
        assert after is not None
        assert after.samples[: len(measurement.samples)] == measurement.samples


def test_last_limits_of_a_journal_count(tmp_path: Path) -> None:
    path = journal(tmp_path, "mine", 0, settings())
    limits = [Limits(seconds, 0.5, 0.25, 30.0) for seconds in (600.0, 5.0)]
    kept = Journal.reopen(path)
    for changed in limits:
        kept.append([Result("", "", limits=changed)])
    kept.close()
    saved = storage.load_run(path)
    assert Limits.of(saved.settings) == limits[-1]
    assert limits[-1].change(settings()) == saved.settings
    with path.open("ab") as file:
        file.write(b'{"trial": "", "case": "", "limits"')
    assert storage.load_run(path).settings == saved.settings


@pytest.mark.parametrize(("option", "value"), [("--max-time", "600"), ("--precision", "5%")])
def test_limit_that_cannot_end_a_fixed_number_of_rounds_is_refused(tmp_path: Path, option: str, value: str) -> None:
    journal(tmp_path / "results", "measured", 0, settings(scenarios=("replay",), rounds=20))
    done = perfbench("run", "--resume", option, value, folder=tmp_path)
    assert done.returncode == 2
    text = f"results/measured.journal has a fixed number of rounds, which {option} does not change"
    assert one_line(done.stderr) == f"perfbench: {text}\nhint: leave out {option}"


def test_sweep_that_is_resumed_refuses_what_it_had_otherwise(tmp_path: Path) -> None:
    swept = settings(environments=(RELEASES,), links="neighbours", rounds=8, scenarios=("replay",), modes=("full",))
    journal(tmp_path / "results", "swept", 0, swept)
    for option, value in (("--mode", "lightweight"), ("--rounds", "9"), ("--python", "3.12"), ("--anchor", "1.0")):
        done = perfbench("sweep", "--resume", option, value, folder=tmp_path)
        assert done.returncode == 2
        assert f"measured with another {option} than this" in one_line(done.stderr)
    done = perfbench("sweep", "--resume", "--max-time", "9", folder=tmp_path)
    assert "which --max-time does not change" in one_line(done.stderr)
