"""A worker says which file it replayed, and no sample of another file than that of the plan is taken."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import QUICK, perfbench
from support.runs import sides_of
from support.watched_tables import CONDITIONS, table_of, trial_of

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.inspection import inspect_market
from perfbench.environments import interpreters
from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Environment, Failure, Market, Package, Result, Trial, TrialKind
from perfbench.profiling import cpu_pass
from perfbench.profiling.instructions import functions
from perfbench.report import rows
from perfbench.results import document, storage
from perfbench.runner import callgrind, instruction_pass, output_check
from perfbench.runner.duet import execute_trial
from perfbench.runner.interleave import InterleavedSide
from perfbench.stats import instructions

MODES = '''
"""What happens to the file?"""

import os
from perfbench import mode, setup

UNIT = "lines"


def read(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


@mode(baseline=True)
def reads(market):
    """It is read."""
    return read(market)


@mode
def appends(market):
    """It grows while it is read."""
    with open(market, "ab") as file:
        file.write(b"\\n")
    return read(market)


@mode
def swaps(market):
    """Another file is in its place while it is read."""
    os.rename(market, market + ".aside")
    os.rename(market + ".other", market)
    try:
        return read(market)
    finally:
        os.rename(market, market + ".other")
        os.rename(market + ".aside", market)


@mode
def wanders(market):
    """The process works in another folder from then on."""
    lines = read(market)
    os.chdir("/")
    return lines


@mode
def removes(market):
    """It is not there any more."""
    lines = read(market)
    os.unlink(market)
    return lines


@setup
def prepared(market):
    """It is written to before the pass."""
    with open(market, "ab") as file:
        file.write(b"\\n")


@mode
def late(market, prepared):
    """It is another one since the set-up."""
    return read(market)
'''

BY_FUNCTION = next(
    (
        interpreter.path
        for interpreter in interpreters.find_interpreters()
        if not functions.explain_unavailable(Environment("test", interpreter.path, interpreter.version))
    ),
    "",
)
"""An interpreter in which instructions can be counted by function, if there is one here."""

CHANGED = "market was modified while it was replayed: sample rejected"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "files.py"
    path.write_text(MODES)
    return path


@pytest.fixture
def planned(tmp_path: Path) -> Market:
    """A market of 60 updates as it was inspected; another one lies beside it."""
    path = tmp_path / "market"
    write_market(Recipe(seed=1, runners=3, updates=60), path)
    write_market(Recipe(seed=2, runners=3, updates=90), tmp_path / "market.other")
    return inspect_market(path, "market").market


def result_of(table: CaseGroup, mode: str, kind: TrialKind = "alone") -> Result:
    _, _, case = trial_of(table, mode)
    (result,) = execute_trial(Trial(kind, 0, (case,), 1), table, CONDITIONS)
    return result


def refusal(result: Result) -> str:
    """Why there is no sample."""
    assert (result.sample, result.output) == (None, None)
    assert result.failure is not None
    return result.failure.message


def lines_of(result: Result) -> int:
    assert result.failure is None
    assert result.sample is not None
    return result.sample.work


# Files that are those of the plan ------------------------------------------------------------------------------------


def test_sample_of_the_planned_file_is_taken(scenario: Path, planned: Market) -> None:
    assert lines_of(result_of(table_of(scenario, planned), "reads")) == 60


def rewritten(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def replaced(path: Path) -> None:
    shutil.copy(path, f"{path}.copy")
    os.replace(f"{path}.copy", path)


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def linked(path: Path) -> None:
    path.rename(f"{path}.elsewhere")
    path.symlink_to(f"{path}.elsewhere")


@pytest.mark.parametrize("handled", [rewritten, replaced, touched, linked])
def test_file_with_the_same_content_is_the_planned_one(
    scenario: Path, planned: Market, handled: Callable[[Path], None]
) -> None:
    table = table_of(scenario, planned)
    assert lines_of(result_of(table, "reads")) == 60
    handled(Path(planned.path))
    assert lines_of(result_of(table, "reads")) == 60


def test_file_that_was_named_by_a_relative_path_is_found_from_any_folder(scenario: Path, planned: Market) -> None:
    data = ("--data", Path(planned.path).name)
    done = perfbench("run", scenario, "--mode", "wanders", *data, *QUICK, folder=scenario.parent)
    assert done.returncode == 0, done.stdout


# Files that are not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["alone", "memory"])
def test_sample_of_another_file_is_refused_with_both_sizes(scenario: Path, planned: Market, kind: TrialKind) -> None:
    table = table_of(scenario, planned)
    shutil.copy(f"{planned.path}.other", planned.path)
    other = inspect_market(Path(planned.path), "market").market
    assert other.updates == 90
    result = result_of(table, "reads", kind)
    assert refusal(result) == (
        f"replayed another file than the planned market: {other.size_bytes:,} bytes, SHA-256 {other.sha256[:12]}…, "
        f"not {planned.size_bytes:,} bytes, SHA-256 {planned.sha256[:12]}…: sample rejected"
    )
    assert result.failure is not None
    assert result.failure.trial == kind


def test_another_file_of_the_same_size_and_time_is_refused(scenario: Path, planned: Market) -> None:
    table, path = table_of(scenario, planned), Path(planned.path)
    assert lines_of(result_of(table, "reads")) == 60
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"op":"mcm"', b'"op":"mcn"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert "replayed another file than the planned market" in refusal(result_of(table, "reads"))


@pytest.mark.parametrize("mode", ["appends", "swaps", "removes", "late"])
def test_file_that_changes_during_a_pass_is_refused(scenario: Path, planned: Market, mode: str) -> None:
    assert refusal(result_of(table_of(scenario, planned), mode)) == CHANGED


def test_file_that_changes_between_two_passes_is_refused_from_then_on(scenario: Path, planned: Market) -> None:
    table = table_of(scenario, planned)
    assert lines_of(result_of(table, "reads")) == 60
    with Path(planned.path).open("ab") as file:
        file.write(b"\n")
    assert [refusal(result_of(table, "reads"))[:21] for _ in range(2)] == ["replayed another file"] * 2


def test_pair_of_another_file_is_refused(scenario: Path, planned: Market) -> None:
    table = table_of(scenario, planned)
    cases = tuple(trial_of(table, mode)[2] for mode in ("reads", "late"))
    results = list(
        execute_trial(
            Trial("duet", 0, cases, 1, (0, 1)),
            table,
            replace(CONDITIONS, core=0),
            parts=(InterleavedSide(), InterleavedSide()),
        )
    )
    assert [result.sample for result in results] == [None] * len(results)
    assert CHANGED in [refusal(result) for result in results]


def test_check_pass_of_another_file_is_refused(scenario: Path, planned: Market) -> None:
    table = table_of(scenario, planned)
    shutil.copy(f"{planned.path}.other", planned.path)
    _, _, case = trial_of(table, "reads")
    (result,) = output_check.run_check_passes([Trial("check", 0, (case,), 0)], table, CONDITIONS, {}, {})
    assert "replayed another file than the planned market" in refusal(result)
    assert result.failure is not None
    assert result.failure.trial == "check"


def test_profile_of_another_file_is_refused(scenario: Path, planned: Market, tmp_path: Path) -> None:
    table = table_of(scenario, planned)
    shutil.copy(f"{planned.path}.other", planned.path)
    trial, _, case = trial_of(table, "reads")
    with pytest.raises(TrialFailed, match="replayed another file than the planned market"):
        cpu_pass.run_profiled_pass(trial, table, case, CONDITIONS, "cprofile", 0.001, tmp_path / "found")
    with pytest.raises(TrialFailed, match="replayed another file than the planned market"):
        cpu_pass.run_traced_pass(trial, table, case, CONDITIONS)


@pytest.mark.skipif(bool(callgrind.explain_unavailable()), reason="valgrind is not installed")
def test_count_of_other_lines_than_the_first_of_the_market_is_refused(
    scenario: Path, planned: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions, "COUNTED_LINES", 40)
    (table,) = instruction_pass.cut_markets([table_of(scenario, planned)], tmp_path)
    assert table.head is not None
    _, _, case = trial_of(table, "reads")
    trial = Trial("count", 1, (case,), 1)
    with Path(table.head.path).open("ab") as file:
        file.write(b"\n")
    assert f"replayed another file than the planned {table.head.name}" in refusal(
        instruction_pass.count_instructions(trial, table, CONDITIONS)
    )


@pytest.mark.skipif(not BY_FUNCTION, reason="valgrind or Python 3.12 is not installed")
def test_count_by_function_is_of_the_first_lines_of_the_market(
    scenario: Path, planned: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions, "COUNTED_LINES", 40)
    (table,) = instruction_pass.cut_markets([table_of(scenario, planned, BY_FUNCTION)], tmp_path)
    assert table.head is not None
    _, _, case = trial_of(table, "reads")
    trial = Trial("count", 1, (case,), 1)
    assert functions.count_functions(trial, table, CONDITIONS).work == 40


def test_run_keeps_no_sample_of_another_file(scenario: Path, planned: Market, tmp_path: Path) -> None:
    done = perfbench("run", scenario, "--mode", "swaps", "--data", planned.path, *QUICK, folder=tmp_path)
    assert done.returncode == 5
    assert f"! swaps: {CHANGED} (check pass)" in done.stdout
    (path,) = (tmp_path / "results").glob("*.json")
    (found,) = storage.load_run(path).measurements
    assert (found.samples, found.output) == ((), None)
    assert [(failure.trial, failure.message) for failure in found.failures] == [("check", CHANGED)]


# The kind of a trial that failed -------------------------------------------------------------------------------------


def test_sample_of_other_packages_is_a_failure_of_its_kind_of_pass() -> None:
    (empty, _) = sides_of("plain", [], [])
    old, new = Package("x", "1", "{prefix}/x.py"), Package("x", "2", "{prefix}/x.py")
    trial = Trial("duet", 3, (empty.case,), 1)
    results = [Result(trial.id, empty.case.id, packages=(package,)) for package in (old, new)]
    (found,) = document.collect_results([empty], results)
    assert [(failure.trial, failure.kind) for failure in found.failures] == [("duet", "duet")]


def test_failure_of_an_old_run_shows_the_kind_of_its_trial() -> None:
    (before, after) = sides_of("plain", [1.0], [1.0])
    failed = replace(after, failures=(Failure("duet 3 made_up/plain@new + made_up/plain@old", "it broke"),))
    notes = list(rows._describe_failures(failed, before, ()))
    assert notes == ["plain: it broke (duet pass)"]
