"""The verdict of a run in a few words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from perfbench.model import Comparison, Verdict
from perfbench.report.model import Report, Status
from perfbench.report.run_subject import is_calibration
from perfbench.report.sweep_report import build_sweep_report
from perfbench.report.tables.comparison import VERDICT_MARKS
from perfbench.sweep.steps import ReleaseStep
from perfbench.util import formatting


def describe_verdict(report: Report) -> str:
    """What came of a run: ``2.3x faster ▲``, ``3 ▲ 1 ?`` of several ratios, ``passed: 2 unchanged``, ``outputs differ``.

    What is not finished, or not in order, comes first; empty for a calibration, whose pairs are alike.
    """
    parts = [] if report.run.finished else ["unfinished"]
    settings, status = report.run.settings, report.status.kind
    if is_calibration(settings):
        return ", ".join(parts)
    if settings.gate is not None:
        return ", ".join([*parts, _describe_gate(report)])
    if status is not Status.OK:
        parts.append(str(status.value))
    if settings.links:
        parts.append(_describe_steps(build_sweep_report(report.run).tested))
    else:
        rows = [row for table in report.tables for row in table.rows if not row.output_differs]
        parts.append(_describe_comparisons([row.comparison for row in rows if row.comparison is not None]))
    return ", ".join(part for part in parts if part) or "measured"


def _describe_gate(report: Report) -> str:
    if report.status.kind is not Status.OK:
        return str(report.status.kind.value)
    rows = (row for table in report.tables for row in table.rows if not row.baseline)
    counts = Counter(row.status.value for row in rows)
    return "passed: " + ", ".join(f"{count} {word}" for word, count in counts.items())


def _describe_comparisons(comparisons: Sequence[Comparison]) -> str:
    """The only comparison with its size, or how many ended in each way."""
    if len(comparisons) == 1:
        ratio, verdict = comparisons[0].ratio, comparisons[0].verdict
        return f"{formatting.format_change(ratio)} {VERDICT_MARKS[verdict]}" if math.isfinite(ratio) else ""
    return _count_verdicts([comparison.verdict for comparison in comparisons])


def _describe_steps(steps: Sequence[ReleaseStep]) -> str:
    marked = _count_verdicts([step.verdict for step in steps if step.significant])
    return f"{marked or 'none marked'} of {formatting.format_plural(len(steps), 'step')}"


def _count_verdicts(verdicts: Sequence[Verdict]) -> str:
    """``3 ▲ 1 ?``, in the order of the marks."""
    counts = Counter(verdicts)
    return " ".join(f"{counts[verdict]} {mark}" for verdict, mark in VERDICT_MARKS.items() if counts[verdict])
