"""What became of every case of a report, for programs that know passed and failed only. Fails closed, as the gate does. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from perfbench import formatting, gate_table, timings
from perfbench.formatting import printable
from perfbench.model import Verdict
from perfbench.report import Report, ReportTable, Row


class Kind(Enum):
    """How a case ends: measured and in order, not told, measured and not in order, not measured."""

    PASSED = "passed"
    OPEN = "open"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case. ``verdict`` is a word or two, ``lines`` say it in full, the weightiest first.

    ``seconds``: in a gate what all its pairs took by the clock, else the median of a pass; None if there are none.
    """

    scenario: str
    name: str
    kind: Kind
    verdict: str
    lines: tuple[str, ...]
    seconds: float | None

    @property
    def bad(self) -> bool:
        """Whether the case does not pass."""
        return self.kind in (Kind.FAILED, Kind.ERROR)


def outcomes(report: Report) -> tuple[Outcome, ...]:
    """Every case in the order of the tables; behind them, as one more, what could not be measured at all."""
    gate = report.run.settings.gate is not None
    shown = [(table, row) for table in report.tables for row in table.rows if not (gate and row.baseline)]
    found = [_judged(report, table, row) if gate else _measured(table, row) for table, row in shown]
    lacking = tuple(map(printable, _lacking(report, found)))
    if lacking:
        found.append(
            Outcome("perfbench", "everything was measured", Kind.ERROR, gate_table.NOT_MEASURED, lacking, None)
        )
    return tuple(found)


def _lacking(report: Report, found: Sequence[Outcome]) -> Iterator[str]:
    """What has no row of its own: an empty report must not look like a passed one."""
    yield from report.problems
    if not found:
        yield "nothing was measured"
    elif report.run.settings.gate is not None and len(found) != len(report.run.duets):
        yield f"{len(report.run.duets)} comparisons were declared, {len(found)} were judged"


def _judged(report: Report, table: ReportTable, row: Row) -> Outcome:
    """A comparison of a gate, which is called as in the table of the gate."""
    verdict = gate_table.verdict(row)
    terms = report.run.settings.gate
    if verdict == gate_table.NOT_MEASURED:
        kind = Kind.ERROR
    elif row.breaches or row.same_output == "no":
        kind = Kind.FAILED
    elif verdict == Verdict.INCONCLUSIVE.value:
        kind = Kind.FAILED if terms is not None and terms.fail_on_inconclusive else Kind.OPEN
    else:
        kind = Kind.PASSED
    lines = tuple(printable(line) for line in (*row.breaches, *row.blame, *row.notes, _told(row)) if line)
    return Outcome(
        printable(table.scenario),
        printable(gate_table.name(table, row)),
        kind,
        verdict,
        lines or (verdict,),
        _sound(row.spent),
    )


def _measured(table: ReportTable, row: Row) -> Outcome:
    """A case of a run without a gate: no speed is judged there, only whether it was measured and did the same work."""
    if row.same_output == "no":
        kind, verdict = Kind.FAILED, "other output"
    elif row.unavailable and not row.failed:
        kind, verdict = Kind.OPEN, "not available here"
    elif row.failed or _sound(row.seconds) is None:
        kind, verdict = Kind.ERROR, gate_table.NOT_MEASURED
    else:
        kind, verdict = Kind.PASSED, "measured"
    name = gate_table.name(table, row) if table.sides else row.case or gate_table.name(table, row)
    lines = tuple(printable(line) for line in (*row.notes, row.unavailable, _told(row)) if line)
    return Outcome(
        printable(table.scenario), timings.name(name), kind, verdict, lines or (verdict,), _sound(row.seconds)
    )


def _sound(seconds: float | None) -> float | None:
    """Seconds that a clock can have counted."""
    return seconds if seconds is not None and timings.SHORTEST <= seconds <= timings.LONGEST else None


def _told(row: Row) -> str:
    """The comparison in one line, or the seconds where there is none."""
    comparison = row.comparison
    if comparison is None:
        return formatting.seconds(row.seconds) if row.seconds is not None else ""
    seconds = f"{formatting.seconds(comparison.before)} → {formatting.seconds(comparison.after)}"
    change = f"{formatting.change(comparison.ratio)} ({formatting.changes(comparison.low, comparison.high)})"
    return f"{seconds}, {change}, {formatting.plural(comparison.pairs, 'pair')}, {comparison.verdict.value}"
