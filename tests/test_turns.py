"""Passes by turns: lengths in proportion, never two at a time, and nobody waits for one that hangs or dies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench import turns
from perfbench.turns import SHORTEST_SLICE


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=4))
def test_turns_are_in_proportion_to_the_passes(seconds: list[float]) -> None:
    lengths = turns.slices(seconds)
    assert min(lengths) == pytest.approx(SHORTEST_SLICE)
    for one, two in zip(lengths, seconds, strict=True):
        assert one / lengths[0] == pytest.approx(two / seconds[0])


def test_without_knowledge_of_the_passes_all_turns_are_equal() -> None:
    assert turns.slices([0.0, 3.0]) == (SHORTEST_SLICE, SHORTEST_SLICE)


class Stage:
    """Workers that need so many seconds of the core, on a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.running: set[str] = set()
        self.log: list[tuple[str, float]] = []


class Actor:
    def __init__(self, stage: Stage, name: str, needs: float, limit: float = 1e9) -> None:
        self.stage, self.name, self.left, self.limit = stage, name, needs, limit
        self.gone = False

    def go(self) -> None:
        assert self.name not in self.stage.running
        self.gone = True

    def pause(self) -> None:
        self.stage.running.discard(self.name)

    def resume(self) -> None:
        assert self.gone
        assert not self.stage.running, "two at a time"
        self.stage.running.add(self.name)

    def answers_within(self, seconds: float) -> bool:
        spent = min(seconds, self.left)
        self.stage.log.append((self.name, spent))
        self.stage.now += spent
        self.left -= spent
        return self.left <= 0

    @property
    def overdue(self) -> bool:
        return self.stage.now > self.limit


def play(stage: Stage, *actors: Actor, lengths: tuple[float, ...]) -> list[str]:
    order = []
    for place in turns.finishing(actors, lengths):  # type: ignore[arg-type]
        order.append(actors[place].name)
        stage.running.discard(actors[place].name)
    return order


def test_both_see_the_whole_stretch() -> None:
    stage = Stage()
    order = play(stage, Actor(stage, "light", 0.6), Actor(stage, "full", 3.0), lengths=(0.1, 0.5))
    assert sorted(order) == ["full", "light"]
    assert [name for name, _ in stage.log[:6]] == ["light", "full"] * 3
    last_light = max(number for number, (name, _) in enumerate(stage.log) if name == "light")
    assert last_light >= len(stage.log) - 2


def test_one_that_is_quicker_than_thought_ends_and_the_other_goes_on_alone() -> None:
    stage = Stage()
    assert play(stage, Actor(stage, "full", 3.0), Actor(stage, "light", 0.05), lengths=(0.5, 0.1)) == ["light", "full"]


def test_one_that_hangs_is_given_to_the_caller_when_its_time_is_up() -> None:
    stage = Stage()
    order = play(stage, Actor(stage, "hangs", 1e9, limit=3.0), Actor(stage, "light", 0.6), lengths=(0.5, 0.1))
    assert sorted(order) == ["hangs", "light"]


def test_a_single_pass_is_let_run() -> None:
    stage = Stage()
    assert play(stage, Actor(stage, "only", 1.0), lengths=(0.1,)) == ["only"]
