"""What a gate found as texts: one table for all its cases, and below it why it is not passed. No format knows another's."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfbench.environments import labels
from perfbench.model import Comparison, Verdict
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.tables.comparison import FAILED_MARK, VERDICT_MARKS, format_instructions
from perfbench.report.text_table import TextTable
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

HEADS = ("case", "change", "interval", "seconds", "pairs", "took", "sees from", "same output", "verdict")
INSTRUCTIONS_POSITION = HEADS.index("same output")
"""Where the column of instructions stands, if they were counted."""

NOT_MEASURED_TEXT = "not measured"


def build_gate_table(report: Report) -> TextTable:
    """The table of a gate. Each row is a comparison that it judges."""
    found = [(table, row) for table in report.tables for row in table.rows if not row.baseline]
    rows = [_format_row(table, row) for table, row in found]
    heads: tuple[str, ...] = HEADS
    if any(table.counted for table in report.tables):
        heads = (*HEADS[:INSTRUCTIONS_POSITION], "instructions", *HEADS[INSTRUCTIONS_POSITION:])
        counts = (format_instructions(row) for _, row in found)
        rows = [
            (*row[:INSTRUCTIONS_POSITION], count, *row[INSTRUCTIONS_POSITION:])
            for row, count in zip(rows, counts, strict=True)
        ]
    return TextTable(
        title=make_printable(_build_title(report, len(found))),
        heads=heads,
        rows=tuple(tuple(map(make_printable, row)) for row in rows),
        below=tuple(map(make_printable, _build_notes(report))),
        compared=False,
    )


def describe_row_verdict(row: Row) -> str:
    """How the gate judges a case, in a word or two."""
    if row.same_output == "no":
        return "other output"
    if row.breaches:
        only_slower = row.comparison is not None and row.comparison.verdict is Verdict.REGRESSED
        return "regressed" if only_slower else "over budget"
    if not is_measured(row) or row.comparison is None:
        return NOT_MEASURED_TEXT
    return row.comparison.verdict.value


def is_measured(row: Row) -> bool:
    """Whether a comparison has all that a verdict takes: nothing failed, and pairs enough for one look."""
    return not row.failed and row.comparison is not None and math.isfinite(row.comparison.detectable)


def format_row_name(table: ReportTable, row: Row) -> str:
    """What a case is called: ``replay lightweight PRO-1.170258213:4000``."""
    values = (f"{name}={value}" for name, value in table.parameters)
    return " ".join(part for part in (table.scenario, row.mode, table.data, *values) if part)


def _format_row(table: ReportTable, row: Row) -> tuple[str, ...]:
    comparison = row.comparison
    bad = row.breaches or row.same_output == "no" or not is_measured(row)
    front = f"{FAILED_MARK} " if bad and not (comparison and comparison.verdict is Verdict.REGRESSED) else ""
    output = row.same_output
    if comparison is None:
        return (front + format_row_name(table, row), *[""] * (len(HEADS) - 3), output, describe_row_verdict(row))
    spent = "" if row.spent is None else f"{row.spent:.0f} s"
    return (
        front + format_row_name(table, row),
        f"{formatting.format_change(comparison.ratio)} {VERDICT_MARKS[comparison.verdict]}",
        formatting.format_change_interval(comparison.low, comparison.high),
        f"{formatting.format_seconds(comparison.before)} → {formatting.format_seconds(comparison.after)}",
        str(comparison.pairs),
        spent,
        _format_detectable(comparison),
        output,
        describe_row_verdict(row),
    )


def _format_detectable(comparison: Comparison) -> str:
    """The smallest change that so many pairs would have shown."""
    return f"± {comparison.detectable:.1%}" if math.isfinite(comparison.detectable) else formatting.MISSING_TEXT


def _build_title(report: Report, count: int) -> str:
    sides = report.run.settings.environments[0]
    common, names = labels.split_side_names(sides)
    terms = report.run.settings.gate
    allowed = f" · slower by more than {terms.threshold:.1%} fails" if terms is not None and terms.threshold else ""
    return f"gate · {f'{common} ' if common else ''}{' → '.join(names)} · {formatting.format_plural(count, 'case')}{allowed}"


def _build_notes(report: Report) -> Iterator[str]:
    for table in report.tables:
        for row in table.rows:
            yield from (f"{FAILED_MARK} {format_row_name(table, row)} {breach}" for breach in row.breaches)
            yield from (f"  {line}" for line in row.blame)
            yield from (
                f"{FAILED_MARK} {' '.join(filter(None, (table.scenario, table.data)))}: {note}" for note in row.notes
            )
    known = dict.fromkeys(table.known for table in report.tables if table.known)
    yield from (f"known changes: {text}; with them undone on both sides the outputs agree" for text in known)
    yield from dict.fromkeys(table.counted for table in report.tables if table.counted)
    yield from dict.fromkeys(table.about for table in report.tables)
    yield from dict.fromkeys(f"doubtful: {'; '.join(table.doubts)}" for table in report.tables if table.doubts)
