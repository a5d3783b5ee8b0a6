"""The status of a report: passed, regressed, inconclusive, not measured, or outputs differ."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.errors import Inconclusive, NotMeasured, OutputsDiffer, Regressed
from perfbench.model import Verdict
from perfbench.report.model import Report, Row
from perfbench.report.tables import gate


def check_report_status(report: Report, hint: str = "") -> None:
    """Raise the error of a report that is not all right: OutputsDiffer, Regressed, NotMeasured or Inconclusive.

    A gate passes only if everything is measured and nothing regressed; inconclusive cases fail it where its terms say so.

    :param hint: what to do where not everything is measured.
    """
    if report.outputs_differ:
        raise OutputsDiffer('not every mode gives the same output (see the lines marked "!")')
    terms = report.run.settings.gate
    rows = [row for table in report.tables for row in table.rows if not row.baseline]
    if terms is not None and (breached := sum(bool(row.breaches) for row in rows)):
        raise Regressed(f"the gate failed: {breached} of {len(rows)} cases regressed or exceed a budget")
    if report.incomplete or (terms is not None and not _are_all_measured(report, rows)):
        raise NotMeasured('not everything was measured (see the lines marked "!")', hint=hint)
    if terms is not None and terms.fail_on_inconclusive:
        inconclusive = sum(gate.describe_row_verdict(row) == Verdict.INCONCLUSIVE.value for row in rows)
        if inconclusive:
            cause = f"the gate is inconclusive in {inconclusive} of {len(rows)} cases"
            raise Inconclusive(cause, hint="raise --max-time")


def _are_all_measured(report: Report, rows: Sequence[Row]) -> bool:
    """Whether every comparison that a gate declared has a verdict; a gate without comparisons has measured nothing."""
    declared = len(report.run.duets)
    return declared > 0 and len(rows) == declared and all(map(gate.is_measured, rows))
