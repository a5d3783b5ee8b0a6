"""The table of all cases of a report: a row for each, with its interval on one axis for all of them.

Texts come from the functions of the tables of the terminal; the numbers behind them are attributes of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from perfbench.gate.budgets import format_budget
from perfbench.model import Budget, OutputMatch
from perfbench.report.model import CaseStatus, Report, ReportTable, Row
from perfbench.report.page.blocks import (
    MARK_TONES,
    VERDICT_TONES,
    Cell,
    Head,
    Table,
    TableRow,
    Tone,
    choose_cell_tone,
)
from perfbench.report.page.interval_chart import IntervalAxis, describe_interval, format_confidence
from perfbench.report.tables import comparison as comparison_table
from perfbench.report.tables.comparison import VERDICT_MARKS
from perfbench.report.tables.gate import BAD_STATUSES, format_detectable
from perfbench.report.tables.seconds_columns import choose_seconds_column, format_seconds_cell
from perfbench.report.text_table import FAILED_MARK
from perfbench.util import formatting
from perfbench.util.seconds import SecondsColumn

ANCHOR = "case-{}"
TABLE_NAME = "cases"

OUTPUT_TONES: dict[OutputMatch, Tone] = {OutputMatch.DIFFERENT: "failed", OutputMatch.KNOWN_CHANGES: "unchanged"}


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A row of a report with its table, its number on the page from 1, and what distinguishes it from rows of other tables."""

    number: int
    table: ReportTable
    row: Row
    context: str

    @property
    def anchor(self) -> str:
        """The name of its opened case in the address of the page."""
        return ANCHOR.format(self.number)

    @property
    def name(self) -> str:
        """The mode, with a mark if something is wrong with it."""
        failed = self.row.failed or self.row.output_differs
        return f"{FAILED_MARK} {self.row.mode}" if failed else self.row.mode


def list_cases(report: Report) -> tuple[ListedCase, ...]:
    """Every row of a report in the order of its tables; a gate has only comparisons."""
    is_gate = report.run.settings.gate is not None
    rows = [(table, row) for table in report.tables for row in table.rows if not (is_gate and row.baseline)]
    contexts = {id(table): _describe_context(table, report) for table in report.tables}
    return tuple(ListedCase(number, table, row, contexts[id(table)]) for number, (table, row) in enumerate(rows, 1))


def build_case_table(report: Report, cases: Sequence[ListedCase]) -> Table:
    """The table of cases, which can be sorted and filtered."""
    rows = [case.row for case in cases]
    comparisons = [row.comparison for row in rows if row.comparison is not None]
    axis = (
        IntervalAxis.of(comparisons, [row.claimed for row in rows if row.claimed is not None]) if comparisons else None
    )
    columns = list(_choose_columns(report, rows, axis))
    return Table(
        caption="Cases",
        heads=(Head("case", left=True), *(column.head for column in columns)),
        rows=tuple(
            TableRow((_build_name(case), *(column.build(case) for column in columns)), tuple(list_numbers(case.row)))
            for case in cases
        ),
        filtered=len(cases) > 1,
        name=TABLE_NAME,
    )


def list_numbers(row: Row) -> Iterator[tuple[str, str]]:
    """The numbers of a row as they were computed, by name; without those that are not finite."""
    yield "case", row.case
    yield "status", row.status.value
    if row.case_before:
        yield "case-before", row.case_before
    yield from _format_numbers(
        seconds=row.seconds, rate=row.rate, peak=row.peak_rss_bytes, instructions=row.instructions
    )
    c = row.comparison
    if c is not None:
        yield "verdict", c.verdict.value
        yield "metric", c.metric.name
        yield from _format_numbers(before=c.before, after=c.after, ratio=c.ratio, low=c.low, high=c.high)
        yield from _format_numbers(pairs=c.pairs, sigma=c.sigma, confidence=c.confidence, detectable=c.detectable)


def _format_numbers(**values: float | None) -> Iterator[tuple[str, str]]:
    yield from ((name, repr(value)) for name, value in values.items() if value is not None and math.isfinite(value))


BuildCell = Callable[[ListedCase], Cell]


@dataclass(frozen=True, slots=True)
class _Column:
    head: Head
    build: BuildCell


def _choose_columns(report: Report, rows: Sequence[Row], axis: IntervalAxis | None) -> Iterator[_Column]:
    """The columns after the first; those that would be empty in every row are left out."""
    policy = report.run.settings.gate
    yield _Column(Head(_format_seconds_head(report)), partial(_build_seconds, choose_seconds_column(rows)))
    if axis is not None:
        yield _Column(Head("ratio"), _build_ratio) if policy is None else _Column(Head("change"), _build_change)
        head = Head("interval", figure=axis.draw_head(), sortable=False)
        yield _Column(head, lambda case: _build_interval(case.row, axis, as_change=policy is not None))
    if policy is not None:
        yield _Column(Head("detects ≥"), _build_detectable)
    if any(row.peak_rss_bytes for row in rows):
        yield _Column(Head("peak memory"), _build_memory)
    if any(table.counted for table in report.tables):
        yield _Column(Head("instructions"), _build_instructions)
    for budget in policy.budgets if policy is not None else ():
        yield _Column(Head(format_budget(budget)), partial(_build_budget, budget))
    if any(row.same_output.value for row in rows):
        yield _Column(Head("same output", left=True), _build_output)
    if any(row.claim for row in rows):
        yield _Column(Head("claim", left=True), _build_claim)
    if policy is not None or any(row.status not in (CaseStatus.MEASURED, CaseStatus.OUTPUT_DIFFERS) for row in rows):
        yield _Column(Head("verdict" if policy is not None else "status", left=True), _build_status)


