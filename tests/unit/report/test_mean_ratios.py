"""Geometric means over market files in a report: which rows they are made of, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.runs import gated, measurement, run, sides_of

from perfbench.model import Measurement, OutputDifference, Run
from perfbench.report import build
from perfbench.report.formats import markdown, terminal
from perfbench.report.model import MeanRatio

STEADY = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99]
WAVERING = [1.01 * second if place % 2 else second / 1.01 for place, second in enumerate(STEADY)]


def on_file(data: str, factor: float, mode: str = "fast") -> list[Measurement]:
    """A baseline and a mode that takes ``factor`` times as long, on one market file."""
    own = [measurement("slow", STEADY, baseline=True), measurement(mode, [factor * seconds for seconds in WAVERING])]
    return [replace(side, case=replace(side.case, data=data)) for side in own]


def means_of(made: Run) -> tuple[MeanRatio, ...]:
    return build.build_report(made, ()).means


def files(*factors: float) -> list[Measurement]:
    return [side for number, factor in enumerate(factors) for side in on_file(f"file-{number}", factor)]


def test_mean_of_a_mode_is_geometric_over_its_files() -> None:
    (mean,) = means_of(run(files(0.5, 0.125)))
    assert mean.mean.ratio == pytest.approx(0.25)
    assert (mean.mode, mean.data, mean.left_out) == ("fast", ("file-0", "file-1"), ())
    assert 0.24 < mean.mean.low < 0.25 < mean.mean.high < 0.26


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(run(files(0.5)), id="one file"),
        pytest.param(run([measurement("slow", STEADY, baseline=True), measurement("fast", STEADY)]), id="no file"),
        pytest.param(gated(sides_of("a", STEADY, STEADY), sides_of("b", STEADY, STEADY)), id="a gate"),
    ],
)
def test_run_without_several_files_has_no_mean(made: Run) -> None:
    assert not means_of(made)


def test_environments_that_are_compared_have_a_mean_for_each_mode() -> None:
    def both(data: str, mode: str, factor: float) -> Sequence[Measurement]:
        pair = sides_of(mode, STEADY, [factor * seconds for seconds in STEADY])
        return [replace(side, case=replace(side.case, data=data)) for side in pair]

    made = [
        side
        for data, factor in (("one", 0.5), ("two", 0.125))
        for mode in ("light", "full")
        for side in both(data, mode, factor)
    ]
    duets = tuple((first.case.id, second.case.id) for first, second in zip(made[::2], made[1::2], strict=True))
    report = build.build_report(replace(run(made, environments=(("old", "new"),)), duets=duets), ())
    assert [(mean.mode, round(mean.mean.ratio, 6)) for mean in report.means] == [("light", 0.25), ("full", 0.25)]
    assert "made_up · old → new · geometric mean of 2 files" in terminal.render(report)


def test_environments_that_are_measured_apart_have_means_of_their_own() -> None:
    made = [
        replace(side, case=replace(side.case, environment=place))
        for place, factor in (("old==1", 0.5), ("new==2", 0.25))
        for data in ("one", "two")
        for side in on_file(data, factor)
    ]
    report = build.build_report(run(made, environments=(("old==1",), ("new==2",))), ())
    assert {mean.environment: round(mean.mean.ratio, 6) for mean in report.means} == {"old==1": 0.5, "new==2": 0.25}
    text = terminal.render(report)
    assert "made_up · old==1 · geometric mean of 2 files" in text
    assert "made_up · new==2 · geometric mean of 2 files" in text


def test_values_of_a_parameter_have_means_of_their_own() -> None:
    made = [
        replace(side, case=replace(side.case, parameters=(("window", window),)))
        for window, factor in ((10, 0.5), (100, 0.25))
        for data in ("one", "two")
        for side in on_file(data, factor)
    ]
    assert [(dict(mean.parameters)["window"], round(mean.mean.ratio, 6)) for mean in means_of(run(made))] == [
        (10, 0.5),
        (100, 0.25),
    ]


def test_row_with_other_output_is_left_out_of_the_mean_and_named() -> None:
    made = files(0.5, 0.5, 0.001)
    difference = OutputDifference(7, "price", "1", "2", against=made[4].case.id)
    made[5] = replace(made[5], differences=(difference,))
    report = build.build_report(run(made), ())
    (mean,) = report.means
    assert mean.mean.ratio == pytest.approx(0.5)
    assert mean.left_out == ("file-2",)
    assert "fast: without file-2, which has no ratio to take the mean of" in terminal.render(report)


def test_mean_has_no_interval_where_a_file_has_too_few_pairs() -> None:
    made = files(0.5, 0.5)
    made[3] = replace(made[3], samples=made[3].samples[:3])
    report = build.build_report(run(made), ())
    (mean,) = report.means
    assert not mean.mean.is_bounded
    text = terminal.render(report)
    assert "no interval where a file has too few pairs for one" in text
    assert "2.0x ?" in text.partition("geometric mean of 2 files")[2]


def test_two_saved_runs_side_by_side_have_a_mean_without_an_interval() -> None:
    report = build.build_report(replace(run(files(0.5, 0.125)), paired=False), ())
    (mean,) = report.means
    assert mean.mean.ratio == pytest.approx(0.25, rel=0.05)
    assert not mean.mean.is_bounded
    assert "no interval, because what changed between the two runs is in every file" in terminal.render(report)


def test_mean_of_slower_modes_is_headed_slower_and_in_markdown_too() -> None:
    report = build.build_report(run(files(2.0, 8.0)), ())
    assert "| mode | slower | 95 % interval |" in markdown.render(report).partition("geometric mean")[2]
    assert "4.0x ▼" in markdown.render(report)
