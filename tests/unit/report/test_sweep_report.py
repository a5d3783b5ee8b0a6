"""The report of a saved sweep, from made-up pairs, and documents that are none."""

from __future__ import annotations

from dataclasses import replace

import pytest
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


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(replace(swept(), settings=replace(swept().settings, environments=())), id="no environments"),
        pytest.param(replace(swept(), settings=replace(swept().settings, environments=((),))), id="no releases"),
        pytest.param(swept(anchor="horses==9"), id="anchor that is no release"),
    ],
)
def test_document_that_names_no_releases_is_damaged(made: Run) -> None:
    with pytest.raises(StorageProblem, match="its settings name no releases of a sweep"):
        build_sweep_report(made)
