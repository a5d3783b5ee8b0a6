"""Passes by turns: lengths in proportion, never two at a time, and nobody waits for one that hangs or dies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.runner import interleave
from perfbench.runner.interleave import EQUAL_TIME_RATIO, MAX_REPEATED_PASSES, InterleavedSide


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_sides_take_the_same_total_time_and_number_of_slices(before: float, after: float) -> None:
    one, two = interleave.plan_slices(before, after)
    assert min(one.passes, two.passes) == 1
    spent = one.passes * before, two.passes * after
    if max(before, after) / min(before, after) < MAX_REPEATED_PASSES:
        assert max(spent) / min(spent) <= 1.5
    if max(before, after) / min(before, after) < EQUAL_TIME_RATIO:
        assert one == two
        return
    taken = [total / part.turn for part, total in zip((one, two), spent, strict=True)]
    assert taken[0] == pytest.approx(taken[1])


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (0.3, 0.3, (InterleavedSide(1, 0.005), InterleavedSide(1, 0.005))),
        (0.3, 0.315, (InterleavedSide(1, 0.005), InterleavedSide(1, 0.005))),
        (0.2, 0.25, (InterleavedSide(1, 0.025), InterleavedSide(1, 0.03125))),
        (0.15, 0.75, (InterleavedSide(5, 0.075), InterleavedSide(1, 0.075))),
        (0.8, 0.15, (InterleavedSide(1, 0.08), InterleavedSide(5, 0.075))),
        (0.06, 60.0, (InterleavedSide(8, 0.06), InterleavedSide(1, 7.5))),
        (0.0, 3.0, (InterleavedSide(), InterleavedSide())),
    ],
)
def test_a_pass_that_is_shorter_is_repeated_and_turns_are_short_where_the_sides_are_alike(
    before: float, after: float, parts: tuple[InterleavedSide, InterleavedSide]
) -> None:
    assert interleave.plan_slices(before, after) == parts


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


def play(stage: Stage, *sides: tuple[list[Actor], float]) -> list[str]:
    order = []
    for actor in interleave.run_interleaved(sides):  # type: ignore[arg-type]
        assert isinstance(actor, Actor)
        order.append(actor.name)
        stage.running.discard(actor.name)
    return order


def test_the_passes_of_the_shorter_side_lie_between_the_turns_of_the_longer() -> None:
    stage = Stage()
    light = [Actor(stage, f"light {number}", 0.5) for number in range(3)]
    order = play(stage, (light, 1.0), ([Actor(stage, "full", 1.5)], 0.501))
    assert [name for name, _ in stage.log[:5]] == ["light 0", "full", "light 1", "full", "light 2"]
    assert order == ["light 0", "light 1", "light 2", "full"]


def test_faster_side_ends_and_the_other_continues_alone() -> None:
    stage = Stage()
    sides = ([Actor(stage, "full", 3.0)], 0.5), ([Actor(stage, "light", 0.05)], 0.1)
    assert play(stage, *sides) == ["light", "full"]


def test_side_that_hangs_is_passed_to_the_caller_at_the_timeout() -> None:
    stage = Stage()
    order = play(stage, ([Actor(stage, "hangs", 1e9, limit=3.0)], 0.5), ([Actor(stage, "light", 0.6)], 0.1))
    assert sorted(order) == ["hangs", "light"]


def test_a_single_pass_is_let_run() -> None:
    stage = Stage()
    assert play(stage, ([Actor(stage, "only", 1.0)], 0.1)) == ["only"]
