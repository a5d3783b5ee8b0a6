"""What curves say: made-up ones, of leaks, caches, tables that double, and too few samples."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from perfbench.model import Case
from perfbench.profiling.memory.curve import (
    MemoryCurve,
    build_labels,
    build_title,
    classify_growth,
    compute_peak,
    compute_plateau,
    compute_retained,
    estimate_growth,
)
from perfbench.report.profiles.memory import render_curves

BASE = 30_000_000
WORK = 100_000
ARENA = 1 << 20
Shape = Callable[[float], float]
"""Bytes on top of the base by the share of the pass."""


def curve(shape: Shape, samples: int = 500, noise: float = 0.0, work: int = WORK) -> MemoryCurve:
    """A curve of this shape, whose second half of updates came in a quarter of the time."""
    chance = random.Random(5)
    times = [10 * number / samples for number in range(samples)]
    shares = [time / 15 if time < 7.5 else 0.5 + (time - 7.5) / 5 for time in times]
    rss = [BASE + round(shape(share) + chance.gauss(0, noise)) for share in shares]
    return MemoryCurve(
        case=Case("made_up", "mode", "here", ""),
        unit="updates",
        work=work,
        seconds=10.0,
        times=tuple(times),
        updates=tuple(share * work for share in shares),
        rss=tuple(rss),
        baseline=BASE,
    )


def leak(share: float) -> float:
    return 100e6 * share


def in_arenas(share: float) -> float:
    """Memory comes in steps of an arena."""
    return leak(share) // ARENA * ARENA


def with_peaks(share: float) -> float:
    """A table moves now and then."""
    return leak(share) + (60e6 if int(share * 1000) % 20 == 0 else 0)


def warmed(share: float) -> float:
    return 20e6 * min(1.0, 10 * share)


def filled(share: float) -> float:
    """A cache that is full after two thirds."""
    return 100e6 * min(share, 0.66)


def settling(share: float) -> float:
    return 20e6 * (1 - math.exp(-8 * share))


def one_step(share: float) -> float:
    """A table doubles, once."""
    return 20e6 if share > 0.7 else 10e6


def saw(share: float) -> float:
    """Garbage that is collected ten times."""
    return 20e6 * (10 * share % 1)


@pytest.mark.parametrize("shape", [leak, in_arenas, with_peaks])
def test_a_leak_grows_by_what_it_leaks(shape: Shape) -> None:
    found = curve(shape, noise=50_000)
    assert classify_growth(found) == "grows"
    assert estimate_growth(found) == pytest.approx(1_000_000, rel=0.02)


@pytest.mark.parametrize("shape", [warmed, filled, settling, one_step, saw, lambda _: 0.0])
@pytest.mark.parametrize("noise", [0.0, 300_000.0])
def test_curve_that_levels_off_is_bounded(shape: Shape, noise: float) -> None:
    assert classify_growth(curve(shape, noise=noise)) == "bounded"


def test_leak_on_top_of_a_warm_up_is_detected() -> None:
    assert classify_growth(curve(lambda share: warmed(share) + leak(share) / 5)) == "grows"


def test_leak_below_the_size_of_an_arena_is_not_detected() -> None:
    assert classify_growth(curve(lambda share: 1.5 * ARENA * share)) == "bounded"


def test_few_samples_give_no_verdict_on_growth() -> None:
    found = curve(leak, samples=20)
    assert classify_growth(found) == "too short"
    assert math.isnan(estimate_growth(found))
    assert "too short" in render_curves([found])


def test_growth_is_by_update_however_fast_these_come() -> None:
    by_time = curve(lambda share: 10e6 * (15 * share if share < 0.5 else 7.5 + 5 * (share - 0.5)))
    assert estimate_growth(by_time) == pytest.approx(500_000, rel=0.02)


def test_memory_freed_after_the_last_update_is_ignored() -> None:
    found = curve(leak)
    ended = replace(
        found,
        times=(*found.times, 10.0, 10.0),
        updates=(*found.updates, WORK - 0.5, float(WORK)),
        rss=(*found.rss, BASE, BASE),
    )
    assert estimate_growth(ended) == estimate_growth(found)
    assert compute_plateau(ended) == compute_plateau(found)


def test_the_plateau_is_the_middle_of_the_last_fifth() -> None:
    assert compute_plateau(curve(leak)) == pytest.approx(BASE + 90e6, rel=0.01)
    assert compute_plateau(curve(one_step, noise=50_000)) == pytest.approx(BASE + 20e6, rel=0.01)


def test_the_peak_is_the_kernel_s_where_samples_missed_it() -> None:
    found = curve(leak)
    assert compute_peak(found) == found.peak_bytes
    assert compute_peak(replace(found, hwm_bytes=900_000_000)) == 900_000_000


def test_retained_memory_is_computed_when_the_system_reports_it() -> None:
    assert compute_retained(curve(leak)) is None
    assert compute_retained(replace(curve(leak), after_bytes=BASE - 1000)) == -1000


def test_labels_name_what_is_not_the_same_for_all() -> None:
    found = curve(leak)
    other = replace(found, case=replace(found.case, environment="old"))
    assert build_labels([found]) == ["mode"]
    assert build_labels([found, other]) == ["mode · here", "mode · old"]
    assert build_title([found, other]) == "made_up"


def test_the_table_has_a_row_for_each_case() -> None:
    leaking = replace(curve(leak), after_bytes=BASE + 100_000_000)
    resting = replace(curve(lambda _: 0.0), after_bytes=BASE, case=Case("made_up", "other", "here", ""))
    assert [line.split("   ")[0] for line in render_curves([leaking, resting]).splitlines()[:3]] == [
        "  made_up",
        "  mode",
        "  other",
    ]
    assert render_curves([leaking, resting]).splitlines()[1].split() == (
        "mode 30.0 MB 129.6 MB 119.8 MB +1.0 MB +100.0 MB grows".split()  # noqa: SIM905
    )
