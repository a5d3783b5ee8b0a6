"""Hooks and wordings that lever files share."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.levers import make_simulation, note_listener, note_program, note_replay, note_simulation

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.kit import lever
from perfbench.kit.strategies import Idle


def test_attribute_has_its_value_back_after_an_error() -> None:
    thing = SimpleNamespace(color="red")
    seen = []

    def fail() -> None:
        with lever.patched(thing, "color", "blue"):
            seen.append(thing.color)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == ["blue"]
    assert thing.color == "red"


@pytest.mark.parametrize(("version", "release"), [("3.3.2", (3, 3, 2)), ("2.0.0rc1", (2, 0)), ("", ()), ("12", (12,))])
def test_release_has_the_numbers_of_a_version(version: str, release: tuple[int, ...]) -> None:
    assert lever.parse_release(version) == release


@pytest.mark.parametrize(
    ("markets", "text"),
    [
        (1, "read off 1 market: the next one goes beyond with probability 50 %"),
        (2, "read off 2 markets: the next one goes beyond with probability 33 %"),
        (1999, "read off 1,999 markets: the next one goes beyond with probability 0.05 %"),
    ],
)
def test_risk_of_a_limit_shrinks_with_the_markets_that_it_was_read_off(markets: int, text: str) -> None:
    assert lever.describe_risk(markets) == text


def test_numbers_are_rounded_up_to_a_step() -> None:
    assert [lever.round_up(number, 10) for number in (0.0, 0.1, 10.0, 10.01)] == [0, 10, 10, 20]


def test_listeners_of_a_simulation_are_not_plain_ones() -> None:
    assert lever.plain_listeners(note_replay(note_listener()))
    assert not lever.plain_listeners(note_program(note_simulation(), listeners=[note_listener()]))


def test_functions_are_called_around_a_run_and_only_inside_the_context(tmp_path: Path) -> None:
    market = tmp_path / "1.1"
    write_market(Recipe(seed=9, runners=3, updates=60), market)
    seen: list[Any] = []
    run = lever.simulation_class().run
    with lever.around_run(
        before=lambda framework: seen.append(len(list(framework.markets))),
        after=lambda framework: seen.append(len(list(framework.markets))),
    ):
        make_simulation(market, Idle).run()
    assert seen == [0, 1]
    assert lever.simulation_class().run is run
    make_simulation(market, Idle).run()
    assert seen == [0, 1]


def test_flumine_is_not_imported_to_be_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flumine", raising=False)
    with lever.around_run(before=print):
        assert "flumine" not in sys.modules


def test_new_listeners_have_the_values_and_derived_ones_too() -> None:
    listener = lever.plain_listener_class()
    derived = type("Mine", (listener,), {})
    with lever.listener_fields(listener, max_latency=7.0):
        assert listener().max_latency == 7.0
        assert derived(max_latency=1.0).max_latency == 7.0
    assert listener().max_latency == 0.5


def test_listener_of_a_stream_that_was_made_before_has_the_values_in_its_run(tmp_path: Path) -> None:
    market = tmp_path / "1.1"
    write_market(Recipe(seed=9, runners=3, updates=60), market)
    early = make_simulation(market, Idle)
    with lever.market_listener_fields(seconds_to_start=7.0):
        late = make_simulation(market, Idle)
        assert [stream._listener.seconds_to_start for stream in early.streams] == [None]
        early.run()
    assert [stream._listener.seconds_to_start for stream in (*early.streams, *late.streams)] == [7.0, 7.0]
