"""The work of check passes against the inspection of the market file."""

from __future__ import annotations

from dataclasses import replace

from support.runs import offer, scenario, settings

from perfbench.model import CaseGroup, Market, Output
from perfbench.runner import plan
from perfbench.runner.work_check import find_wrong_work

MARKET = Market("m", "/m", "00", 1, 60, 1)


def group(unit: str = "updates") -> CaseGroup:
    """Three modes on a market of 60 updates; the first is the baseline."""
    (made,) = plan.plan_groups([[offer(scenario("base", "one", "two"))]], [], settings())
    return replace(made, market=MARKET, scenario=replace(made.scenario, unit=unit))


def output(updates: int, *, items: bool = True) -> Output:
    """An output of this many items, or the digest of an amount alone."""
    return Output("d", updates, 1024, ("d",) if items else ())


def find(group: CaseGroup, *failed: str, items: bool = True, **updates: int) -> dict[str, str]:
    """The reasons by mode."""
    ids = {case.mode: case.id for case in group.cases}
    outputs = {ids[mode]: output(count, items=items) for mode, count in updates.items()}
    return {case.mode: reason for case, reason in find_wrong_work(group, outputs, {ids[mode] for mode in failed})}


def test_program_may_leave_updates_of_the_file_out() -> None:
    own = replace(group(), scenario=replace(group().scenario, program="/mine.py:run"))
    assert find(own, "base", one=60, two=30) == {}


def test_work_of_the_file_is_right() -> None:
    assert find(group(), base=60, one=60, two=60) == {}


def test_mode_that_read_half_is_wrong_where_the_baseline_failed_and_another_read_all() -> None:
    wrong = find(group("units"), "base", one=60, two=30)
    assert wrong == {"two": "did 30 of the 60 updates of the file; one did all"}


def test_baseline_that_read_half_is_wrong_and_not_who_read_all() -> None:
    assert list(find(group(), base=30, one=60, two=60)) == ["base"]


def test_mode_that_differs_from_a_right_baseline_is_left_to_the_comparison() -> None:
    assert find(group(), base=60, one=30, two=60) == {}


def test_only_mode_left_is_wrong_if_its_updates_are_not_those_of_the_file() -> None:
    wrong = find(group(), "base", "two", one=30)
    assert wrong == {"one": "did 30 of the 60 updates of the file, and what would confirm it failed"}
    assert find(group(), "base", "two", one=60) == {}


def test_work_of_another_unit_or_without_items_is_not_that_of_the_file() -> None:
    assert find(group("orders"), "base", "two", one=30) == {}
    assert find(group(), "base", "two", one=30, items=False) == {}


def test_baseline_that_this_machine_lacks_makes_nothing_wrong() -> None:
    assert find(group(), one=30, two=30) == {}


def test_floor_and_scenario_without_a_market_are_not_checked() -> None:
    made = group()
    floors = tuple(replace(place, floor=place.case.mode == "two") for place in made.places)
    assert find(replace(made, places=floors), "base", one=60, two=30) == {}
    assert find(replace(made, market=None), "base", one=60, two=30) == {}
