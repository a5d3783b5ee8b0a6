"""Announced speed-ups: what they speak of, and what a measurement says about them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfbench.model import Claim, Comparison, Metric, MetricComparison, Run, Value, Verdict
from perfbench.stats.instructions import CountComparison


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A piece of advice against what was measured: from ``claim.before`` to ``mode``, which is the advised one or the better one.

    Values are in the unit of the metric; ``ratio`` is after / before with its interval, no number where a value is zero. Without a
    ``verdict`` nothing was measured. ``doc`` says what the mode does.
    """

    claim: Claim
    mode: str
    doc: str
    metric: Metric
    before: float | None = None
    after: float | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict | None = None
    better: ClaimResult | None = None

    @property
    def gain(self) -> float:
        """How many times better it is."""
        return self.ratio if self.metric.better == "higher" else 1 / self.ratio if self.ratio else math.inf

    @property
    def best(self) -> float:
        """The end of the interval of the gain that speaks for the advice."""
        return self.high if self.metric.better == "higher" else 1 / self.low if self.low > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """One case of a table, or one case before and another after. Seconds are medians; None is what was not measured.

    ``seconds`` and ``startup_seconds`` are of the metric that counts and of CPU, ``wall_seconds`` of passes that ran alone,
    ``rate`` in units of work a second, ``peak_rss_bytes`` of a process of its own, ``peak_before`` that of the case before.
    ``same_output`` is ``yes``, ``no``, ``known changes``, ``floor`` or empty where there is nothing to compare with; ``claim`` is
    the judgement of an announced speed-up; ``notes`` say what failed or differs. In a gate, ``spent`` are the seconds that its
    pairs took by the clock, and ``breaches`` what it does not let pass. ``instructions`` are those of a pass, ``count`` how they
    compare with those of the case before. ``case`` is the id of the case, or of the one after. ``blame`` says, a line each, which
    functions a regression comes from. ``unavailable`` says what this machine lacks for the mode, empty if nothing.
    ``reported`` are the numbers of the scenario's own metrics, in their order.
    """

    mode: str
    doc: str
    baseline: bool
    seconds: float | None
    wall_seconds: float | None
    startup_seconds: float | None
    rate: float | None
    peak_rss_bytes: float | None
    comparison: Comparison | None
    same_output: str
    failed: bool
    notes: tuple[str, ...] = ()
    peak_before: float | None = None
    claim: str = ""
    spent: float | None = None
    breaches: tuple[str, ...] = ()
    instructions: float | None = None
    count: CountComparison | None = None
    case: str = ""
    blame: tuple[str, ...] = ()
    unavailable: str = ""
    reported: tuple[MetricComparison, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The rows of one scenario on one market; ``about`` says what was measured, ``doubts`` what makes it doubtful.

    ``sides`` are the names of the environments that are compared, empty where modes are; ``known`` names the announced changes of
    content that explain different outputs; ``counted`` says how instructions were counted; ``advice`` has the verdicts on what the
    scenario is about.
    """

    scenario: str
    data: str
    parameters: tuple[tuple[str, Value], ...]
    unit: str
    metric: str
    work: int | None
    rounds: int
    rows: tuple[Row, ...]
    about: str
    doubts: tuple[str, ...]
    sides: tuple[str, ...] = ()
    known: str = ""
    counted: str = ""
    advice: tuple[ClaimResult, ...] = ()

    @property
    def baseline(self) -> Row | None:
        """The row that the others are compared with."""
        return next((row for row in self.rows if row.baseline), None)


@dataclass(frozen=True, slots=True)
class Report:
    """A run and its tables; ``problems`` are what could not be measured at all, ``columns`` what to show of a row."""

    run: Run
    tables: tuple[ReportTable, ...]
    problems: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def outputs_differ(self) -> bool:
        """Whether any mode gave other output than its baseline."""
        return any(row.same_output == "no" for table in self.tables for row in table.rows)

    @property
    def incomplete(self) -> bool:
        """Whether something that was asked for is missing."""
        return bool(self.problems) or any(row.failed for table in self.tables for row in table.rows)
