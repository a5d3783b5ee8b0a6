"""The rows that a run has so far, as lines of text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfbench.model import CaseGroup, Result, Run
from perfbench.report import terminal_table, text_table
from perfbench.report.build import build_report
from perfbench.report.model import CaseStatus, Report, ReportTable
from perfbench.report.tables import build_tables
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.report.text_table import FAILED_MARK, TextTable
from perfbench.results import document

PENDING = "…"


def build_lines(
    run: Run, group: CaseGroup, results: Sequence[Result], columns: Sequence[str], *, width: int, color: bool
) -> list[str]:
    """The table of one group with the results so far; of a gate the table of all its cases.

    :param run: the run without results; :param columns: those to show, by default the usual ones.
    """
    report = build_report(_select_group(run, group, results), columns or _choose_columns(group))
    parts = [
        part
        for texts in build_tables(_hide_pending(report))
        for part in terminal_table.build_parts(_shorten(texts, report), width)
    ]
    return text_table.render_text(*parts, width=width, color=color).splitlines() if parts else []


def _choose_columns(group: CaseGroup) -> tuple[str, ...]:
    return SIDE_COLUMNS if len({case.environment for case in group.cases}) > 1 else MODE_COLUMNS


def _select_group(run: Run, group: CaseGroup, results: Sequence[Result]) -> Run:
    if run.settings.gate is not None:
        return document.add_results(run, results)
    own = {case.id for case in group.cases}
    measurements = tuple(measurement for measurement in run.measurements if measurement.case.id in own)
    return document.add_results(replace(run, measurements=measurements, problems=()), results)


def _hide_pending(report: Report) -> Report:
    """The report in which a row that has nothing yet has not failed."""
    return replace(report, tables=tuple(map(_hide_pending_rows, report.tables)), problems=(), figures=())


def _hide_pending_rows(table: ReportTable) -> ReportTable:
    return replace(table, rows=tuple(replace(row, failed=row.failed and bool(row.notes)) for row in table.rows))


def _shorten(texts: TextTable, report: Report) -> TextTable:
    """The table with what failed below it, and without the lines of the end; a case of a gate without a verdict is pending."""
    below = tuple(line for line in texts.below if line.startswith(FAILED_MARK))
    if report.run.settings.gate is None:
        return replace(texts, below=below)
    missing = CaseStatus.NOT_MEASURED.value
    rows = (
        (row[0].removeprefix(f"{FAILED_MARK} "), *row[1:-1], PENDING) if row[-1] == missing else row
        for row in texts.rows
    )
    return replace(texts, rows=tuple(rows), below=())
