"""What became of every case of a report, for programs that know passed and failed only. Fails closed, as the gate does. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from perfbench.model import Verdict
from perfbench.report import timings
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.tables.gate import NOT_MEASURED_TEXT, describe_row_verdict, format_row_name
from perfbench.util import formatting
from perfbench.util.formatting import make_printable


class OutcomeKind(Enum):
    """How a case ends: measured and in order, not told, measured and not in order, not measured."""

    PASSED = "passed"
    OPEN = "open"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What became of one case. ``verdict`` is a word or two, ``lines`` say it in full, the weightiest first.

    ``seconds``: in a gate what all its pairs took by the clock, else the median of a pass; None if there are none.
    """

    scenario: str
    name: str
    kind: OutcomeKind
    verdict: str
    lines: tuple[str, ...]
    seconds: float | None

    @property
    def bad(self) -> bool:
        """Whether the case does not pass."""
        return self.kind in (OutcomeKind.FAILED, OutcomeKind.ERROR)


def collect_outcomes(report: Report) -> tuple[CaseOutcome, ...]:
    """Every case in the order of the tables; behind them, as one more, what could not be measured at all."""
    gate = report.run.settings.gate is not None
    shown = [(table, row) for table in report.tables for row in table.rows if not (gate and row.baseline)]
    found = [
        _build_gate_outcome(report, table, row) if gate else _build_run_outcome(table, row) for table, row in shown
    ]
    lacking = tuple(map(make_printable, _describe_missing(report, found)))
    if lacking:
        found.append(
            CaseOutcome("perfbench", "everything was measured", OutcomeKind.ERROR, NOT_MEASURED_TEXT, lacking, None)
        )
    return tuple(found)


def _describe_missing(report: Report, found: Sequence[CaseOutcome]) -> Iterator[str]:
    """What has no row of its own: an empty report must not look like a passed one."""
    yield from report.problems
    if not found:
        yield "nothing was measured"
    elif report.run.settings.gate is not None and len(found) != len(report.run.duets):
        yield f"{len(report.run.duets)} comparisons were declared, {len(found)} were judged"


def _build_gate_outcome(report: Report, table: ReportTable, row: Row) -> CaseOutcome:
    """A comparison of a gate, which is called as in the table of the gate."""
    verdict = describe_row_verdict(row)
    terms = report.run.settings.gate
    if verdict == NOT_MEASURED_TEXT:
        kind = OutcomeKind.ERROR
    elif row.breaches or row.same_output == "no":
        kind = OutcomeKind.FAILED
    elif verdict == Verdict.INCONCLUSIVE.value:
        kind = OutcomeKind.FAILED if terms is not None and terms.fail_on_inconclusive else OutcomeKind.OPEN
    else:
        kind = OutcomeKind.PASSED
    lines = tuple(make_printable(line) for line in (*row.breaches, *row.blame, *row.notes, _describe_row(row)) if line)
    return CaseOutcome(
        make_printable(table.scenario),
        make_printable(format_row_name(table, row)),
        kind,
        verdict,
        lines or (verdict,),
        _filter_seconds(row.spent),
    )


def _build_run_outcome(table: ReportTable, row: Row) -> CaseOutcome:
    """A case of a run without a gate: no speed is judged there, only whether it was measured and did the same work."""
    if row.same_output == "no":
        kind, verdict = OutcomeKind.FAILED, "other output"
    elif row.unavailable and not row.failed:
        kind, verdict = OutcomeKind.OPEN, "not available here"
    elif row.failed or _filter_seconds(row.seconds) is None:
        kind, verdict = OutcomeKind.ERROR, NOT_MEASURED_TEXT
    else:
        kind, verdict = OutcomeKind.PASSED, "measured"
    name = format_row_name(table, row) if table.sides else row.case or format_row_name(table, row)
    lines = tuple(make_printable(line) for line in (*row.notes, row.unavailable, _describe_row(row)) if line)
    return CaseOutcome(
        make_printable(table.scenario),
        timings.format_case_name(name),
        kind,
        verdict,
        lines or (verdict,),
        _filter_seconds(row.seconds),
    )


def _filter_seconds(seconds: float | None) -> float | None:
    """Seconds that a clock can have counted."""
    return seconds if seconds is not None and timings.MIN_SECONDS <= seconds <= timings.MAX_SECONDS else None


def _describe_row(row: Row) -> str:
    """The comparison in one line, or the seconds where there is none."""
    comparison = row.comparison
    if comparison is None:
        return formatting.format_seconds(row.seconds) if row.seconds is not None else ""
    seconds = f"{formatting.format_seconds(comparison.before)} → {formatting.format_seconds(comparison.after)}"
    change = f"{formatting.format_change(comparison.ratio)} ({formatting.format_change_interval(comparison.low, comparison.high)})"
    return f"{seconds}, {change}, {formatting.format_plural(comparison.pairs, 'pair')}, {comparison.verdict.value}"
