"""Histories of saved runs: only comparisons of the same thing are chained, and each run counts once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.extended_sweeps import MARKETS, measure, prepare_sweep, sweep_settings
from support.runs import run, sides_of
from support.sweeps import COSTS, sweep

from perfbench.model import Environment, Market, Run
from perfbench.report import build
from perfbench.report.release_history import MeasuredEdge, build_histories, collect_edges, list_release_order
from perfbench.report.sweep_result import read_trajectory

SECONDS = [1.0 + 0.001 * (n % 5) for n in range(24)]


def comparison(before: str, after: str, ratio: float = 0.5, **changes: str) -> Run:
    """A run that compares two releases of a package; ``mode``, ``python``, ``content`` of the market and ``other`` requirements."""
    mode, other = changes.get("mode", "full"), changes.get("other", "")
    specs = tuple(" ".join(filter(None, (f"tool=={release}", other))) for release in (before, after))
    sides = sides_of(mode, SECONDS, [ratio * value for value in SECONDS])
    sides = [
        replace(m, case=replace(m.case, environment=spec, data="market")) for m, spec in zip(sides, specs, strict=True)
    ]
    market = Market("market", "", changes.get("content", "c0ffee"), 1, 1, 1)
    environments = tuple(Environment(spec, "python", changes.get("python", "3.11.7")) for spec in specs)
    made = run(sides, environments=(specs,))
    return replace(
        made,
        id=f"{before} to {after}",
        data=(market,),
        environments=environments,
        duets=((sides[0].case.id, sides[1].case.id),),
    )


def edges_of(*runs: Run) -> list[MeasuredEdge]:
    return [edge for made in runs for edge in collect_edges(build.build_report(made, ()))]


def test_runs_that_share_a_release_are_chained() -> None:
    (history,) = build_histories(edges_of(comparison("2.9", "2.10", 0.5), comparison("2.10", "2.11", 0.8)))
    ((mode, points),) = history.lines
    assert (mode, history.key.title) == ("full", "tool · made_up · market · Python 3.11")
    assert [(point.release, round(point.relative, 3)) for point in points] == [
        ("2.9", 1.0),
        ("2.10", 0.5),
        ("2.11", 0.4),
    ]


@pytest.mark.parametrize("difference", [{"content": "other"}, {"python": "3.13.1"}, {"other": "orjson==3"}])
def test_other_markets_pythons_and_requirements_are_other_histories(difference: dict[str, str]) -> None:
    histories = build_histories(edges_of(comparison("1", "2"), comparison("2", "3", 0.5, **difference)))
    assert [len(history.releases) for history in histories] == [2, 2]


def test_modes_are_lines_of_one_history() -> None:
    (history,) = build_histories(edges_of(comparison("1", "2"), comparison("1", "2", mode="light")))
    assert [mode for mode, _ in history.lines] == ["full", "light"]


def test_patch_release_of_a_python_is_the_same_python() -> None:
    (history,) = build_histories(edges_of(comparison("1", "2"), comparison("2", "3", python="3.11.9")))
    assert history.releases == ("1", "2", "3")


def test_runs_that_disagree_are_named() -> None:
    first, second = comparison("1", "2", 0.5), replace(comparison("1", "2", 0.6), id="later")
    (history,) = build_histories(edges_of(first, second))
    assert history.disagreements == ("full: 1 → 2 is 0.500 in 1 to 2 and 0.600 in later",)


def test_sweep_and_run_are_chained_and_the_sweep_keeps_its_numbers() -> None:
    specs = tuple(f"tool=={name}" for name in COSTS)
    measurements = [
        replace(
            m,
            case=replace(
                m.case, scenario="made_up", mode="full", environment=m.case.environment.replace("horses", "tool")
            ),
        )
        for m in sweep(COSTS)
    ]
    environments = tuple(Environment(spec, "python", "3.11.7") for spec in specs)
    swept = replace(run(measurements, environments=(specs,), links="neighbours", rounds=24), environments=environments)
    swept = replace(swept, data=(Market("market", "", "c0ffee", 1, 1, 1),))
    (history,) = build_histories(edges_of(swept, comparison("2.23.2", "2.24.0", 0.5)), list_release_order(swept))
    ((_, points),) = history.lines
    (line,) = read_trajectory(swept)[0].lines
    assert [point.relative for point in points[:-1]] == pytest.approx([point.relative for point in line.points])
    assert points[-1].relative == pytest.approx(0.5 * points[-2].relative)


def test_every_market_of_a_sweep_is_a_history_of_its_own() -> None:
    swept = measure(prepare_sweep(sweep_settings("1.0", "1.1"), markets=MARKETS), lambda _, name: float(name))
    histories = build_histories(edges_of(swept), list_release_order(swept))
    assert sorted((history.key.data, history.key.content, history.lines[0][0]) for history in histories) == [
        ("one", "1" * 12, "light"),
        ("two", "2" * 12, "light"),
    ]


def test_two_saved_runs_side_by_side_and_modes_have_no_history() -> None:
    assert edges_of(replace(comparison("1", "2"), paired=False)) == []
    assert edges_of(run(sides_of("full", SECONDS, SECONDS)[:1])) == []
