"""The reason of a difference that needs no further pass."""

from __future__ import annotations

from support.runs import offer, scenario, settings

from perfbench.model import Output, OutputDifference
from perfbench.runner import output_check, plan
from perfbench.runner.trial import Conditions

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
