"""The reason of a difference that needs no further pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from support.runs import offer, program, scenario, settings

from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Failure, Output, OutputDifference, Result
from perfbench.runner import output_check, output_items, plan, repeat_check
from perfbench.runner.trial import Conditions
from perfbench.worker.protocol import OutputItem

ITEMS, AMOUNT = Output("d", 60, 1024, ("d",)), Output("a", 60, 1024, ())


def explain(before: Output, after: Output) -> OutputDifference | None:
    """How the output of a mode differs from that of the baseline."""
    (group,) = plan.plan_groups([[offer(scenario("base", "one"))]], [], settings())
    trial = plan.plan_difference(*group.cases)
    return output_check.explain_difference(trial, group, (before, after), (), Conditions(None, 60.0), {}).difference


def test_amount_without_items_differs_from_items_by_its_kind() -> None:
    difference = explain(ITEMS, AMOUNT)
    assert difference is not None
    assert (difference.where, difference.before, difference.after) == (
        "kind of output",
        "items",
        "an amount without items",
    )


def test_fewer_updates_are_named_as_such() -> None:
    difference = explain(ITEMS, Output("e", 30, 1024, ("e",)))
    assert difference is not None
    assert (difference.update, difference.where) == (31, "amount of work")
    assert (difference.before, difference.after, difference.less_work) == ("60 updates", "30 updates", True)


# Programs ---------------------------------------------------------------------------------------------------------------

CONDITIONS = Conditions(None, 60.0)


def event(number: int, price: float = 2.0, time: int = 0) -> OutputItem:
    return OutputItem(number, {"time": time or 1000 + number, "orders": [{"price": price}], "markets": []})


@pytest.fixture
def dumps(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[OutputItem] | TrialFailed]:
    """What the passes that write items out give, one after the other."""
    waiting: list[Sequence[OutputItem] | TrialFailed] = []

    def dump_items(*_arguments: Any) -> Iterator[OutputItem]:
        items = waiting.pop(0)
        if isinstance(items, TrialFailed):
            raise items
        return iter(items)

    monkeypatch.setattr(output_items, "dump_items", dump_items)
    return waiting


def program_group() -> CaseGroup:
    (group,) = plan.plan_groups([[offer(program("run", "again"))]], [], settings())
    return group


def explain_program(before: Output, after: Output) -> OutputDifference:
    group = program_group()
    trial = plan.plan_difference(*group.cases)
    explained = output_check.explain_difference(trial, group, (before, after), (), CONDITIONS, {}).difference
    assert explained is not None
    return explained


def test_other_order_of_a_program_is_named_by_its_event(dumps: list[Any]) -> None:
    dumps += [[event(0), event(1)], [event(0), event(1, price=2.02)]]
    difference = explain_program(ITEMS, Output("e", 40, 1024, ("e",)))
    assert (difference.item, difference.update, difference.where) == ("order event", 2, "orders[0].price")
    assert (difference.before, difference.after, difference.less_work) == ("2.0", "2.02", False)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (2, 3)])
def test_order_that_only_one_side_has_is_a_difference_and_no_lack_of_work(
    before: int, after: int, dumps: list[Any]
) -> None:
    dumps += [[event(number) for number in range(count)] for count in (before, after)]
    sides = [Output(f"d{count}", 60, 1024, ("d",) * min(count, 1)) for count in (before, after)]
    difference = explain_program(*sides)
    assert (difference.update, difference.where) == (min(before, after) + 1, "the whole event")
    assert not difference.less_work


def test_amounts_of_a_program_without_items_are_compared_as_work() -> None:
    difference = explain_program(AMOUNT, Output("b", 30, 1024, ()))
    assert (difference.where, difference.less_work) == ("amount of work", True)


def repeat(first: Output, second: Result) -> Result:
    group = program_group()
    (trial, _) = plan.plan_repeated_checks(group)
    return repeat_check.compare_repeat(trial, group, first, second, CONDITIONS)


def test_second_check_pass_with_the_same_output_says_nothing() -> None:
    assert repeat(ITEMS, Result("check 1 x", "x", output=ITEMS)).difference is None


def test_second_check_pass_with_other_orders_is_a_difference_from_itself(dumps: list[Any]) -> None:
    dumps += [[event(0)], [event(0, time=1234)]]
    result = repeat(ITEMS, Result("check 1 x", "x", output=Output("e", 60, 1024, ("e",))))
    assert result.output is None
    assert result.difference == OutputDifference(1, "time", "1000", "1234", against="x", item="order event")


def test_runs_that_differ_only_now_and_then_are_reported_without_a_place(dumps: list[Any]) -> None:
    dumps += [[event(0)], [event(0)]]
    result = repeat(ITEMS, Result("check 1 x", "x", output=Output("e", 60, 1024, ("e",))))
    assert result.difference is not None
    assert result.difference.where == "two further runs were the same"


def test_second_check_pass_that_fails_is_a_failure_of_its_own() -> None:
    result = repeat(ITEMS, Result("check 1 x", "x", failure=Failure("check", "KeyError: 7")))
    assert result.failure is not None
    assert result.failure.message == "when it ran again: KeyError: 7"


def test_check_pass_of_a_program_takes_about_as_long_as_any_other() -> None:
    (ordinary,) = plan.plan_groups([[offer(scenario("base"))]], [], settings())
    assert output_items.compute_check_timeout(program_group(), CONDITIONS) == 120.0
    assert output_items.compute_check_timeout(ordinary, CONDITIONS) == 600.0
