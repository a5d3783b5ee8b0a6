"""The first difference of two outputs."""

from __future__ import annotations

from typing import Any

import pytest

from perfbench.model import Output
from perfbench.runner import output_diff
from perfbench.runner.output_diff import MISSING


def event(time: int, **order: Any) -> dict[str, Any]:
    """An order event of a program."""
    return {"time": time, "orders": [order] if order else [], "markets": []}


def output(*blocks: str, updates: int = 5000) -> Output:
    return Output("-".join(blocks), updates, 1024, blocks)


def test_order_events_of_other_times_are_different_events() -> None:
    place = output_diff.find_first_place(event(1000, price=2.0), event(1050, price=3.0))
    assert place == ("time", "1000", "1050")


def test_order_events_of_one_time_differ_in_a_field_of_an_order() -> None:
    place = output_diff.find_first_place(event(1000, price=2.0), event(1000, price=2.02))
    assert place == ("orders[0].price", "2.0", "2.02")


@pytest.mark.parametrize(("item", "name"), [(event(1000), "event"), ([7], "item")])
def test_item_that_only_one_side_has_is_shown_whole(item: Any, name: str) -> None:
    where, before, after = output_diff.find_first_place(item, MISSING) or ("", "", "")
    assert (where, after) == (f"the whole {name}", "nothing")
    assert before == repr(item)[: output_diff.MAX_VALUE_LENGTH]


def test_plain_values_differ_in_their_value() -> None:
    assert output_diff.find_first_place(7, 8) == ("its value", "7", "8")
    assert output_diff.find_first_place([7], [8]) == ("[0]", "7", "8")
    assert output_diff.find_first_place([7], [7]) is None


def test_items_of_a_plain_function_are_no_order_events() -> None:
    assert output_diff.name_item({"time": 1}) == "item"
    assert output_diff.name_item(event(1)) == "order event"


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        (output("a", "b"), output("a", "c"), 1024),
        (output("a"), output("a", "b"), 1024),
        (output("a", "b"), output("a"), 1024),
        (output(), output("a"), 0),
        (output("a"), output("a"), 0),
    ],
)
def test_first_block_is_one_that_differs_or_that_only_one_side_has(before: Output, after: Output, first: int) -> None:
    assert output_diff.find_first_block(before, after) == (first, first + 1023)


@pytest.mark.parametrize("is_program", [True, False])
def test_same_orders_for_fewer_updates_are_the_same_output_of_a_program_alone(is_program: bool) -> None:
    fewer = output("a", updates=900), output("a", updates=60)
    assert output_diff.have_equal_outputs(*fewer, same_mode=True, is_program=is_program) is is_program
    assert output_diff.have_equal_outputs(output("a"), output("a"), same_mode=True, is_program=is_program)
    assert not output_diff.have_equal_outputs(output("a"), output("b"), same_mode=True, is_program=is_program)
