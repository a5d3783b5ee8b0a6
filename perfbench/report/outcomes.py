"""The outcome of every case of a report (passed, open, failed, error) for CI formats. Fails closed, as the gate does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from perfbench.report import timings
from perfbench.report.model import CaseStatus, Report, ReportTable, Row
from perfbench.report.text import format_row_name
from perfbench.report.timings import filter_seconds
from perfbench.util import formatting
from perfbench.util.formatting import make_printable


class OutcomeKind(Enum):
    """The outcome of a case: in order, undecided, not in order, or not measured."""

    PASSED = "passed"
    OPEN = "open"
    FAILED = "failed"
    ERROR = "error"


OUTCOMES = {
    CaseStatus.OUTPUT_DIFFERS: OutcomeKind.FAILED,
    CaseStatus.REGRESSED: OutcomeKind.FAILED,
    CaseStatus.OVER_BUDGET: OutcomeKind.FAILED,
    CaseStatus.NOT_MEASURED: OutcomeKind.ERROR,
    CaseStatus.UNAVAILABLE: OutcomeKind.OPEN,
    CaseStatus.INCONCLUSIVE: OutcomeKind.OPEN,
    CaseStatus.IMPROVED: OutcomeKind.PASSED,
    CaseStatus.UNCHANGED: OutcomeKind.PASSED,
    CaseStatus.MEASURED: OutcomeKind.PASSED,
}


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """The outcome of one case; ``lines`` explain its ``status``, the most important first.

    ``seconds``: in a gate the wall time of all its pairs, else the median of a pass; None if there are none.
    """

    scenario: str
    name: str
    kind: OutcomeKind
    status: CaseStatus
    lines: tuple[str, ...]
    seconds: float | None

    @property
    def bad(self) -> bool:
        """Whether the case does not pass."""
        return self.kind in (OutcomeKind.FAILED, OutcomeKind.ERROR)


def collect_outcomes(report: Report) -> tuple[CaseOutcome, ...]:
    """Every case in the order of the tables, then, as one more, what could not be measured at all."""
    is_gate = report.run.settings.gate is not None
    shown = [(table, row) for table in report.tables for row in table.rows if not (is_gate and row.baseline)]
    outcomes = [_build_outcome(report, table, row) for table, row in shown]
    missing = tuple(map(make_printable, report.status.missing))
    if missing:
        outcomes.append(
            CaseOutcome(
                "perfbench", "everything was measured", OutcomeKind.ERROR, CaseStatus.NOT_MEASURED, missing, None
            )
        )
    return tuple(outcomes)


def _build_outcome(report: Report, table: ReportTable, row: Row) -> CaseOutcome:
    """The outcome of a comparison of a gate, named as in its table, or of a case of a run."""
    policy = report.run.settings.gate
    kind = OUTCOMES[row.status]
    if policy is not None and policy.fail_on_inconclusive and row.status is CaseStatus.INCONCLUSIVE:
        kind = OutcomeKind.FAILED
    if policy is not None:
        name, details = format_row_name(table, row), (*row.breaches, *row.blame, *row.notes)
    else:
        name = format_row_name(table, row) if table.sides else row.case or format_row_name(table, row)
        details = (*row.notes, row.unavailable)
    return CaseOutcome(
        make_printable(table.scenario),
        timings.format_case_name(name),
        kind,
        row.status,
        tuple(make_printable(line) for line in (*details, _describe_row(row)) if line) or (row.status.value,),
        filter_seconds(row.seconds if policy is None else row.spent),
    )


def _describe_row(row: Row) -> str:
    """The comparison in one line, or the seconds where there is none."""
    comparison = row.comparison
    if comparison is None:
        return formatting.format_seconds(row.seconds) if row.seconds is not None else ""
    seconds = formatting.format_seconds_pair(comparison.before, comparison.after)
    change = f"{formatting.format_change(comparison.ratio)} ({formatting.format_change_interval(comparison.low, comparison.high)})"
    return f"{seconds}, {change}, {formatting.format_plural(comparison.pairs, 'pair')}, {comparison.verdict.value}"
