"""Whose instructions those of the code in between are."""

from __future__ import annotations

import pytest

from perfbench.profiling.instructions.attribution import AttributedCounts, attribute_counts
from perfbench.profiling.instructions.callgrind_parser import CallArc, CallgrindCounts, FunctionNode
from perfbench.profiling.model import NO_CALLER, CallCount

OWNERS = {"f": 0, "g": 1, "worker": NO_CALLER}


def apportioned(own: dict[str, int], *arcs: CallArc, total: int | None = None) -> AttributedCounts:
    nodes = tuple(FunctionNode(name, instructions) for name, instructions in own.items())
    return attribute_counts(CallgrindCounts(sum(own.values()) if total is None else total, nodes, arcs), OWNERS, 2)


def test_an_owner_has_its_own() -> None:
    found = apportioned({"f": 10, "g": 20}, CallArc("f", "g", 2, 20))
    assert found == AttributedCounts((10, 20), (CallCount(0, 1, 2),), 0)


def test_code_in_between_belongs_to_those_that_called_it_by_what_their_calls_took() -> None:
    found = apportioned({"f": 10, "g": 20, "u": 40}, CallArc("f", "u", 9, 30), CallArc("g", "u", 1, 10))
    assert found == AttributedCounts((40, 30), (), 0)


def test_callees_of_code_in_between_belong_to_the_owner_too() -> None:
    found = apportioned({"f": 1, "u": 2, "v": 40}, CallArc("f", "u", 1, 42), CallArc("u", "v", 3, 40))
    assert found.instructions == (43, 0)


def test_an_owner_that_is_called_by_code_in_between_keeps_its_own() -> None:
    found = apportioned({"f": 10, "u": 5, "g": 1000}, CallArc("f", "u", 2, 1005), CallArc("u", "g", 7, 1000))
    assert found == AttributedCounts((15, 1000), (CallCount(0, 1, 7),), 0)


def test_code_that_has_no_owner_belongs_to_the_rest() -> None:
    found = apportioned(
        {"root": 7, "worker": 5, "u": 4, "f": 10}, CallArc("worker", "u", 1, 4), CallArc("worker", "f", 1, 10)
    )
    assert found == AttributedCounts((10, 0), (CallCount(NO_CALLER, 0, 1),), 16)


def test_owner_called_by_no_other_owner_has_no_caller() -> None:
    found = apportioned({"root": 7, "f": 10}, CallArc("root", "f", 3, 10))
    assert found.calls == (CallCount(NO_CALLER, 0, 3),)


def test_code_that_calls_itself_and_each_other_belongs_to_who_called_it_first() -> None:
    arcs = (CallArc("f", "u", 1, 100), CallArc("u", "u", 9, 90), CallArc("u", "v", 9, 50), CallArc("v", "u", 9, 40))
    found = apportioned({"f": 10, "u": 60, "v": 40}, *arcs)
    assert found.instructions[0] == pytest.approx(110, abs=1)
    assert found.instructions[0] + found.rest == 110


def test_code_that_only_calls_itself_is_the_rest() -> None:
    assert apportioned({"u": 60, "v": 40}, CallArc("u", "v", 1, 5), CallArc("v", "u", 1, 5)).rest == 100


def test_recursion_is_counted_once() -> None:
    found = apportioned({"f": 50}, CallArc("root", "f", 1, 50), CallArc("f", "f", 9, 400))
    assert found == AttributedCounts((50, 0), (CallCount(NO_CALLER, 0, 1), CallCount(0, 0, 9)), 0)


def test_calls_stay_whole_numbers_that_add_up() -> None:
    arcs = (
        CallArc("f", "u", 1, 10),
        CallArc("g", "u", 1, 20),
        CallArc("worker", "u", 1, 3),
        CallArc("u", "g", 100, 30),
    )
    found = apportioned({"u": 3, "g": 30}, *arcs)
    assert sum(call.count for call in found.calls) == 100
    assert sum(found.instructions) + found.rest == 33


def test_uncounted_instructions_belong_to_the_rest_too() -> None:
    assert apportioned({"f": 10}, total=12).rest == 2
