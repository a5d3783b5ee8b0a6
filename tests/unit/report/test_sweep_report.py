"""The report of a saved sweep, from made-up pairs, and documents that are none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.extended_sweeps import MARKETS, extend, measure, plan_of, prepare_sweep, sweep_settings
from support.runs import run
from support.sweeps import COSTS, sweep

from perfbench.errors import StorageProblem
from perfbench.model import Run
from perfbench.report import build
from perfbench.report.frames.comparison_rows import list_comparisons
from perfbench.report.sweep_report import build_sweep_report

SPECS = tuple(f"horses=={name}" for name in COSTS)


def swept(**changes: object) -> Run:
    return run(sweep(COSTS, rounds=24), environments=(SPECS,), links="neighbours", rounds=24, **changes)


def test_sweep_without_a_description_of_its_scenario_is_named_after_its_cases() -> None:
    report = build_sweep_report(swept())
    assert report.title == "replay · horses 2.10.0 → 2.23.2"
    assert report.metric == "CPU seconds"
    assert len(report.tested) == len(COSTS) - 1


def test_rows_of_a_sweep_have_its_steps_and_its_releases_in_order() -> None:
    rows = list(list_comparisons(build.build_report(swept(), ())))
    assert [row.environment for row in rows if row.kind == "step"] == list(SPECS[1:])
    releases = [row for row in rows if row.kind == "release"]
    assert {row.environment_before for row in releases} == {SPECS[0]}
    assert [row.ratio for row in releases] == pytest.approx(list(COSTS.values())[1:], rel=0.02)
    assert all(row.before is not None and row.after is not None for row in rows)


def test_rows_of_an_extended_sweep_have_no_seconds_of_two_parts() -> None:
    costs = {"1.0": 1.0, "1.1": 0.8, "1.2": 0.5}
    short = measure(prepare_sweep(sweep_settings("1.0", "1.1"), markets=MARKETS), lambda _, name: costs[name])
    longer = extend(short, plan_of(short, *costs), lambda _, name: 3 * costs[name], name="longer")
    rows = list(list_comparisons(build.build_report(longer, ())))
    steps = [row for row in rows if row.kind == "step"]
    assert [row.data for row in steps] == ["one", "one", "two", "two"]
    for row in steps:
        assert row.before is not None
        assert row.after is not None
        assert row.after / row.before == pytest.approx(row.ratio, rel=0.03)
    assert {row.mode for row in rows} == {"light"}
    assert {row.before for row in rows if row.kind == "release"} == {None}


NO_RELEASES = "its settings name no releases of a sweep"


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        pytest.param(replace(swept(), settings=replace(swept().settings, environments=())), NO_RELEASES, id="nothing"),
        pytest.param(replace(swept(), settings=replace(swept().settings, environments=((),))), NO_RELEASES, id="empty"),
        pytest.param(swept(anchor="horses==9"), "its anchor is none of its releases", id="anchor that is no release"),
    ],
)
def test_document_that_names_no_releases_is_damaged(made: Run, cause: str) -> None:
    with pytest.raises(StorageProblem, match=cause) as raised:
        build_sweep_report(made)
    assert raised.value.hint == "measure it again"
