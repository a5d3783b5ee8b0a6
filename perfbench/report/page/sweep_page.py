"""The page of a sweep over releases or commits: its trajectory, a row for each release, and the significant steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from perfbench.model import METRICS, Comparison, Measurement, Run
from perfbench.report.page import curve_charts
from perfbench.report.page.blocks import (
    VERDICT_TONES,
    Block,
    Facts,
    Figures,
    Fold,
    Line,
    Page,
    Section,
    Table,
    TableRow,
    build_lines,
    build_text_table,
)
from perfbench.report.page.comparison_charts import draw_comparison
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.interval_chart import describe_interval
from perfbench.report.page.pair_charts import ComparedPairs
from perfbench.report.page.run_page import build_commands_section, describe_run, embed_run
from perfbench.report.plots.axes import SweepChart
from perfbench.report.sweep_report import SweepReport, build_sweep_report, find_scenario
from perfbench.stats import pairs, signed_rank
from perfbench.sweep import subject
from perfbench.sweep.steps import CONFIDENCE, ReleaseStep, SamplingPlan
from perfbench.sweep.trajectory import ModeTrajectory
from perfbench.util import formatting


def build_sweep_page(run: Run) -> Page:
    """The page of a saved sweep."""
    report = build_sweep_report(run)
    chart = SweepChart(report.title, report.metric, report.source, report.trajectory)
    swept = subject.read_subject(run)
    return Page(
        title=f"{swept.subject} {swept.names[0]} → {swept.names[-1]}".strip(),
        window=run.id,
        sentence=_build_sentence(run, chart),
        more=tuple(map(_describe_end, chart.trajectory.lines)),
        warnings=tuple(_list_warnings(run, chart)),
        about=describe_run(run),
        sections=tuple(_build_sections(run, report, chart)),
        documents=(embed_run(run),),
    )


def _build_sentence(run: Run, chart: SweepChart) -> Line:
    trajectory = chart.trajectory
    significant = [step for step in trajectory.steps if step.significant]
    slower = sum(step.ratio > 1 for step in significant)
    market = " and ".join(market.name for market in run.data)
    on = f" on {market}" if market else ""
    releases = formatting.format_plural(len(trajectory.releases), "release")
    steps = formatting.format_plural(len(significant), "significant step")
    words = f": {len(significant) - slower} faster, {slower} slower" if significant else ""
    return Line(f"{find_scenario(run)[0]}{on} over {releases}: {steps} of {len(trajectory.steps)}{words}.")


def _describe_end(line: ModeTrajectory) -> str:
    """The cost of the last release that was measured, relative to the reference."""
    measured = [point for point in line.points if point.relative is not None]
    if not measured or measured[-1].relative is None:
        return f"{line.mode} was not measured."
    last = measured[-1]
    interval = formatting.format_change_interval(last.low, last.high)
    return f"{line.mode}: {last.release} against {line.reference} {formatting.format_change(measured[-1].relative)} ({interval})."


def _list_warnings(run: Run, chart: SweepChart) -> Iterator[Line]:
    if not run.finished:
        yield Line("this run is not finished; --resume continues it", "inconclusive")
    for problem in run.problems:
        yield Line(problem, "failed")
    missing = [release for release in chart.trajectory.releases if release.problem]
    for release in missing:
        yield Line(f"{release.name}: {release.problem}", "failed")
    for warning in run.warnings:
        yield Line(warning, "inconclusive")


def _build_sections(run: Run, report: SweepReport, chart: SweepChart) -> Iterator[Section]:
    texts = report.build_table()
    table = _add_numbers(build_text_table(texts, "Releases"), chart)
    figure: tuple[Block, ...] = (curve_charts.draw_trajectory(chart),)
    yield Section("trajectory", "Cost over the releases", figure if chart.trajectory.steps else ())
    lead = "Seconds are medians; each step is measured in pairs with its neighbour, or with the anchor."
    yield Section("releases", "Releases", (table, build_lines(texts.below)), lead)
    folds = tuple(_build_folds(run, report))
    if folds:
        yield Section("steps", "Significant steps", folds, "The pairs behind each step.")
    yield build_environment_section(run)
    yield build_commands_section(run)


def _add_numbers(table: Table, chart: SweepChart) -> Table:
    """The table with the numbers of its rows as they were computed: cost and step of each mode, by the number of the mode.

    A release that was measured again has a second row, whose numbers are the seconds of that.
    """
    rows, cells = [], iter(table.rows)
    for number, release in enumerate(chart.trajectory.releases):
        data = [("release", release.name)]
        points = [line.points[number] for line in chart.trajectory.lines]
        for place, point in enumerate(points):
            values = {"seconds": point.seconds, "relative": point.relative}
            if point.relative is not None:
                values |= {"low": point.low, "high": point.high}
            if point.step is not None:
                values |= {"step": point.step.ratio, "step-low": point.step.low, "step-high": point.step.high}
            data += [(f"{name}-{place}", repr(v)) for name, v in values.items() if v is not None and math.isfinite(v)]
        rows.append(TableRow(next(cells).cells, tuple(data)))
        again = [(f"seconds-{place}", repr(p.again)) for place, p in enumerate(points) if p.again is not None]
        if again:
            rows.append(TableRow(next(cells).cells, (("release", release.name), *again)))
    return Table(table.caption, table.heads, tuple(rows), filtered=True, name="releases")


def _build_folds(run: Run, report: SweepReport) -> Iterator[Fold]:
    measurements = {measurement.case.id: measurement for measurement in run.measurements}
    for step in report.trajectory.steps:
        if step.significant and step.cases is not None:
            before, after = (measurements[case] for case in step.cases)
            yield _build_fold(step, before, after, report.plan)


def _build_fold(step: ReleaseStep, before: Measurement, after: Measurement, plan: SamplingPlan) -> Fold:
    """A step with its pairs; without their figures where both releases were only paired with the anchor."""
    metric = pairs.choose_metric((*before.samples, *after.samples), after.metric)
    logs = pairs.compute_log_ratios(before.samples, after.samples, metric) if step.paired else []
    firsts, seconds = pairs.pair_values(before.samples, after.samples, metric)
    comparison = Comparison(
        metric=METRICS[metric],
        before=median(firsts) if firsts else math.nan,
        after=median(seconds) if seconds else math.nan,
        ratio=step.ratio,
        low=step.low,
        high=step.high,
        pairs=step.pairs,
        sigma=signed_rank.compute_sigma(logs) if len(logs) > 1 else math.nan,
        verdict=step.verdict,
        confidence=CONFIDENCE,
    )
    shown = ComparedPairs(
        comparison=comparison,
        ratios=tuple(math.exp(value) for value in logs),
        before_seconds=tuple(firsts) if step.paired else (),
        after_seconds=tuple(seconds) if step.paired else (),
        before=step.before,
        after=step.after,
        metric=METRICS[metric].label,
        level=(1 - plan.confidence) / 2,
    )
    facts = (
        ("p-value", f"{step.p_value:.2g}"),
        ("pairs" if step.paired else "pairs with the anchor per release", str(step.pairs)),
        ("same output", str(step.output) or formatting.MISSING_TEXT),
    )
    figures = draw_comparison(shown)
    block = Figures(figures, facts) if figures else Facts(facts)
    result = Line(describe_interval(comparison, as_change=True), VERDICT_TONES[step.verdict])
    return Fold(f"{step.before} → {step.after}", (block,), note=step.mode, result=result)
