"""Instructions by Python function, with the real valgrind: exact, and the one function that changed is found."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.command_line import SCENARIOS
from support.runs import scenario

from perfbench.environments.interpreters import Interpreter, find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Environment, Trial
from perfbench.profiling.instructions import functions as functions_module
from perfbench.profiling.instructions.callgrind_parser import CallArc, CallgrindCounts, FunctionNode
from perfbench.profiling.instructions.functions import (
    GARBAGE_COLLECTION,
    MIN_CHANGE_SHARE,
    OLDEST_PYTHON,
    FunctionCounts,
    count_functions,
    diff_counts,
    explain_unavailable,
    group_by_function,
)
from perfbench.profiling.model import NO_CALLER, CallCount, Function
from perfbench.runner import callgrind, worker_process
from perfbench.runner.trial import Conditions
from perfbench.runner.worker_process import WorkerProcess
from perfbench.stats.instructions import CHANGE_THRESHOLD
from perfbench.worker import perf_trampolines
from perfbench.worker.perf_trampolines import MAP_PATH_TEMPLATE, Trampolines, parse_map
from perfbench.worker.protocol import (
    FunctionNames,
    PassCompleted,
    PassMeasurement,
    Ready,
    Request,
    TrampolineAddresses,
)
from perfbench.worker.scenario_api import ScenarioError

SCENARIO = str(SCENARIOS / "by_function.py")


def minor(python: Interpreter) -> tuple[int, ...]:
    return tuple(map(int, python.version.split(".")[:2]))


PYTHONS = find_interpreters()
NEW = {minor(python): python for python in PYTHONS if minor(python) >= OLDEST_PYTHON}
OLD = [python for python in PYTHONS if minor(python) < OLDEST_PYTHON]
REASON = callgrind.explain_unavailable() or ("" if NEW else "no Python 3.12 or newer on this machine")
needs_trampolines = pytest.mark.skipif(not NEW, reason="no Python 3.12 or newer on this machine")
needs_valgrind = pytest.mark.skipif(bool(REASON), reason=REASON or "valgrind is here")


def table(python: Interpreter, case: Case) -> CaseGroup:
    place = CaseInEnvironment(case, Environment("there", python.path, python.version))
    described = worker_process.describe_scenario_file(place.environment, SCENARIO)
    made = replace(scenario(case.mode), path=SCENARIO, sha256=described.scenario.sha256)
    return CaseGroup(made, None, (), (place,))


@functools.cache
def counted(version: tuple[int, ...] = (), process: int = 0, seed: int = 0, **parameters: int) -> FunctionCounts:
    """One count in a process of its own, in the oldest Python that can; ``process`` tells two of the same apart."""
    case = Case("made_up", "turns", "there", "", tuple(parameters.items()))
    trial = Trial("count", seed, (case,), seed)
    python = NEW[version or min(NEW)]
    return count_functions(trial, table(python, case), Conditions(None, 60.0))


def own(counts: FunctionCounts, name: str) -> tuple[int, int]:
    """Instructions and calls of a function of the scenario."""
    keys = [function.key for function in counts.functions]
    index = keys.index(f"by_function.py:{name}")
    assert counts.functions[index].kind == "scenario"
    return counts.instructions[index], counts.calls[index]


# Real counts ---------------------------------------------------------------------------------------------------------


@needs_valgrind
@pytest.mark.parametrize("version", sorted(NEW), ids=str)
def test_every_instruction_belongs_to_one_function_or_to_the_rest(version: tuple[int, ...]) -> None:
    counts = counted(() if version == min(NEW) else version)
    assert sum(counts.instructions) + counts.rest == counts.total
    assert all(instructions >= 0 for instructions in counts.instructions)
    assert 0 < counts.rest < 0.05 * counts.total
    assert counts.work == 100
    assert len({function.key for function in counts.functions}) == len(counts.functions)
    assert not any("perfbench" in function.key for function in counts.functions)
    called = {name: own(counts, name)[1] for name in ("turns", "spin", "deep", "Mill.grind")}
    assert called == {"turns": 1, "spin": 100, "deep": 20 * 51, "Mill.grind": 1}


@needs_valgrind
def test_two_processes_execute_the_same() -> None:
    first, second = counted(), counted(process=1)
    assert second.total == pytest.approx(first.total, rel=CHANGE_THRESHOLD)
    assert diff_counts([first], [second]) == ()
    for one, other in zip(first.instructions, second.instructions, strict=True):
        assert other == pytest.approx(one, abs=MIN_CHANGE_SHARE * first.total)
    assert (second.functions, second.calls, second.callers) == (first.functions, first.calls, first.callers)


@needs_valgrind
def test_a_function_that_does_five_per_cent_more_is_the_only_one_that_changed() -> None:
    (row,) = diff_counts([counted()], [counted(steps=210)])
    assert row.function.key == "by_function.py:spin"
    assert row.after / row.before == pytest.approx(1.05, abs=0.005)
    assert (row.calls_before, row.calls_after) == (1.0, 1.0)


@needs_valgrind
def test_a_function_that_is_called_twice_as_often_shows_by_its_calls() -> None:
    row = diff_counts([counted()], [counted(visits=200)])[0]
    assert row.function.key == "by_function.py:spin"
    assert row.after / row.before == pytest.approx(2.0, abs=0.02)
    assert (row.calls_before, row.calls_after) == (1.0, 2.0)


@needs_valgrind
def test_c_code_is_on_the_account_of_the_function_that_ran_it() -> None:
    (row, *_) = diff_counts([counted()], [counted(grains=2000)])
    assert row.function.key == "by_function.py:Mill.grind"
    assert row.after > 8 * row.before


@needs_valgrind
def test_recursion_is_counted_once() -> None:
    (row,) = diff_counts([counted()], [counted(levels=100)])
    assert row.function.key == "by_function.py:deep"
    assert (row.calls_before, row.calls_after) == (20 * 51 / 100, 20 * 101 / 100)
    assert row.after / row.before == pytest.approx(101 / 51, abs=0.06)


@needs_valgrind
def test_generator_is_called_at_each_resumption_even_if_created_before_the_pass() -> None:
    counts = counted()
    made, each, last = 1, 80, 1
    from_before = 2 + 1
    assert own(counts, "climb")[1] == made + each + last + from_before


@needs_valgrind
def test_calls_are_counted_by_caller() -> None:
    counts = counted()
    keys = [function.key.partition(":")[2] for function in counts.functions]
    found = {(call.caller, keys[call.callee]): call.count for call in counts.callers}
    assert found[keys.index("turns"), "spin"] == 100
    assert found[keys.index("turns"), "deep"] == 20
    assert found[keys.index("deep"), "deep"] == 20 * 50
    assert found[NO_CALLER, "turns"] == 1


@needs_valgrind
def test_a_scenario_that_was_edited_is_not_counted() -> None:
    python = NEW[min(NEW)]
    case = Case("made_up", "turns", "there", "")
    edited = table(python, case)
    edited = replace(edited, scenario=replace(edited.scenario, sha256="another"))
    with pytest.raises(TrialFailed, match="was edited"):
        count_functions(Trial("count", 0, (case,), 0), edited, Conditions(None, 60.0))


# The worker ----------------------------------------------------------------------------------------------------------


def worker(python: Interpreter, held: bool = False) -> WorkerProcess:
    request = Request("time", SCENARIO, "turns", by_function=True, held=held)
    return WorkerProcess(Environment("there", python.path), request, hash_seed=0, timeout=30)


@needs_trampolines
@pytest.mark.parametrize("version", sorted(NEW), ids=str)
@pytest.mark.parametrize("held", [False, True])
def test_worker_reports_function_addresses_and_removes_the_map(version: tuple[int, ...], held: bool) -> None:
    with worker(NEW[version], held=held) as asked:
        asked.expect(Ready)
        path = Path(MAP_PATH_TEMPLATE.format(asked.pid))
        asked.go()
        if held:
            asked.expect(PassCompleted)
            assert path.exists()
            asked.go()
        addressed = asked.expect(TrampolineAddresses)
        assert not path.exists()
        assert asked.expect(PassMeasurement).work == 100
        asked.end()
    assert len(addressed.addresses) == len(set(addressed.addresses)) == len(addressed.files) == len(addressed.names)
    found = list(zip(addressed.files, addressed.names, strict=True))
    assert {(SCENARIO, name) for name in ("turns", "warm", "spin", "climb", "deep", "Mill.grind")} - set(found) == {
        (SCENARIO, "warm")  # ran before the pass alone
    }
    assert "dumps" not in addressed.names or not held  # the worker's own answer


def test_a_worker_names_functions() -> None:
    request = Request(
        "name", SCENARIO, files=[SCENARIO, SCENARIO, "<string>"], names=["spin", "Mill.grind", "<lambda>"]
    )
    with WorkerProcess(Environment("here", sys.executable), request, hash_seed=0, timeout=30) as asked:
        functions = asked.expect(FunctionNames).functions
        asked.end()
    assert [function.key for function in functions] == [
        "by_function.py:spin",
        "by_function.py:Mill.grind",
        "<string>:<lambda>",
    ]
    assert [function.line for function in functions] == [8, 25, 0]


@needs_trampolines
def test_map_of_an_earlier_process_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perf_trampolines, "MAP_PATH_TEMPLATE", str(tmp_path / "perf-{}.map"))
    monkeypatch.setattr(sys, "activate_stack_trampoline", lambda _: None, raising=False)
    path = tmp_path / f"perf-{os.getpid()}.map"
    path.write_text("1 b py::stale:stale.py\n")
    made = Trampolines()
    path.write_text("2 b py::fresh:fresh.py\n")
    assert made.read_addresses() == TrampolineAddresses(["2"], ["fresh.py"], ["fresh"])
    with pytest.raises(ScenarioError, match="Python wrote no addresses"):
        made.read_addresses()


@pytest.mark.skipif(not OLD, reason="no Python before 3.12 on this machine")
def test_older_python_is_reported_in_one_line() -> None:
    with worker(OLD[-1]) as asked, pytest.raises(TrialFailed) as told:
        asked.expect(Ready)
    assert str(told.value) == (
        "instructions by function need Python 3.12 or newer in the environment: add python==3.12 to its spec"
    )


def test_map_lines_are_parsed_into_addresses_and_functions() -> None:
    lines = [
        "547b021 b py::Mill.grind:/a folder/x:y.py",
        "547b030 1a0 trampoline",
        "",
        "547b040 b py::<lambda>:<string>",
    ]
    assert list(parse_map(lines)) == [
        ("547b021", "/a folder/x:y.py", "Mill.grind"),
        ("547b040", "<string>", "<lambda>"),
    ]


# Without valgrind ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "can"), [("3.11.7", False), ("3.12.1", True), ("3.14.0rc1", True), ("", True)])
def test_environment_before_python_3_12_cannot_count_by_function(
    monkeypatch: pytest.MonkeyPatch, version: str, can: bool
) -> None:
    monkeypatch.setattr(callgrind, "explain_unavailable", lambda: "")
    told = explain_unavailable(Environment("./base", "python", version))
    assert (told == "") is can
    assert can or told == (
        "instructions by function need Python 3.12 or newer in the environment: "
        "./base has 3.11.7, add python==3.12 to its spec"
    )


def test_missing_valgrind_rules_out_counts_in_every_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callgrind, "explain_unavailable", lambda: "no valgrind")
    assert explain_unavailable(Environment("here", "python", "3.13.0")) == "no valgrind"


def test_the_map_of_a_worker_that_was_killed_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Killed:
        pid = 7

        def __enter__(self) -> None:
            raise TrialFailed("the worker was killed")

        def __exit__(self, *_: object) -> None: ...

    def start(*_: Any) -> Any:
        return Killed()

    left = tmp_path / "perf-7.map"
    left.touch()
    monkeypatch.setattr(functions_module, "MAP_PATH_TEMPLATE", str(tmp_path / "perf-{}.map"))
    monkeypatch.setattr(functions_module, "start_worker", start)
    case = Case("made_up", "turns", "there", "")
    made = CaseGroup(scenario("turns"), None, (), (CaseInEnvironment(case, Environment("there", "python")),))
    with pytest.raises(TrialFailed, match="was killed"):
        count_functions(Trial("count", 0, (case,), 0), made, Conditions(None, 60.0))
    assert not left.exists()


def test_functions_are_found_by_their_addresses() -> None:
    here, there, gone = "0x000000000547b021", "0x000000000547b030", "547c000"
    nodes = (
        FunctionNode("(below main)", 3),
        FunctionNode(here, 10),
        FunctionNode(there, 20),
        FunctionNode("gc_collect_main", 5),
        FunctionNode("0x1090", 2),
    )
    arcs = (
        CallArc(here, "gc_collect_main", 1, 5),
        CallArc(there, "0x1090", 1, 2),
        CallArc("0x000000000547b040", here, 4, 17),
    )
    functions = [
        Function("a.py:f", "library", 3, "s"),
        Function("a.py:f", "library", 3, "s"),
        Function("perfbench/worker/api.py:Work.__init__", "perfbench", 9, ""),
        Function("a.py:never_in_the_pass", "library", 1, ""),
    ]
    addresses = ["547b021", "547b030", "547b040", gone]
    assert group_by_function(CallgrindCounts(40, nodes, arcs), addresses, functions, 7) == FunctionCounts(
        work=7,
        functions=(Function("a.py:f", "library", 3, "s"), GARBAGE_COLLECTION),
        instructions=(32, 5),
        calls=(4, 1),
        callers=(CallCount(NO_CALLER, 0, 4), CallCount(0, 1, 1)),
        rest=3,
        total=40,
    )


# Differences ---------------------------------------------------------------------------------------------------------


def made(work: int = 10, rest: int = 0, **functions: tuple[int, int]) -> FunctionCounts:
    instructions, calls = zip(*functions.values(), strict=True)
    listed = tuple(Function(f"a.py:{name}", "library") for name in functions)
    return FunctionCounts(work, listed, instructions, calls, (), rest, sum(instructions) + rest)


def test_equal_counts_do_not_differ() -> None:
    side = [made(f=(1000, 1), g=(9000, 3)), made(f=(1001, 1), g=(9002, 3))]
    assert diff_counts(side, side) == ()
    assert diff_counts(side, side[::-1]) == ()


def test_changes_are_per_unit_of_work_and_the_largest_comes_first() -> None:
    before = [made(f=(10000, 10), g=(20000, 10), h=(70000, 10))]
    after = [made(20, f=(22000, 20), g=(30000, 40), h=(140000, 20))]
    found = [
        (row.function.name, row.change, row.before, row.after, row.calls_after) for row in diff_counts(before, after)
    ]
    assert found == [("g", -500.0, 2000.0, 1500.0, 2.0), ("f", 100.0, 1000.0, 1100.0, 1.0)]


def test_changes_are_means_over_the_hash_seeds() -> None:
    before = [made(f=(1000, 1)), made(f=(2000, 1)), made(f=(3000, 1))]
    (row,) = diff_counts(before, [made(f=(1300, 1)), made(f=(2300, 1)), made(f=(3300, 4))])
    assert [row.before, row.after, row.change] == pytest.approx([200.0, 230.0, 30.0])
    assert [row.calls_before, row.calls_after] == pytest.approx([0.1, 0.2])


def test_a_function_of_one_side_executes_nothing_on_the_other() -> None:
    rows = diff_counts([made(f=(1000, 10), old=(50, 10))], [made(f=(1000, 10), new=(80, 20))])
    assert [(row.function.name, row.before, row.after) for row in rows] == [("new", 0.0, 8.0), ("old", 5.0, 0.0)]


@pytest.mark.parametrize(("after", "shown"), [(1000, 0), (1009, 0), (1011, 1), (989, 1), (991, 0)])
def test_a_change_of_a_thousandth_of_all_instructions_is_shown(after: int, shown: int) -> None:
    assert len(diff_counts([made(f=(1000, 1), g=(9000, 1))], [made(f=(after, 1), g=(9000, 1))])) == shown
