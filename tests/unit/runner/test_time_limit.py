"""The time limit of a command on a controlled clock."""

from __future__ import annotations

import math

from support.runs import offer, scenario, settings

from perfbench.model import CaseGroup, Trial
from perfbench.runner import plan
from perfbench.runner.time_limit import GroupClock, TimeLimit, choose_seconds


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def group() -> CaseGroup:
    (made,) = plan.plan_groups([[offer(scenario("base", "one"))]], [], settings())
    return made


def test_time_is_counted_from_the_start_and_shared_by_what_is_left_to_do() -> None:
    clock = Clock()
    limit = TimeLimit(60.0, clock)
    assert limit.share(3) == 20.0
    clock.now += 10.0
    assert (limit.spent, limit.left, limit.share(2)) == (10.0, 50.0, 25.0)
    clock.now += 100.0
    assert (limit.left, limit.share(1), limit.is_exceeded) == (0.0, 0.0, True)


def test_building_environments_is_not_counted_and_looking_them_up_is() -> None:
    clock = Clock()
    limit = TimeLimit(60.0, clock)
    lines: list[str] = []
    with limit.excluding_builds(lines.append):
        clock.now += 2.0
    assert limit.spent == 2.0
    with limit.excluding_builds(lines.append) as observe:
        observe("building betfairlightweight==2.12.0")
        clock.now += 40.0
    assert limit.spent == 2.0
    assert lines == ["building betfairlightweight==2.12.0"]


def test_number_of_rounds_and_shards_have_no_time_limit() -> None:
    assert choose_seconds(settings(max_time=60.0)) == 60.0
    assert choose_seconds(settings(max_time=60.0, rounds=4)) == math.inf
    assert choose_seconds(settings(max_time=60.0, shard=(1, 3))) == math.inf


def test_trial_is_expected_to_take_the_median_of_earlier_ones_of_its_cases() -> None:
    clock, made = Clock(), group()
    base, one = made.cases
    times = GroupClock(60.0, clock)
    duet, solo, memory = (
        Trial("duet", 0, (base, one), 1, (0, 1)), Trial("alone", 0, (base,), 1), Trial("memory", 0, (base,), 1),
    )  # fmt: skip
    assert times.expect([duet, solo]) == 0.0
    for trial, seconds in ((duet, 3.0), (duet, 30.0), (duet, 4.0), (memory, 2.0)):
        with times.timing(trial):
            clock.now += seconds
    assert times.expect([Trial("duet", 7, (one, base), 9, (1, 0))]) == 4.0, "the order of the sides does not matter"
    assert times.expect([solo]) == 2.0, "that of a memory pass of its case"
    assert times.expect([Trial("alone", 0, (one,), 1)]) == 0.0
    assert times.spent == 39.0
    assert times.left == 21.0