def _build_name(case: ListedCase) -> Cell:
    tone: Tone = "failed" if case.row.failed or case.row.output_differs or case.row.breaches else ""
    note = f"{case.context} · baseline" if case.context and case.row.baseline else case.context
    return Cell(case.name, note or ("baseline" if case.row.baseline else ""), tone=tone, link=f"#{case.anchor}")


def _build_seconds(column: SecondsColumn, case: ListedCase) -> Cell:
    """The seconds of both sides; below them what they come from."""
    row, table = case.row, case.table
    notes = [f"{formatting.format_rate(row.rate)} {table.unit}/s"] if row.rate and not table.sides else []
    if row.comparison is not None:
        notes.append(formatting.format_plural(row.comparison.pairs, "draw" if table.survey else "pair"))
    sort = row.comparison.after if row.comparison else row.seconds
    return Cell(format_seconds_cell(row, column), " · ".join(notes), sort=sort)


def _build_ratio(case: ListedCase) -> Cell:
    """How many times faster or slower, with the interval and the verdict below."""
    row, comparison = case.row, case.row.comparison
    if comparison is None:
        return Cell("")
    mark, slower = VERDICT_MARKS[comparison.verdict], comparison.ratio > 1
    factor = comparison_table.format_factor_cell(row, slower).removesuffix(f" {mark}")
    text = f"{factor} {'slower' if slower else 'faster'} {mark}"
    interval = comparison_table.format_interval_cell(row, slower)
    note = " · ".join(filter(None, (interval, comparison.verdict.value)))
    return Cell(text, note, sort=comparison.ratio, tone=MARK_TONES[mark])


def _build_change(case: ListedCase) -> Cell:
    """The change of a comparison of a gate, with the interval below."""
    comparison = case.row.comparison
    if comparison is None:
        return Cell("")
    mark = VERDICT_MARKS[comparison.verdict]
    interval = formatting.format_change_interval(comparison.low, comparison.high)
    note = f"{interval}, {format_confidence(comparison)}" if interval != formatting.MISSING_TEXT else ""
    change = formatting.format_change(comparison.ratio)
    return Cell(f"{change} {mark}", note, sort=comparison.ratio, tone=MARK_TONES[mark])


def _build_interval(row: Row, axis: IntervalAxis, *, as_change: bool) -> Cell:
    if row.comparison is None:
        return Cell("", figure=axis.draw_nothing("baseline, 1.0" if row.baseline else "no ratio"))
    label = describe_interval(row.comparison, as_change=as_change)
    return Cell("", figure=axis.draw_interval(row.comparison, label, row.claimed))


def _build_detectable(case: ListedCase) -> Cell:
    return Cell("" if case.row.comparison is None else format_detectable(case.row.comparison))


def _build_memory(case: ListedCase) -> Cell:
    return Cell(comparison_table.format_memory_cell(case.row), sort=case.row.peak_rss_bytes)


def _build_instructions(case: ListedCase) -> Cell:
    text, count = comparison_table.format_instructions(case.row), case.row.count
    return Cell(text, sort=count.ratio if count else None, tone=choose_cell_tone(text))


def _build_output(case: ListedCase) -> Cell:
    return Cell(case.row.same_output.value, tone=OUTPUT_TONES.get(case.row.same_output, ""))


def _build_claim(case: ListedCase) -> Cell:
    return Cell(case.row.claim, tone="regressed" if case.row.claim.endswith("refuted") else "")


def _build_budget(budget: Budget, case: ListedCase) -> Cell:
    result = next((result for result in case.row.budgets if result.budget == budget), None)
    if result is None:
        return Cell("")
    return Cell(result.measured, tone="failed" if result.breach else "")


def _build_status(case: ListedCase) -> Cell:
    """The status; of a case of a gate in which nothing is wrong its verdict, with its tone."""
    row = case.row
    if row.status in BAD_STATUSES:
        return Cell(row.status.value, tone="regressed" if row.status is CaseStatus.REGRESSED else "failed")
    if row.comparison is not None and row.status is not CaseStatus.MEASURED:
        return Cell(row.status.value, tone=VERDICT_TONES[row.comparison.verdict])
    return Cell(row.status.value, tone="quiet")


def _format_seconds_head(report: Report) -> str:
    labels = {table.metric_label for table in report.tables}
    return labels.pop() if len(labels) == 1 else "seconds"


def _describe_context(table: ReportTable, report: Report) -> str:
    """The scenario, the market, the parameters and the environment of a table, as far as the tables differ in them."""
    tables = report.tables
    parts = []
    if len({other.scenario for other in tables}) > 1:
        parts.append(table.scenario)
    if len({other.data for other in tables}) > 1:
        parts.append(table.data)
    for name, value in table.parameters:
        if len({dict(other.parameters).get(name) for other in tables}) > 1:
            parts.append(f"{name} {value}")
    environments = {m.case.id: m.case.environment for m in report.run.measurements}
    if not table.sides and table.rows and len(report.run.settings.environments) > 1:
        parts.append(environments.get(table.rows[0].case, ""))
    return " · ".join(part for part in parts if part)
