"""Text table of a gate: a row for each comparison, and below it the reasons for a failure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.environments import labels
from perfbench.gate.budgets import format_budget
from perfbench.model import Comparison, Verdict
from perfbench.report.model import CaseStatus, Report, ReportTable, Row
from perfbench.report.tables.comparison import KNOWN_CHANGES_NOTE, VERDICT_MARKS, format_instructions
from perfbench.report.tables.seconds_columns import choose_seconds_column
from perfbench.report.text import format_row_name
from perfbench.report.text_table import FAILED_MARK, WARNING_PREFIX, TextTable
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.seconds import SecondsColumn

HEADS = ("case", "change", "interval", "seconds", "pairs", "time", "detects ≥", "same output", "verdict")
RANKS: tuple[int, ...] = (0, 0, 8, 5, 2, 1, 3, 7, 0)
"""The order in which a narrow terminal leaves columns out; case, change and verdict are always shown."""

INSTRUCTIONS_RANK, BUDGET_RANK = 4, 9
EXTRA_POSITION = HEADS.index("same output")
"""The position of the columns of instructions and budgets, if there are any."""

BAD_STATUSES = (
    CaseStatus.OUTPUT_DIFFERS,
    CaseStatus.REGRESSED,
    CaseStatus.OVER_BUDGET,
    CaseStatus.NOT_MEASURED,
)


def build_gate_table(report: Report) -> TextTable:
    """The table of a gate, with a row for each of its comparisons."""
    comparisons = [(table, row) for table in report.tables for row in table.rows if not row.baseline]
    seconds = choose_seconds_column(row for _, row in comparisons)
    rows = [_format_row(table, row, seconds) for table, row in comparisons]
    extra = list(_build_extra_columns(report, [row for _, row in comparisons]))
    front, back = slice(None, EXTRA_POSITION), slice(EXTRA_POSITION, None)
    return TextTable(
        title=make_printable(_build_title(report, len(comparisons))),
        heads=tuple(map(make_printable, (*HEADS[front], *(column.head for column in extra), *HEADS[back]))),
        rows=tuple(
            tuple(map(make_printable, (*row[front], *(column.cells[place] for column in extra), *row[back])))
            for place, row in enumerate(rows)
        ),
        below=tuple(map(make_printable, _build_notes(report))),
        compared=False,
        ranks=(*RANKS[front], *(column.rank for column in extra), *RANKS[back]),
    )


@dataclass(frozen=True, slots=True)
class _ExtraColumn:
    head: str
    rank: int
    cells: tuple[str, ...]


def _build_extra_columns(report: Report, rows: Sequence[Row]) -> Iterator[_ExtraColumn]:
    """The instructions if they were counted, and what was measured against each budget."""
    if any(table.counted for table in report.tables):
        yield _ExtraColumn("instructions", INSTRUCTIONS_RANK, tuple(map(format_instructions, rows)))
    policy = report.run.settings.gate
    for budget in policy.budgets if policy is not None else ():
        results = [next((result for result in row.budgets if result.budget == budget), None) for row in rows]
        cells = tuple("" if result is None else result.measured for result in results)
        yield _ExtraColumn(format_budget(budget), BUDGET_RANK, cells)


def _format_row(table: ReportTable, row: Row, seconds: SecondsColumn) -> tuple[str, ...]:
    comparison = row.comparison
    slower = comparison is not None and comparison.verdict is Verdict.REGRESSED
    front = f"{FAILED_MARK} " if row.status in BAD_STATUSES and not slower else ""
    output = row.same_output.value
    if comparison is None:
        return (front + format_row_name(table, row), *[""] * (len(HEADS) - 3), output, row.status.value)
    spent = "" if row.spent is None else f"{row.spent:.0f} s"
    return (
        front + format_row_name(table, row),
        f"{formatting.format_change(comparison.ratio)} {VERDICT_MARKS[comparison.verdict]}",
        formatting.format_change_interval(comparison.low, comparison.high),
        seconds.format_pair(comparison.before, comparison.after),
        str(comparison.pairs),
        spent,
        format_detectable(comparison),
        output,
        row.status.value,
    )


def format_detectable(comparison: Comparison) -> str:
    """The smallest slowdown that this many pairs detect."""
    return f"{comparison.detectable:.1%}" if math.isfinite(comparison.detectable) else formatting.MISSING_TEXT


def _build_title(report: Report, count: int) -> str:
    sides = report.run.settings.environments[0]
    common, names = labels.split_side_names(sides)
    policy = report.run.settings.gate
    allowed = f" · fails above {policy.threshold:.1%} slower" if policy is not None and policy.threshold else ""
    return f"gate · {f'{common} ' if common else ''}{' → '.join(names)} · {formatting.format_plural(count, 'case')}{allowed}"


def _build_notes(report: Report) -> Iterator[str]:
    for table in report.tables:
        for row in table.rows:
            yield from (f"{FAILED_MARK} {format_row_name(table, row)} {breach}" for breach in row.breaches)
            yield from (f"  {line}" for line in row.blame)
            yield from (
                f"{FAILED_MARK} {' '.join(filter(None, (table.scenario, table.data)))}: {note}" for note in row.notes
            )
    changes = dict.fromkeys(table.known_changes for table in report.tables if table.known_changes)
    yield from map(KNOWN_CHANGES_NOTE.format, changes)
    yield from dict.fromkeys(table.counted for table in report.tables if table.counted)
    yield from dict.fromkeys(table.about for table in report.tables)
    yield from dict.fromkeys(
        f"{WARNING_PREFIX}{'; '.join(table.warnings)}" for table in report.tables if table.warnings
    )
    yield describe_gate(report)


def describe_gate(report: Report) -> str:
    """How the gate ended, in a line: ``gate passed: 3 cases (2 unchanged, 1 inconclusive), within memory=5%, peak=200MB``."""
    rows = [row for table in report.tables for row in table.rows if not row.baseline]
    counts = Counter(row.status.value for row in rows)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.items())
    shown = f", {len(rows)} of them shown" if report.hidden else ""
    cases = formatting.format_plural(len(rows) + report.hidden, "case") + shown + (f" ({statuses})" if statuses else "")
    if not report.status.ok:
        return f"gate failed: {cases}"
    policy = report.run.settings.gate
    kept = ", ".join(map(format_budget, policy.budgets)) if policy is not None else ""
    return f"gate passed: {cases}" + (f", within {kept}" if kept else "")
