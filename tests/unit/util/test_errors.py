"""Errors: the cause is the text of an error, the hint a second line of the terminal, the exit code that of the class."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench

from perfbench import errors
from perfbench.errors import PerfbenchError, StorageProblem, TrialFailed, UsageProblem

OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"
CLASSES = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, PerfbenchError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_carries_a_cause_and_an_optional_hint(kind: type[PerfbenchError]) -> None:
    error = kind("no such file", hint="check the name")
    assert (str(error), error.cause, error.hint) == ("no such file", "no such file", "check the name")
    assert kind("no such file").hint == ""


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_survives_a_copy_and_a_pickle(kind: type[PerfbenchError]) -> None:
    error = kind("no such file", hint="check the name")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(other), other.cause, other.hint) == (kind, "no such file", "check the name")


def test_lines_of_an_error_are_its_cause_and_its_hint() -> None:
    assert UsageProblem("no such mode").lines == ("no such mode",)
    assert UsageProblem("no such mode", hint="take `full`").lines == ("no such mode", "hint: take `full`")


def test_exit_codes_belong_to_classes() -> None:
    assert int(UsageProblem("").exit_code) == 2
    assert int(StorageProblem("").exit_code) == int(TrialFailed("").exit_code) == 5


def test_failed_trial_keeps_its_detail_beside_cause_and_hint() -> None:
    error = TrialFailed("timed out after 600 s", "the end of stderr", unavailable=True, hint="raise --timeout")
    assert (str(error), error.detail, error.unavailable) == ("timed out after 600 s", "the end of stderr", True)
    assert error.hint == "raise --timeout"


def test_terminal_shows_the_cause_on_the_first_line_and_the_hint_on_the_second(tmp_path: Path) -> None:
    done = perfbench("show", OLD_RUN, "--export", "csv", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "perfbench: --export csv: no file is named",
        "hint: write csv=FILE, or csv=- for standard output",
    ]
    assert not done.stdout


def test_page_of_somebody_else_comes_with_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text("<html>somebody's page")
    done = perfbench("show", "x.html", folder=tmp_path)
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "perfbench: x.html is a page without a run saved by perfbench",
        "hint: see perfbench runs",
    ]


def test_run_that_is_not_there_comes_with_where_to_look(tmp_path: Path) -> None:
    done = perfbench("show", "nothing", folder=tmp_path)
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "perfbench: nothing: no such file, and no run of that name in results",
        "hint: see perfbench runs",
    ]


def test_cause_is_one_line_whatever_a_value_in_it_contains() -> None:
    error = UsageProblem("`a\nb` is wrong", hint="write b")
    assert str(error) == error.cause == "`a b` is wrong"
    assert error.lines == ("`a b` is wrong", "hint: write b")
