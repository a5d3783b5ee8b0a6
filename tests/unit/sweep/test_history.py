"""Histories over releases: a chain of ratios that were measured in pairs, and nothing across a gap."""

from __future__ import annotations

import itertools
import math

import pytest
from support.sweeps import COSTS, FIXED, sweep

from perfbench.sweep.history import ReleaseEdge, build_history, find_disagreements, sort_releases
from perfbench.sweep.steps import compute_standard_error
from perfbench.sweep.trajectory import SweepRelease, build_trajectory


def edge(before: str, after: str, ratio: float, error: float = 0.01, run: str = "r") -> ReleaseEdge:
    return ReleaseEdge(before, after, ratio, error, run)


def test_history_of_one_sweep_is_its_trajectory() -> None:
    releases = [SweepRelease(name, f"horses=={name}") for name in COSTS]
    (line,) = build_trajectory(releases, sweep(COSTS), FIXED, lambda _before, _after: "").lines
    steps = [point.step for point in line.points if point.step is not None]
    edges = [edge(step.before, step.after, step.ratio, compute_standard_error(step, FIXED)) for step in steps]
    points = build_history(edges, list(COSTS))
    assert [point.release for point in points] == [point.release for point in line.points]
    for chained, measured in zip(points, line.points, strict=True):
        assert (chained.relative, chained.low, chained.high) == pytest.approx(
            (measured.relative, measured.low, measured.high)
        )


def test_run_extends_a_sweep_from_the_release_that_both_have() -> None:
    edges = [edge("1", "2", 0.5, run="sweep"), edge("2", "3", 0.8, run="later")]
    points = build_history(edges, ["1", "2", "3"])
    assert [round(point.relative, 6) for point in points] == [1.0, 0.5, 0.4]
    assert points[-1].runs == ("sweep", "later")


def test_most_precise_chain_wins_over_a_direct_but_vague_comparison() -> None:
    edges = [edge("1", "3", 0.9, 0.2), edge("1", "2", 0.5, 0.01), edge("2", "3", 0.8, 0.01)]
    last = build_history(edges, ["1", "2", "3"])[-1]
    assert last.relative == pytest.approx(0.4)
    assert math.log(last.high / last.low) == pytest.approx(2 * 1.959964 * math.hypot(0.01, 0.01), rel=1e-4)


def test_comparison_against_the_order_of_releases_is_turned_round() -> None:
    (_, last) = build_history([edge("2", "1", 2.0)], ["1", "2"])
    assert last.relative == pytest.approx(0.5)


def test_releases_without_a_chain_to_the_others_are_left_out() -> None:
    edges = [edge("1", "2", 0.5), edge("3", "4", 0.5), edge("4", "5", 0.5)]
    assert [point.release for point in build_history(edges, list("12345"))] == ["3", "4", "5"]


def test_comparison_without_an_interval_is_no_link() -> None:
    assert build_history([edge("1", "2", 0.5, math.inf)], ["1", "2"]) == ()


@pytest.mark.parametrize("order", list(itertools.permutations(["2.9.0", "2.10.0", "2.24.0"])))
def test_releases_are_in_the_order_of_their_versions(order: tuple[str, ...]) -> None:
    assert sort_releases(order) == ["2.9.0", "2.10.0", "2.24.0"]


def test_commits_stay_as_they_come() -> None:
    assert sort_releases(["c0ffee1234", "a1b2c3d4e5", "c0ffee1234"]) == ["c0ffee1234", "a1b2c3d4e5"]


def test_measurements_that_differ_beyond_their_errors_are_named() -> None:
    same = [edge("1", "2", 0.50, run="a"), edge("1", "2", 0.505, run="b")]
    other = [*same, edge("1", "2", 0.6, run="c")]
    assert find_disagreements(same) == ()
    assert [(first.run, second.run) for first, second in find_disagreements(other)] == [("a", "c"), ("b", "c")]
