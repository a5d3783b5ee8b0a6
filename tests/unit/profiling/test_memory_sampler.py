"""The memory of real workers, watched from outside: what it costs to keep a book, whose memory it is, and what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.scenarios import scenario_path
from support.watched_tables import CONDITIONS, table_of, trial_of

from perfbench.datasets import resolve
from perfbench.datasets.updates import find_turning_points
from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Market
from perfbench.profiling.memory import sampler
from perfbench.profiling.memory.curve import (
    MemoryCurve,
    classify_growth,
    compute_plateau,
    compute_retained,
    estimate_growth,
)
from perfbench.runner.trial import Conditions
from perfbench.worker import update_hooks

KEPT = sys.getsizeof(bytes(1000)) + 8
"""A book and its place in the list."""

UPDATES = 30_000
needs_vmhwm = pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is a matter of Linux")


@pytest.fixture(scope="module")
def books() -> CaseGroup:
    return table_of("keeps_books")


@pytest.fixture(scope="module")
def watched(books: CaseGroup) -> dict[str, MemoryCurve]:
    marks = [(UPDATES // 2, "in-play"), (UPDATES - 1, "close"), (UPDATES, "never")]
    modes = ("keeps_all", "keeps_some", "keeps_all_itself", "remembers")
    return {mode: sampler.sample_memory(*trial_of(books, mode), CONDITIONS, marks) for mode in modes}


@pytest.mark.parametrize("mode", ["keeps_all", "keeps_all_itself", "remembers"])
def test_a_mode_that_keeps_every_book_grows_by_what_a_book_takes(watched: dict[str, MemoryCurve], mode: str) -> None:
    curve = watched[mode]
    assert classify_growth(curve) == "grows"
    assert estimate_growth(curve) / 1000 == pytest.approx(KEPT, rel=0.05)


def test_a_mode_that_keeps_the_last_books_is_bounded(watched: dict[str, MemoryCurve]) -> None:
    curve = watched["keeps_some"]
    assert classify_growth(curve) == "bounded"
    assert abs(estimate_growth(curve) / 1000) < 0.05 * KEPT
    assert compute_plateau(curve) - curve.baseline == pytest.approx(5000 * KEPT, rel=0.15)


@needs_vmhwm
@pytest.mark.parametrize("mode", ["keeps_all", "keeps_some", "keeps_all_itself", "remembers"])
def test_the_peak_of_the_samples_is_that_of_the_kernel(watched: dict[str, MemoryCurve], mode: str) -> None:
    curve = watched[mode]
    assert curve.hwm_bytes is not None
    assert curve.peak_bytes == pytest.approx(curve.hwm_bytes, rel=0.03)


@needs_vmhwm
def test_retained_memory_is_only_memory_that_outlives_the_pass(watched: dict[str, MemoryCurve]) -> None:
    whole = UPDATES * KEPT
    left = {mode: compute_retained(curve) or 0 for mode, curve in watched.items()}
    assert left["remembers"] == pytest.approx(whole, rel=0.05)
    assert max(left["keeps_all"], left["keeps_all_itself"], left["keeps_some"]) < 0.1 * whole


@pytest.mark.parametrize("mode", ["keeps_all", "keeps_all_itself"])
def test_marks_stand_where_their_update_came(watched: dict[str, MemoryCurve], mode: str) -> None:
    curve = watched[mode]
    in_play, close = curve.marks
    assert (in_play.what, close.what) == ("in-play", "close")
    place = min(range(len(curve.times)), key=lambda sample: abs(curve.times[sample] - in_play.seconds))
    assert curve.updates[place] == pytest.approx(UPDATES / 2, rel=0.05)
    assert in_play.seconds < close.seconds <= curve.seconds


def test_full_collections_of_garbage_are_marked() -> None:
    """Each stands in front of the update in whose making it fell."""
    curve = sampler.sample_memory(
        *trial_of(table_of("collects"), "twice"), CONDITIONS, [(100, "in-play"), (300, "close")]
    )
    assert [mark.what for mark in curve.marks] == ["gc", "in-play", "gc", "close"]
    assert curve.collections == (0, 0, 2)


def test_the_memory_of_children_is_included() -> None:
    curve = sampler.sample_memory(*trial_of(table_of("forks_children"), "in_a_child"), CONDITIONS)
    assert curve.peak_bytes - curve.baseline > 60_000_000
    assert curve.hwm_bytes is None or curve.hwm_bytes < curve.baseline + 30_000_000


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("keeps_and_dies", "the worker was killed by SIGSEGV before it was done"),
        ("keeps_and_fails", "ValueError: no such price at scenarios/keeps_books.py:"),
    ],
)
def test_a_worker_that_breaks_in_the_middle_is_a_failed_trial(books: CaseGroup, mode: str, message: str) -> None:
    with pytest.raises(TrialFailed) as failed:
        sampler.sample_memory(*trial_of(books, mode), CONDITIONS)
    assert str(failed.value).startswith(message)


def test_a_worker_that_hangs_is_ended(books: CaseGroup) -> None:
    with pytest.raises(TrialFailed, match="timed out after 4 s"):
        sampler.sample_memory(*trial_of(books, "hangs"), replace(CONDITIONS, timeout=4.0))


def test_the_backtest_shows_how_far_it_is(sample: Market) -> None:
    scenario = scenario_path("backtest")
    points = find_turning_points(sample)
    found = trial_of(table_of(scenario, sample), "flumine_reader")
    curve = sampler.sample_memory(*found, Conditions(None, 120.0), points)
    assert curve.observed
    assert [mark.what for mark in curve.marks if mark.what != "gc"] == [what for _, what in points]


@pytest.fixture
def sample(tmp_path: Path) -> Market:
    markets, _ = resolve.open_markets("sample-match-odds", tmp_path)
    return markets[0]


def test_market_turns_in_play_at_its_definition(sample: Market) -> None:
    assert find_turning_points(sample) == ((4798, "in-play"), (5999, "close"))


def test_lines_without_market_changes_are_no_updates(tmp_path: Path) -> None:
    def definition(in_play: str, status: str) -> str:
        return (
            f'{{"op":"mcm","pt":1,"mc":[{{"id":"1.1","marketDefinition":{{"inPlay":{in_play},"status":"{status}"}}}}]}}'
        )

    heartbeat, change = '{"op":"mcm","pt":1,"ct":"HEARTBEAT"}', '{"op":"mcm","pt":1,"mc":[{"id":"1.1","spn":NaN}]}'
    lines = [
        definition("false", "OPEN"),
        heartbeat,
        "",
        change,
        definition("true", "OPEN"),
        definition("true", "CLOSED"),
    ]
    path = tmp_path / "market"
    path.write_text("\n".join(lines) + "\n")
    assert find_turning_points(Market("m", str(path), "", 1, 4, 1)) == ((2, "in-play"), (3, "close"))


# What a scenario calls -----------------------------------------------------------------------------------------------


@contextmanager
def told() -> Iterator[list[int]]:
    numbers: list[int] = []
    with update_hooks.install_update_hooks(numbers.append):
        yield numbers


def test_updates_that_nobody_watches_are_the_very_same_object() -> None:
    updates = iter([1, 2])
    assert update_hooks.observed(updates) is updates


def test_observer_is_called_before_each_update_and_at_the_end() -> None:
    with told() as numbers:
        seen = [(update, tuple(numbers)) for update in update_hooks.observed("ab")]
    assert seen == [("a", (0,)), ("b", (0, 1))]
    assert numbers == [0, 1, 2]


def test_several_files_in_one_pass_are_numbered_on() -> None:
    with told() as numbers:
        for file in ("ab", "c"):
            list(update_hooks.observed(file))
    assert numbers == [0, 1, 2, 2, 3]


def test_generator_that_observes_its_input_reports_only_yielded_updates() -> None:
    def mode() -> Iterator[str]:
        yield from ("".join(pair) for pair in zip(*[iter(update_hooks.observed("abcd"))] * 2, strict=True))

    with told() as numbers:
        assert update_hooks.drain_updates(mode()) == 2
    assert numbers == [0, 1, 2]
