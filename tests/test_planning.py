"""The plan: pure, the same from the same seed, baseline first, every order random."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_runs import HERE, MARKET, scenario, settings

from perfbench import planning
from perfbench.errors import UsageProblem
from perfbench.model import Table


def one_table(**changes: object) -> Table:
    (table,) = planning.tables([scenario("base", "one", "two")], HERE, [], settings(**changes))
    return table


def test_there_is_a_table_for_each_scenario_market_and_point_of_the_sweep() -> None:
    scenarios = [scenario("base", "one", name="replay", uses_market=True), scenario("base", name="queue")]
    markets = [MARKET, MARKET]
    tables = planning.tables(scenarios, HERE, markets, settings(sweep=(("window", ("1", "20")),)))
    found = [(t.scenario.name, t.market is not None, t.parameters) for t in tables]
    assert found == [
        ("replay", True, (("window", 1),)),
        ("replay", True, (("window", 20),)),
        ("replay", True, (("window", 1),)),
        ("replay", True, (("window", 20),)),
        ("queue", False, (("window", 1),)),
        ("queue", False, (("window", 20),)),
    ]


def test_two_sweeps_are_combined() -> None:
    points = planning.sweep_points(settings(sweep=(("a", ("1", "2")), ("b", ("x", "y"))), parameters=(("c", "3"),)))
    assert len(points) == 4
    assert points[1] == (("c", "3"), ("a", "1"), ("b", "y"))


def test_the_baseline_is_the_first_case_wherever_it_stands_in_the_file() -> None:
    made = scenario("one", "two", "three")
    moved = type(made)(
        **{name: getattr(made, name) for name in made.__dataclass_fields__} | {"modes": made.modes[::-1]}
    )
    (table,) = planning.tables([moved], HERE, [], settings())
    assert [case.mode for case in table.cases] == ["one", "three", "two"]


def test_without_the_baseline_the_first_chosen_mode_takes_its_place() -> None:
    (table,) = planning.tables([scenario("base", "one", "two")], HERE, [], settings(modes=("two", "one")))
    assert [case.mode for case in table.cases] == ["one", "two"]


@given(st.integers(0, 2**32 - 1))
def test_the_same_seed_makes_the_same_plan(seed: int) -> None:
    table = one_table()
    assert planning.preliminaries(table, seed) == planning.preliminaries(table, seed)
    assert planning.round_of(table, 3, seed) == planning.round_of(table, 3, seed)


def test_first_comes_one_check_of_all_then_three_passes_of_every_kind_alone() -> None:
    check, *alone = planning.preliminaries(one_table(), 1)
    assert (check.kind, len(check.cases)) == ("check", 3)
    kinds = Counter((trial.kind, trial.cases[0].mode) for trial in alone)
    assert set(kinds.values()) == {3}
    assert len(kinds) == 6


def test_a_round_is_one_duet_of_every_case_with_the_baseline() -> None:
    for number in range(20):
        duets = planning.round_of(one_table(), number, 1)
        assert sorted(sorted(case.mode for case in duet.cases) for duet in duets) == [["base", "one"], ["base", "two"]]


def test_every_order_of_a_round_happens_about_equally_often() -> None:
    orders: Counter[tuple[object, ...]] = Counter()
    for number in range(2000):
        duet = planning.round_of(one_table(), number, 1)[0]
        orders[duet.cases[0].mode == "base", duet.go[0], "one" in {case.mode for case in duet.cases}] += 1
    assert len(orders) == 8
    assert min(orders.values()) > 180


def test_a_trial_has_an_id_of_its_own() -> None:
    table = one_table()
    trials = planning.preliminaries(table, 1)
    for number in range(50):
        trials += planning.round_of(table, number, 1)
    assert len({trial.id for trial in trials}) == len(trials)


def test_hash_seeds_differ_from_round_to_round_and_are_never_zero() -> None:
    seeds = [duet.hash_seed for number in range(100) for duet in planning.round_of(one_table(), number, 1)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) > 0


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [("3", 10, 3), ("0.5", 1.0, 0.5), ("3", "x", "3"), ("yes", False, True), ("0", True, False), ("True", False, True)],
)
def test_a_value_takes_the_type_of_its_default(text: str, default: object, value: object) -> None:
    found = planning.converted("name", text, default)  # type: ignore[arg-type]
    assert found == value
    assert type(found) is type(value)


def test_a_value_that_does_not_fit_is_refused() -> None:
    for text, default in (("wide", 10), ("1.5", 10), ("maybe", True)):
        with pytest.raises(UsageProblem, match=f"name={text}"):
            planning.converted("name", text, default)
