"""Two profiles and a measured difference → the functions that made it, on made-up passes whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from perfbench.model import Case
from perfbench.profiling import diff
from perfbench.profiling.model import NO_CALLER, CallCount, Function, Profile, ProfiledPass, Stack
from perfbench.profiling.scaling import TimeDifference

UPDATES = 1000
SAMPLE = 0.0001

COSTS = {
    "json/decoder.py:decode": 0.10,
    "lib/cache.py:update": 0.20,
    "lib/cache.py:serialise": 0.30,
    "lib/cache.py:sort": 0.05,
    "lib/book.py:Book.__init__": 0.25,
    "lib/listener.py:on_data": 0.10,
}
"""Seconds of a pass without a profiler."""

CALLS = dict(zip(COSTS, (1, 4, 4, 1, 10, 1), strict=True))
HOOK = 5e-5
"""What the made-up profiler adds to each call."""


@dataclass(frozen=True)
class Made:
    """One side: what its functions cost, how often each is called an update, and the shapes of those that were edited."""

    costs: Mapping[str, float]
    calls: Mapping[str, float]
    shapes: Mapping[str, str]
    callers: Mapping[str, str]

    def profile(self, passes: int, seed: int, python: str = "3.11.7") -> Profile:
        """Passes as a sampling profiler sees them: on a machine that is up to 5 % slower, with calls that cost more."""
        random = np.random.default_rng(seed)
        keys = list(self.costs)
        functions = tuple(Function(key, _kind(key), 1, self.shapes.get(key, f"shape of {key}")) for key in keys)
        hooked = np.array([self.costs[key] + HOOK * self.calls[key] * UPDATES for key in keys])
        made = []
        for _ in range(passes):
            speed = 1 + 0.05 * random.random()
            samples = random.poisson(hooked * speed / SAMPLE)
            seconds = samples * hooked.sum() * speed / samples.sum()
            stacks = tuple(Stack((number,), value) for number, value in enumerate(seconds))
            whole = float(seconds.sum())
            made.append(ProfiledPass(UPDATES, whole, whole, int(samples.sum()), 0.0, stacks))
        calls = tuple(
            CallCount(
                keys.index(self.callers[key]) if key in self.callers else NO_CALLER,
                number,
                round(self.calls[key] * UPDATES),
            )
            for number, key in enumerate(keys)
        )
        case = Case("replay", "full", "lib==1", "market")
        return Profile(case, "updates", python, "pyinstrument", 0.001, functions, tuple(made), (1.0,), calls)


def _kind(key: str) -> str:
    return "standard" if key.startswith("json/") else "library"


BEFORE = Made(COSTS, CALLS, {}, {})


def side(
    costs: Mapping[str, float] | None = None,
    calls: Mapping[str, float] | None = None,
    edited: tuple[str, ...] = (),
    callers: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
) -> Made:
    """The other side: as before but for this."""
    kept = {key: cost for key, cost in {**COSTS, **(costs or {})}.items() if key not in without}
    often = {key: {**CALLS, **(calls or {})}.get(key, 1) for key in kept}
    return Made(kept, often, {key: f"other {key}" for key in edited}, callers or {})


def blame(after: Made, before: Made = BEFORE, passes: int = 8, seed: int = 1) -> diff.DiffBreakdown:
    """What is said of two sides whose seconds were measured without an error."""
    first, second = sum(before.costs.values()), sum(after.costs.values())
    changed = second - first
    width = 0.002
    measured = TimeDifference(first, second, changed - width, changed + width)
    return diff.diff_profiles(before.profile(passes, seed), after.profile(passes, seed + 1000), measured)


@pytest.mark.parametrize("key", [key for key in COSTS if _kind(key) == "library"])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_a_function_made_slower_stands_first_with_its_seconds(key: str, share: float) -> None:
    found = blame(side({key: COSTS[key] + share}, edited=(key,)))
    assert found.rows[0].key == key
    assert found.rows[0].change == pytest.approx(share, abs=0.012)
    assert found.rows[0].edited
    assert found.anchored


def test_unchanged_function_has_no_row_although_the_profiler_costs_more_than_the_work() -> None:
    slower = {"lib/cache.py:sort": COSTS["lib/cache.py:sort"] + 0.2}
    names = {row.key for row in blame(side(slower, edited=tuple(slower))).rows}
    assert names == {"lib/cache.py:sort"}


def test_table_of_unchanged_profiles_is_empty() -> None:
    found = [blame(side(), seed=seed) for seed in range(200)]
    assert sum(bool(one.rows) for one in found) <= 2


def test_the_rows_and_the_rest_are_the_measured_difference() -> None:
    found = blame(
        side({"lib/cache.py:update": 0.35, "lib/book.py:Book.__init__": 0.1}, edited=("lib/cache.py:update",))
    )
    assert sum(row.change for row in found.rows) + found.rest == pytest.approx(found.difference.seconds)
    assert {row.key: row.change > 0 for row in found.rows}["lib/cache.py:update"]
    assert not {row.key: row.change > 0 for row in found.rows}["lib/book.py:Book.__init__"]


def test_function_called_twice_as_often_shows_its_calls_and_its_caller() -> None:
    key, caller = "lib/cache.py:sort", "lib/cache.py:update"
    before = side(callers={key: caller})
    after = side({key: 2 * COSTS[key]}, {key: 2 * CALLS[key]}, (caller,), {key: caller})
    found = blame(after, before)
    assert found.rows[0].key == key
    assert (found.rows[0].calls_before, found.rows[0].calls_after) == (1, 2)
    assert found.rows[0].edited is False
    assert [(one.key, one.before, one.after) for one in found.rows[0].callers] == [(caller, 1, 2)]


def test_functions_that_appeared_and_vanished_are_rows() -> None:
    gone, new = "lib/cache.py:serialise", "lib/fast.py:serialise"
    found = blame(side({new: 0.1}, edited=(new,), without=(gone,)))
    assert {row.key: row.presence for row in found.rows} == {gone: "gone", new: "new"}
    assert found.rows[0].change == pytest.approx(-0.3, rel=0.2)


def test_a_function_that_was_only_renamed_is_no_difference() -> None:
    old, new = "lib/cache.py:serialise", "lib/cache.py:to_book"
    after = side({new: COSTS[old]}, {new: CALLS[old]}, without=(old,))
    found = blame(replace(after, shapes={new: f"shape of {old}"}))
    assert not found.rows


def test_a_function_that_was_renamed_and_made_slower_is_one_row_with_both_names() -> None:
    old, new = "lib/cache.py:serialise", "lib/cache.py:to_book"
    after = side({new: COSTS[old] + 0.2}, {new: CALLS[old]}, without=(old,))
    found = blame(replace(after, shapes={new: f"shape of {old}"}))
    assert [(row.key, row.was) for row in found.rows] == [(new, old)]


def test_time_in_the_standard_library_belongs_to_its_caller() -> None:
    names = (
        ("lib/listener.py:on_data", "library"),
        ("json/decoder.py:decode", "standard"),
        ("lib/cache.py:update", "library"),
    )
    functions = tuple(Function(key, kind, 1, key) for key, kind in names)

    calls = (CallCount(NO_CALLER, 0, UPDATES), CallCount(0, 1, UPDATES), CallCount(NO_CALLER, 2, UPDATES))

    def profile(decoding: float) -> Profile:
        stacks = (Stack((0,), 0.1), Stack((0, 1), decoding), Stack((2,), 0.8))
        made = ProfiledPass(UPDATES, 0.9 + decoding, 0.9 + decoding, 10000, 0.0, stacks)
        return Profile(
            Case("r", "m", "e", "d"), "updates", "3.11", "pyinstrument", 0.001, functions, (made,) * 5, (1.0,), calls
        )

    found = diff.diff_profiles(profile(0.5), profile(0.7), TimeDifference(1.4, 1.6, 0.19, 0.21))
    assert [row.key for row in found.rows] == ["lib/listener.py:on_data"]
    assert found.rows[0].change == pytest.approx(0.2)


def test_sides_are_scaled_to_their_own_seconds_when_nearly_everything_changed() -> None:
    every = tuple(key for key in COSTS if _kind(key) == "library")
    found = blame(side({key: COSTS[key] / 3 for key in every}, edited=every))
    assert not found.anchored
    assert sum(row.change for row in found.rows) == pytest.approx(found.difference.seconds, rel=0.03)


def test_single_pass_per_side_is_tested_by_its_samples() -> None:
    key = "lib/cache.py:update"
    assert blame(side({key: 0.4}, edited=(key,)), passes=1).rows[0].key == key
    assert not blame(side(), passes=1).rows


def test_difference_without_call_counts_is_not_anchored() -> None:
    """A function of the same code that is called half as often costs half as much: it would set a wrong scale."""
    key = "lib/book.py:Book.__init__"
    measured = TimeDifference(1.0, 0.875, -0.126, -0.124)
    before, after = BEFORE.profile(8, 1), side({key: COSTS[key] / 2}, {key: CALLS[key] / 2}).profile(8, 2)
    found = diff.diff_profiles(replace(before, calls=()), replace(after, calls=()), measured)
    assert not found.anchored
    assert found.rows[0].change < 0


def test_calls_that_cost_the_profiler_far_more_than_the_program_are_scaled_to_what_was_measured() -> None:
    """Ten calls more of a cheap function: the profiler sees six times what they cost."""
    key = "lib/listener.py:on_data"
    after = side({key: COSTS[key] + 0.1}, {key: CALLS[key] + 10}, edited=(key,))
    found = blame(after)
    assert [row.key for row in found.rows] == [key]
    assert found.rows[0].change == pytest.approx(0.1, abs=0.01)


def test_edited_function_of_equal_cost_has_no_row() -> None:
    every = tuple(key for key in COSTS if _kind(key) == "library")[:2]
    found = [blame(side(edited=every), seed=seed) for seed in range(100)]
    assert sum(bool(one.rows) for one in found) <= 3


@pytest.mark.parametrize("swapped", [False, True])
def test_root_frame_of_older_profile_is_matched_with_its_present_name(swapped: bool) -> None:
    """The worker's loop was renamed; its time is a change of one function, not of one gone and one new."""
    older, current = "perfbench/worker/profiling.py:drained", "perfbench/worker/cpu_profile_pass.py:drain_mode"
    names = (current, older) if swapped else (older, current)
    sides = [
        Made({**COSTS, name: cost}, {**CALLS, name: 0.001}, {name: f"code of {name}"}, {})
        for name, cost in zip(names, (0.1, 0.3), strict=True)
    ]
    breakdown = blame(sides[1], before=sides[0])
    (row,) = breakdown.rows
    assert (row.key, row.was, row.presence) == (names[1], names[0], "")
    assert row.change == pytest.approx(0.2, abs=0.012)
