"""The status of a report and of each of its cases: ok, regressed, inconclusive, not measured, or outputs differ.

Computed once, by the builder of the report; exit status, tables and formats read it there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfbench.errors import Inconclusive, NotMeasured, OutputsDiffer, Regressed
from perfbench.model import Comparison, OutputMatch, Run, Verdict
from perfbench.report import timings
from perfbench.report.model import CaseStatus, Report, ReportStatus, ReportTable, Row, Status

VERDICT_STATUSES = {
    Verdict.IMPROVED: CaseStatus.IMPROVED,
    Verdict.REGRESSED: CaseStatus.REGRESSED,
    Verdict.UNCHANGED: CaseStatus.UNCHANGED,
    Verdict.INCONCLUSIVE: CaseStatus.INCONCLUSIVE,
}


def classify_gate_case(
    comparison: Comparison | None, same_output: OutputMatch, breaches: Sequence[str], failed: bool
) -> CaseStatus:
    """The status of a comparison of a gate. Without enough pairs for the first look it was not measured."""
    if same_output is OutputMatch.DIFFERENT:
        return CaseStatus.OUTPUT_DIFFERS
    if breaches:
        slower = comparison is not None and comparison.verdict is Verdict.REGRESSED
        return CaseStatus.REGRESSED if slower else CaseStatus.OVER_BUDGET
    if failed or comparison is None or not math.isfinite(comparison.detectable):
        return CaseStatus.NOT_MEASURED
    return VERDICT_STATUSES[comparison.verdict]


def classify_run_case(
    seconds: float | None, same_output: OutputMatch, failed: bool, *, unavailable: bool
) -> CaseStatus:
    """The status of a case without a gate: whether it was measured, with the same output; its speed is no status."""
    if same_output is OutputMatch.DIFFERENT:
        return CaseStatus.OUTPUT_DIFFERS
    if unavailable and not failed:
        return CaseStatus.UNAVAILABLE
    if failed or timings.filter_seconds(seconds) is None:
        return CaseStatus.NOT_MEASURED
    return CaseStatus.MEASURED


def compute_status(run: Run, tables: Sequence[ReportTable]) -> ReportStatus:
    """The status of a report. It fails closed: a gate passes only if every declared comparison has a verdict."""
    policy = run.settings.gate
    all_rows = [row for table in tables for row in table.rows]
    rows = all_rows if policy is None else [row for row in all_rows if not row.baseline]
    missing = tuple(_describe_missing(run, rows))
    if any(row.output_differs for row in all_rows):
        message = 'not every mode gives the same output (see the lines marked "!")'
        return ReportStatus(Status.OUTPUTS_DIFFER, message, missing)
    breached = sum(bool(row.breaches) for row in rows)
    if breached:
        message = f"the gate failed: {breached} of {len(rows)} cases regressed or exceed a budget"
        return ReportStatus(Status.REGRESSED, message, missing)
    if missing or any(row.failed or row.status is CaseStatus.NOT_MEASURED for row in all_rows):
        return ReportStatus(Status.NOT_MEASURED, 'not everything was measured (see the lines marked "!")', missing)
    inconclusive = sum(row.status is CaseStatus.INCONCLUSIVE for row in rows)
    if policy is not None and policy.fail_on_inconclusive and inconclusive:
        return ReportStatus(Status.INCONCLUSIVE, f"the gate is inconclusive in {inconclusive} of {len(rows)} cases")
    return ReportStatus(Status.OK)


def check_report_status(report: Report, hint: str = "") -> None:
    """Raise the error of a report that is not ok: OutputsDiffer, Regressed, NotMeasured or Inconclusive.

    :param hint: what to do where not everything was measured.
    """
    status = report.status
    if status.kind is Status.OUTPUTS_DIFFER:
        raise OutputsDiffer(status.message)
    if status.kind is Status.REGRESSED:
        raise Regressed(status.message)
    if status.kind is Status.NOT_MEASURED:
        raise NotMeasured(status.message, hint=hint)
    if status.kind is Status.INCONCLUSIVE:
        raise Inconclusive(status.message, hint="raise --max-time")


def _describe_missing(run: Run, rows: Sequence[Row]) -> Iterator[str]:
    """What has no row of its own: an empty report must not look like one that passes."""
    yield from run.problems
    if not rows:
        yield "nothing was measured"
    elif run.settings.gate is not None and len(rows) != len(run.duets):
        yield f"{len(run.duets)} comparisons were declared, {len(rows)} were evaluated"
