"""A case that is opened on a page: its figures, its numbers, its notes, and what its output differs in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from perfbench.environments import labels
from perfbench.model import METRICS, Comparison, Measurement, MetricComparison, Run
from perfbench.report import output_match
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.page import market_chart
from perfbench.report.page.blocks import (
    VERDICT_TONES,
    Block,
    Cell,
    Facts,
    Figures,
    FirstDifference,
    Fold,
    Head,
    Line,
    Lines,
    Table,
    TableRow,
    choose_cell_tone,
)
from perfbench.report.page.case_table import ListedCase
from perfbench.report.page.comparison_charts import draw_comparison
from perfbench.report.page.interval_chart import describe_interval, format_confidence
from perfbench.report.page.pair_charts import ComparedPairs
from perfbench.report.tables import comparison as comparison_table
from perfbench.report.tables.comparison import VERDICT_MARKS, format_metric_heading
from perfbench.report.tables.seconds_columns import format_seconds_cell
from perfbench.report.text_table import FAILED_MARK
from perfbench.stats import pairs
from perfbench.stats.comparison import choose_confidence
from perfbench.stats.verdict_bounds import MIN_EFFECT
from perfbench.util import formatting

OPENED_FROM_START = 1
"""A page with no more cases than this shows them opened."""


def build_opened_cases(report: Report, cases: Sequence[ListedCase]) -> tuple[Fold, ...]:
    """A fold for each case that was measured, in the order of the table."""
    measurements = {measurement.case.id: measurement for measurement in report.run.measurements}
    compared = sum(case.row.comparison is not None for case in cases)
    return tuple(_build_fold(report, case, measurements, opened=compared <= OPENED_FROM_START) for case in cases)


def _build_fold(report: Report, case: ListedCase, measurements: Mapping[str, Measurement], *, opened: bool) -> Fold:
    row, comparison = case.row, case.row.comparison
    before, after = measurements.get(row.case_before), measurements.get(row.case)
    blocks: list[Block] = []
    facts = tuple(_list_facts(report, case))
    if comparison is not None and before is not None and after is not None and case.table.survey is None:
        figures = draw_comparison(collect_pairs(report, case, before, after, comparison))
        blocks.append(Figures(figures, facts) if figures else Facts(facts))
    else:
        blocks += [*_draw_markets(case), Facts(facts)]
    blocks += list(_list_notes(row))
    if after is not None:
        blocks += list(build_differences(after, before, case.table.sides))
    blocks += list(_build_metrics(row))
    name = f"{row.case_before} → {row.case}" if row.case_before else row.case
    blocks.append(Facts((("case", name),), wide=True))
    result = None
    if comparison is not None:
        text = describe_interval(comparison, as_change=report.run.settings.gate is not None)
        result = Line(text, VERDICT_TONES[comparison.verdict])
    note = " · ".join(filter(None, (case.context, "baseline" if row.baseline else "")))
    opened = opened and comparison is not None
    return Fold(case.name, tuple(blocks), anchor=case.anchor, note=note, result=result, opened=opened)


def collect_pairs(
    report: Report, case: ListedCase, before: Measurement, after: Measurement, comparison: Comparison
) -> ComparedPairs:
    """The pairs of a case, from the samples and by the functions that its ratio comes from."""
    run, metric = report.run, comparison.metric.name
    names = _name_sides(case.table, before, after)
    if run.paired:
        used = comparison.pairs  # a gate leaves out the pairs after its last look
        logs = pairs.compute_log_ratios(before.samples, after.samples, metric)[:used]
        firsts, seconds = (side[:used] for side in pairs.pair_values(before.samples, after.samples, metric))
    else:
        logs = []
        firsts, seconds = (pairs.select_values(side.samples, metric, "duet", "alone") for side in (before, after))
    level, smallest = choose_level(run, comparison)
    return ComparedPairs(
        comparison=comparison,
        ratios=tuple(math.exp(value) for value in logs),
        before_seconds=tuple(firsts),
        after_seconds=tuple(seconds),
        before=names[0],
        after=names[1],
        metric=METRICS[metric].label,
        level=level,
        smallest=smallest,
    )


def choose_level(run: Run, comparison: Comparison) -> tuple[float, float]:
    """The one-sided level of the interval of a comparison, and the change treated as none."""
    policy = run.settings.gate
    if policy is not None:
        return (1 - comparison.confidence) / 2, max(MIN_EFFECT, policy.threshold)
    return (1 - choose_confidence(run.settings)) / 2, MIN_EFFECT


def _name_sides(table: ReportTable, before: Measurement, after: Measurement) -> tuple[str, str]:
    """The names of both sides: their environments, or their modes."""
    if table.sides:
        names = dict(zip(table.sides, labels.split_side_names(table.sides)[1], strict=True))
        sides = names.get(before.case.environment, ""), names.get(after.case.environment, "")
        if before.case.mode != after.case.mode:
            return f"{before.case.mode} {sides[0]}", f"{after.case.mode} {sides[1]}"
        return sides
    return before.case.mode, after.case.mode


def _draw_markets(case: ListedCase) -> Iterator[Block]:
    """The markets of a corpus by strata, where the case is of one."""
    survey = case.table.survey
    pairs_of_survey = survey.pairs if survey is not None else ()
    pair = next((pair for pair in pairs_of_survey if pair.label == case.row.mode), None)
    yield from market_chart.draw_markets(pair) if pair is not None else ()


def _list_facts(report: Report, case: ListedCase) -> Iterator[tuple[str, str]]:
    """Names and values of a case, without those that it does not have."""
    row, table = case.row, case.table
    values = (
        ("what it does", row.doc),
        (table.metric_label, format_seconds_cell(row)),
        *(_list_comparison_facts(report, case, row.comparison) if row.comparison is not None else ()),
        ("throughput", f"{formatting.format_rate(row.rate)} {table.unit}/s" if row.rate else ""),
        ("peak memory", comparison_table.format_memory_cell(row)),
        ("wall time (solo)", formatting.format_seconds(row.wall_seconds) if row.wall_seconds else ""),
        ("startup CPU", formatting.format_seconds(row.startup_seconds) if row.startup_seconds else ""),
        ("instructions", comparison_table.format_instructions(row)),
        ("announced speed-up", row.claim),
        ("same output", row.same_output.value),
    )
    yield from ((name, value) for name, value in values if value)


def _list_comparison_facts(report: Report, case: ListedCase, comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "ratio after ÷ before", _format_ratio(comparison)
    yield "verdict", f"{VERDICT_MARKS[comparison.verdict]} {comparison.verdict.value}"
    yield "draws" if report.run.corpus else "pairs", formatting.format_count(comparison.pairs)
    if math.isfinite(comparison.sigma):
        name = "scatter of the markets" if case.table.survey else "scatter of a pair (σ)"
        yield name, f"{100 * comparison.sigma:.2f} %"
    if comparison.part:
        yield "part that regressed", comparison.part


def _format_ratio(comparison: Comparison) -> str:
    if not (comparison.low > 0 and math.isfinite(comparison.high)):
        return f"{comparison.ratio:.4f}, too few pairs for an interval"
    return f"{comparison.ratio:.4f}, {format_confidence(comparison)} interval {comparison.low:.4f} to {comparison.high:.4f}"


def _list_notes(row: Row) -> Iterator[Block]:
    failed = [Line(f"{FAILED_MARK} {note}", "failed") for note in dict.fromkeys((*row.breaches, *row.notes))]
    lacking = [Line(row.unavailable, "quiet")] if row.unavailable else []
    warnings = [
        Line(f"warning: {warning.what} {warning.detail}".strip(), "inconclusive")
        for warning in (row.comparison.warnings if row.comparison is not None else ())
    ]
    if failed or lacking or warnings:
        yield Lines((*failed, *lacking, *warnings))


def build_differences(
    after: Measurement, before: Measurement | None, sides: Sequence[str], title: str = "First difference of the output"
) -> Iterator[FirstDifference]:
    """The first difference of the outputs side by side, from the case before and from run to run."""
    difference = output_match.find_difference(after, before)
    names = ("before", "after")
    if before is not None:
        names = (before.case.environment, after.case.environment) if sides else (before.case.mode, after.case.mode)
    if difference is not None and not difference.changes:
        place = f"{difference.item} {difference.update:,}, {difference.where}"
        yield FirstDifference(title, place, (names[0], difference.before), (names[1], difference.after))
    for side in (before, after):
        unstable = side.instability if side is not None else None
        if side is not None and unstable is not None:
            place = f"{unstable.item} {unstable.update:,}, {unstable.where}"
            sides_of = ("one run", unstable.before), ("another run", unstable.after)
            yield FirstDifference(f"{side.case.mode}: the output differs from run to run", place, *sides_of)


def _build_metrics(row: Row) -> Iterator[Table]:
    """The metrics that the scenario reports itself, of this case."""
    if not row.reported:
        return
    names, places = ["before", "after", "change"], slice(None)
    if all(number.before is None for number in row.reported):  # of a baseline, which is compared with nothing
        names, places = ["value"], slice(0, 3, 2)
    yield Table(
        caption="The scenario's own metrics",
        heads=(Head("metric", left=True), *map(Head, names)),
        rows=tuple(
            TableRow(_build_metric_cells(number)[places], _list_metric_numbers(number)) for number in row.reported
        ),
    )


def _build_metric_cells(number: MetricComparison) -> tuple[Cell, ...]:
    unit = number.metric.unit
    before = "" if number.before is None else formatting.format_amount(number.before, unit)
    mark = f" {VERDICT_MARKS[number.verdict]}" if number.verdict is not None else ""
    change = formatting.format_share(number.ratio) if math.isfinite(number.ratio) else ""
    interval = ""
    if math.isfinite(number.low) and math.isfinite(number.high):
        interval = f"{formatting.format_share(number.low)} to {formatting.format_share(number.high)}"
    text = f"{change}{mark}"
    return (
        Cell(format_metric_heading(number.metric)),
        Cell(before),
        Cell(formatting.format_amount(number.after, unit)),
        Cell(text, interval, tone=choose_cell_tone(text)),
    )


def _list_metric_numbers(number: MetricComparison) -> tuple[tuple[str, str], ...]:
    values = {
        "before": number.before,
        "after": number.after,
        "ratio": number.ratio,
        "low": number.low,
        "high": number.high,
    }
    finite = [(name, repr(value)) for name, value in values.items() if value is not None and math.isfinite(value)]
    return (("metric", number.metric.name), *finite)
