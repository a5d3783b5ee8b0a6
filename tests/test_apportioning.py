"""Whose instructions those of the code in between are."""

from __future__ import annotations

import pytest

from perfbench.apportioning import Apportioned, apportion
from perfbench.callgrind_output import Arc, Counts, Node
from perfbench.profiles import NO_CALLER, Call

OWNERS = {"f": 0, "g": 1, "worker": NO_CALLER}


def apportioned(own: dict[str, int], *arcs: Arc, total: int | None = None) -> Apportioned:
    nodes = tuple(Node(name, instructions) for name, instructions in own.items())
    return apportion(Counts(sum(own.values()) if total is None else total, nodes, arcs), OWNERS, 2)


def test_an_owner_has_its_own() -> None:
    found = apportioned({"f": 10, "g": 20}, Arc("f", "g", 2, 20))
    assert found == Apportioned((10, 20), (Call(0, 1, 2),), 0)


def test_code_in_between_belongs_to_those_that_called_it_by_what_their_calls_took() -> None:
    found = apportioned({"f": 10, "g": 20, "u": 40}, Arc("f", "u", 9, 30), Arc("g", "u", 1, 10))
    assert found == Apportioned((40, 30), (), 0)


def test_so_does_what_that_code_called_in_turn() -> None:
    found = apportioned({"f": 1, "u": 2, "v": 40}, Arc("f", "u", 1, 42), Arc("u", "v", 3, 40))
    assert found.instructions == (43, 0)


def test_an_owner_that_is_called_by_code_in_between_keeps_its_own() -> None:
    found = apportioned({"f": 10, "u": 5, "g": 1000}, Arc("f", "u", 2, 1005), Arc("u", "g", 7, 1000))
    assert found == Apportioned((15, 1000), (Call(0, 1, 7),), 0)


def test_what_has_no_owner_is_the_rest() -> None:
    found = apportioned({"root": 7, "worker": 5, "u": 4, "f": 10}, Arc("worker", "u", 1, 4), Arc("worker", "f", 1, 10))
    assert found == Apportioned((10, 0), (Call(NO_CALLER, 0, 1),), 16)


def test_an_owner_that_nobody_known_calls_has_no_caller() -> None:
    found = apportioned({"root": 7, "f": 10}, Arc("root", "f", 3, 10))
    assert found.calls == (Call(NO_CALLER, 0, 3),)


def test_code_that_calls_itself_and_each_other_belongs_to_who_called_it_first() -> None:
    arcs = (Arc("f", "u", 1, 100), Arc("u", "u", 9, 90), Arc("u", "v", 9, 50), Arc("v", "u", 9, 40))
    found = apportioned({"f": 10, "u": 60, "v": 40}, *arcs)
    assert found.instructions[0] == pytest.approx(110, abs=1)
    assert found.instructions[0] + found.rest == 110


def test_code_that_only_calls_itself_is_the_rest() -> None:
    assert apportioned({"u": 60, "v": 40}, Arc("u", "v", 1, 5), Arc("v", "u", 1, 5)).rest == 100


def test_recursion_is_counted_once() -> None:
    found = apportioned({"f": 50}, Arc("root", "f", 1, 50), Arc("f", "f", 9, 400))
    assert found == Apportioned((50, 0), (Call(NO_CALLER, 0, 1), Call(0, 0, 9)), 0)


def test_calls_stay_whole_numbers_that_add_up() -> None:
    arcs = (Arc("f", "u", 1, 10), Arc("g", "u", 1, 20), Arc("worker", "u", 1, 3), Arc("u", "g", 100, 30))
    found = apportioned({"u": 3, "g": 30}, *arcs)
    assert sum(call.count for call in found.calls) == 100
    assert sum(found.instructions) + found.rest == 33


def test_what_no_function_counted_is_in_the_rest_too() -> None:
    assert apportioned({"f": 10}, total=12).rest == 2
