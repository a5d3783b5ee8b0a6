"""The plan: pure, the same from the same seed, baseline first, every order random."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import MARKET, offer, program, scenario, settings

from perfbench.errors import UsageProblem
from perfbench.model import Budget, CaseGroup, Claim, Environment, GatePolicy, Package
from perfbench.runner import matrix, plan, trial


def one_table(**changes: object) -> CaseGroup:
    (table,) = plan.plan_groups([[offer(scenario("base", "one", "two"))]], [], settings(**changes))
    return table


def test_plan_has_a_table_for_each_scenario_market_and_point_of_the_sweep() -> None:
    scenarios = [scenario("base", "one", name="replay", uses_market=True), scenario("base", name="queue")]
    markets = [MARKET, MARKET]
    tables = plan.plan_groups([[offer(one)] for one in scenarios], markets, settings(sweep=(("window", ("1", "20")),)))
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
    points = plan.expand_sweep(
        settings(sweep=(("a", ("1", "2")), ("b", ("x", "y"))), parameters=(("c", "3"),)), {"a", "b", "c"}, "any"
    )
    assert len(points) == 4
    assert points[1] == (("c", "3"), ("a", "1"), ("b", "y"))


def test_a_parameter_may_be_meant_for_one_scenario_alone() -> None:
    given = settings(
        sweep=(("a", ("1", "2")), ("other.a", ("3", "4", "5")), ("one.b", ("6",))),
        parameters=(("one.c", "7"), ("c", "8"), ("other.d", "9")),
    )
    own = {"a", "b", "c", "d"}
    assert plan.expand_sweep(given, own, "one") == [
        (("c", "7"), ("a", "1"), ("b", "6")),
        (("c", "7"), ("a", "2"), ("b", "6")),
    ]
    assert plan.expand_sweep(given, own, "other") == [
        (("c", "8"), ("d", "9"), ("a", "3")),
        (("c", "8"), ("d", "9"), ("a", "4")),
        (("c", "8"), ("d", "9"), ("a", "5")),
    ]


def test_the_baseline_is_the_first_case_wherever_it_stands_in_the_file() -> None:
    made = scenario("one", "two", "three")
    moved = type(made)(
        **{name: getattr(made, name) for name in made.__dataclass_fields__} | {"modes": made.modes[::-1]}
    )
    (table,) = plan.plan_groups([[offer(moved)]], [], settings())
    assert [case.mode for case in table.cases] == ["one", "three", "two"]


def test_first_chosen_mode_replaces_an_unchosen_baseline() -> None:
    made = scenario("base", "one", "two")
    chosen = replace(made, modes=tuple(matrix.choose_modes(made, ("two", "one"))))
    (table,) = plan.plan_groups([[offer(chosen)]], [], settings())
    assert [case.mode for case in table.cases] == ["one", "two"]


def test_a_group_of_modes_is_measured_only_when_it_is_named_and_then_with_the_baseline() -> None:
    made = scenario("base", "one", "two")
    made = replace(made, modes=(*made.modes[:2], replace(made.modes[2], group="engines")))
    chosen = {asked: [mode.name for mode in matrix.choose_modes(made, asked)] for asked in ((), ("engines",), ("two",))}
    assert chosen == {(): ["base", "one"], ("engines",): ["base", "two"], ("two",): ["two"]}


# Environments side by side -------------------------------------------------------------------------------------------

THEN, NOW, SOON = (
    Environment(f"bflw=={version}", "python", packages=(Package("bflw", version),)) for version in ("1.0", "2.0", "3.0")
)


def side_by_side(*places: Environment, claims: tuple[Claim, ...] = (), links: str = "") -> list[CaseGroup]:
    made = replace(scenario("base", "one"), claims=claims)
    return plan.plan_groups([[offer(made, place) for place in places]], [], settings(links=links, anchor="bflw==2.0"))


def duets(table: CaseGroup) -> list[tuple[str, ...]]:
    return [tuple(f"{case.mode} {case.environment}" for case in duet) for duet in table.duets]


def test_mode_in_several_environments_is_compared_with_itself_in_the_first() -> None:
    (table,) = side_by_side(THEN, NOW, SOON)
    assert duets(table) == [
        ("base bflw==1.0", "base bflw==2.0"),
        ("base bflw==1.0", "base bflw==3.0"),
        ("one bflw==1.0", "one bflw==2.0"),
        ("one bflw==1.0", "one bflw==3.0"),
    ]


def test_chain_has_a_table_of_each_environment_with_its_predecessor() -> None:
    tables = side_by_side(THEN, NOW, SOON, links="neighbours")
    assert [duets(table)[0] for table in tables] == [
        ("base bflw==1.0", "base bflw==2.0"),
        ("base bflw==2.0", "base bflw==3.0"),
    ]


def test_anchor_has_a_table_with_each_environment() -> None:
    tables = side_by_side(THEN, NOW, SOON, links="anchor")
    assert [duets(table)[0] for table in tables] == [
        ("base bflw==2.0", "base bflw==1.0"),
        ("base bflw==2.0", "base bflw==3.0"),
    ]


def test_a_claim_across_modes_is_a_duet_of_its_own() -> None:
    (table,) = side_by_side(THEN, NOW, claims=(Claim("base@bflw==1.0", "one@bflw==2.0", 1.4, "notes"),))
    assert duets(table)[-1] == ("base bflw==1.0", "one bflw==2.0")
    assert len(table.duets) == 3


def test_a_mode_that_the_first_environment_lacks_is_compared_with_nothing() -> None:
    made = scenario("base", "one")
    lacking = replace(made, modes=made.modes[:1])
    (table,) = plan.plan_groups([[offer(lacking, THEN), offer(made, NOW)]], [], settings())
    assert [case.mode for case in table.cases] == ["base", "base"]


@given(st.integers(0, 2**32 - 1))
def test_the_same_seed_makes_the_same_plan(seed: int) -> None:
    table = one_table()
    assert plan.plan_solo_passes(table, settings(seed=seed)) == plan.plan_solo_passes(table, settings(seed=seed))
    assert plan.plan_round(table, 3, seed) == plan.plan_round(table, 3, seed)


def test_every_case_has_one_check_and_three_passes_of_every_kind_alone() -> None:
    assert [(trial.kind, trial.cases[0].mode) for trial in plan.plan_checks(one_table())] == [
        ("check", "base"),
        ("check", "one"),
        ("check", "two"),
    ]
    alone = plan.plan_solo_passes(one_table(), settings(seed=1))
    kinds = Counter((trial.kind, trial.cases[0].mode) for trial in alone)
    assert set(kinds.values()) == {3}
    assert len(kinds) == 6


def test_a_round_is_one_duet_of_every_case_with_the_baseline() -> None:
    for number in range(20):
        duets = plan.plan_round(one_table(), number, 1)
        assert sorted(sorted(case.mode for case in duet.cases) for duet in duets) == [["base", "one"], ["base", "two"]]


def test_every_order_of_a_round_happens_about_equally_often() -> None:
    orders: Counter[tuple[object, ...]] = Counter()
    for number in range(2000):
        duet = plan.plan_round(one_table(), number, 1)[0]
        orders[duet.cases[0].mode == "base", duet.go[0], "one" in {case.mode for case in duet.cases}] += 1
    assert len(orders) == 8
    assert min(orders.values()) > 180


def test_a_trial_has_an_id_of_its_own() -> None:
    table = one_table()
    trials = [*plan.plan_checks(table), *plan.plan_solo_passes(table, settings(seed=1))]
    trials += [plan.plan_difference(before, after) for before, after in table.duets]
    for number in range(50):
        trials += plan.plan_round(table, number, 1)
    assert len({trial.id for trial in trials}) == len(trials)


def test_hash_seeds_differ_from_round_to_round_and_are_never_zero() -> None:
    seeds = [duet.hash_seed for number in range(100) for duet in plan.plan_round(one_table(), number, 1)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) > 0


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [("3", 10, 3), ("0.5", 1.0, 0.5), ("3", "x", "3"), ("yes", False, True), ("0", True, False), ("True", False, True)],
)
def test_a_value_takes_the_type_of_its_default(text: str, default: object, value: object) -> None:
    found = plan.convert_value("name", text, default)  # type: ignore[arg-type]
    assert found == value
    assert type(found) is type(value)


def test_a_value_that_does_not_fit_is_refused() -> None:
    for text, default in (("wide", 10), ("1.5", 10), ("maybe", True)):
        with pytest.raises(UsageProblem, match=f"name={text}"):
            plan.convert_value("name", text, default)


# Budgets of a gate ---------------------------------------------------------------------------------------------------


def gate_tables(budget: tuple[str, str], *groups: list[plan.MatrixEntry]) -> list[CaseGroup]:
    terms = GatePolicy(budgets=(Budget("ratio", 2.0, *budget),))
    return plan.plan_gate_groups(groups, [], settings(gate=terms, environments=((THEN.name, NOW.name),)))


def both_sides(*modes: str, name: str) -> list[plan.MatrixEntry]:
    return [offer(scenario(*modes, name=name), place) for place in (THEN, NOW)]


def test_budget_of_two_modes_of_a_scenario_is_a_comparison_of_its_own() -> None:
    tables = gate_tables(("one", "base"), both_sides("base", "one", name="a"), both_sides("other", name="b"))
    assert ("base bflw==2.0", "one bflw==2.0") in [duet for table in tables for duet in duets(table)]


def test_budget_of_modes_of_different_scenarios_is_refused() -> None:
    with pytest.raises(UsageProblem, match="--budget one/other: `one` and `other` are modes of different scenarios"):
        gate_tables(("one", "other"), both_sides("base", "one", name="a"), both_sides("other", name="b"))


def test_budget_of_a_mode_that_one_side_lacks_is_no_unknown_mode() -> None:
    """That the side lacks it is a problem of the run, which says where."""
    before, after = offer(scenario("base", "one"), THEN), offer(scenario("base"), NOW)
    tables = gate_tables(("one", "base"), [before, after])
    assert [duets(table) for table in tables] == [[("base bflw==1.0", "base bflw==2.0")]]


# Programs ---------------------------------------------------------------------------------------------------------------


def test_program_reads_its_own_markets_unless_data_replace_them() -> None:
    for data, markets in (((), [None]), (("file",), [MARKET])):
        tables = plan.plan_groups([[offer(program("run"))]], [MARKET], settings(data=data))
        assert [table.market for table in tables] == markets


def test_program_that_takes_a_market_is_given_the_default_one() -> None:
    (table,) = plan.plan_groups([[offer(program("run", uses_market=True))]], [MARKET], settings())
    assert table.market == MARKET


def test_arguments_are_those_of_programs_alone() -> None:
    offers = [[offer(scenario("base"))], [offer(program("run"))]]
    tables = plan.plan_groups(offers, [], settings(arguments=("--fast", "3")))
    assert [table.arguments for table in tables] == [(), ("--fast", "3")]
    requests = [trial.build_request("time", table, table.cases[0]) for table in tables]
    assert [request.parameters for request in requests] == [{}, {"arguments": '["--fast", "3"]'}]


def test_levers_of_a_side_are_part_of_its_request_and_not_of_its_name() -> None:
    (table,) = plan.plan_groups([[offer(program("run"))]], [], settings())
    (place,) = table.places
    place = replace(place, levers=(("/levers/gc_freeze.py", "1"),))
    request = trial.build_request("time", replace(table, places=(place,)), place.case)
    assert request.parameters == {"levers": '[["/levers/gc_freeze.py", "1"]]'}
    assert place.case.id == "backtest:run/run@here"


def test_check_passes_of_a_program_run_twice_with_different_hash_seeds() -> None:
    groups = [plan.plan_groups([[offer(made)]], [], settings())[0] for made in (scenario("base"), program("run"))]
    assert [len(plan.plan_repeated_checks(group)) for group in groups] == [0, 1]
    first, second = plan.plan_checks(groups[1]) + plan.plan_repeated_checks(groups[1])
    assert first.hash_seed != second.hash_seed
    assert first.id != second.id
