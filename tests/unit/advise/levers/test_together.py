"""Several simulations in one: when it is proposed, and that each strategy places the orders that it places alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.levers import (
    list_orders,
    load,
    make_simulation,
    note_program,
    note_simulation,
    note_stream,
    propose,
)

from perfbench.kit.strategies import BestPrice

CONTEXTS = [{"within": 200 + 100 * number, "every": 7 + number} for number in range(4)]


class Other(BestPrice):
    """Another class of strategy."""


def simulate_each(market: Path, kinds: tuple[type[BestPrice], ...] = (BestPrice,)) -> list[Any]:
    """A simulation for each context, run one after the other."""
    frameworks = []
    for number, context in enumerate(CONTEXTS):
        framework = make_simulation(market, (kinds[number % len(kinds)], context))
        framework.run()
        frameworks.append(framework)
    return frameworks


def test_together_is_proposed_for_simulations_of_the_same_files() -> None:
    (proposal,) = propose("together", note_program(*[note_simulation() for _ in range(11)]))
    assert (proposal.kind, proposal.value, proposal.title) == ("same", "11", "11 simulations in one")
    assert proposal.reason == "11 simulations read the same file"
    assert "BetfairHistoricalStream" in proposal.write


def test_together_has_the_lines_of_an_old_release() -> None:
    noted = note_program(note_simulation(), note_simulation(), packages={"flumine": "1.17.8"})
    (proposal,) = propose("together", noted)
    assert "framework = FlumineBacktest(client)" in proposal.write
    assert 'market_filter={"markets": markets}' in proposal.write


def test_together_counts_the_simulations_of_one_market() -> None:
    simulations = [
        note_simulation(streams=[note_stream(file=f"/data/{market}")]) for market in range(5) for _ in range(3)
    ]
    (proposal,) = propose("together", note_program(*simulations, markets=5))
    assert proposal.value == "3"


@pytest.mark.parametrize(
    "other",
    [
        note_simulation(streams=[note_stream(file="/data/1.2", own_file="/data/1.2")]),
        note_simulation(streams=[note_stream(listener={"inplay": True})]),
        note_simulation(middleware=["Mine"]),
        note_simulation(controls=[]),
        note_simulation(logging_controls=["Log"]),
    ],
)
def test_together_is_not_proposed_for_different_simulations(other: Any) -> None:
    assert not propose("together", note_program(note_simulation(), other))


def test_together_is_not_proposed_for_several_processes() -> None:
    assert not propose("together", note_program(note_simulation(), note_simulation(), processes=2))


def test_strategies_place_the_same_orders_together(race: Path) -> None:
    apart = simulate_each(race)
    reads = []
    with load("together").applied(str(len(CONTEXTS))):
        frameworks = simulate_each(race)
        reads = [len(framework.streams) for framework in frameworks]
    assert len({id(framework.markets) for framework in frameworks}) == 1
    assert reads == [1] * len(CONTEXTS)
    assert len(list_orders(apart)) > len(CONTEXTS)
    assert list_orders(frameworks) == list_orders(apart)


def test_different_classes_of_strategies_run_together(race: Path) -> None:
    apart = simulate_each(race, (BestPrice, Other))
    with load("together").applied(str(len(CONTEXTS))):
        frameworks = simulate_each(race, (BestPrice, Other))
    assert {order["strategy"] for order in list_orders(frameworks)} == {"BestPrice", "Other"}
    assert list_orders(frameworks) == list_orders(apart)


def test_the_last_simulation_of_a_group_runs_at_once_and_a_rest_at_the_end(race: Path) -> None:
    with load("together").applied("3"):
        frameworks = simulate_each(race)
        assert [len(list(framework.markets)) for framework in frameworks] == [1, 1, 1, 0]
    assert [len(list(framework.markets)) for framework in frameworks] == [1, 1, 1, 1]
    assert list_orders(frameworks) == list_orders(simulate_each(race))


def test_simulations_with_other_settings_of_the_client_stay_apart(race: Path) -> None:
    with load("together").applied("2"):
        first, second = (make_simulation(race, (BestPrice, context)) for context in CONTEXTS[:2])
        first.clients.get_default().simulated_full_match = True
        first.run()
        second.run()
        assert not list(first.markets)
        assert not list(second.markets)
    assert first.markets is not second.markets
    assert list(first.markets)


def test_program_that_fails_runs_no_rest(race: Path) -> None:
    framework = make_simulation(race, BestPrice)

    def fail() -> None:
        with load("together").applied("2"):
            framework.run()
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
    assert not list(framework.markets)


def test_simulation_in_a_child_process_runs_at_once(race: Path) -> None:
    with load("together").applied("2"):
        child = os.fork()
        if child == 0:
            framework = make_simulation(race, BestPrice)
            framework.run()
            os._exit(0 if list(framework.markets) else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
