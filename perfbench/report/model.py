"""A report as frozen dataclasses: its status, its tables and rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from perfbench.gate.budgets import BudgetResult
from perfbench.model import (
    CPU_SECONDS,
    METRICS,
    REPORTED_SECONDS,
    Comparison,
    MetricComparison,
    OutputMatch,
    Run,
    Value,
    Verdict,
)
from perfbench.report.claim_result import ClaimResult
from perfbench.report.survey_model import SurveySummary
from perfbench.stats.geometric_mean import RatioInterval
from perfbench.stats.instructions import CountComparison
from perfbench.sweep.crossover import RatioCurve


class CaseStatus(str, Enum):
    """The result of one case; the values are the words of tables and exports. The first that applies wins."""

    OUTPUT_DIFFERS = "output differs"
    REGRESSED = "regressed"
    OVER_BUDGET = "over budget"
    UNAVAILABLE = "not available here"
    NOT_MEASURED = "not measured"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"
    MEASURED = "measured"

    def __str__(self) -> str:
        return self.value


class Status(Enum):
    """The result of a whole report. The first that applies wins."""

    OUTPUTS_DIFFER = "outputs differ"
    REGRESSED = "regressed"
    NOT_MEASURED = "not measured"
    INCONCLUSIVE = "inconclusive"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """The status of a report with its message (empty if ok); ``missing`` lists what has no row of its own."""

    kind: Status
    message: str = ""
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the report passes."""
        return self.kind is Status.OK


@dataclass(frozen=True, slots=True)
class Row:
    """One case of a table, or one case before and another after. Seconds are medians; None is what was not measured.

    ``seconds`` and ``startup_seconds`` are of the metric of the table and of CPU, ``wall_seconds`` of passes that ran alone,
    ``rate`` in units of work a second, ``peak_rss_bytes`` of a process of its own, ``peak_before`` that of the case before.
    ``claim`` is the result of an announced speed-up, ``claimed`` its ratio after / before; ``notes`` are failures and differences.
    In a gate, ``spent`` is the wall time of all its pairs in seconds, and ``breaches`` are the regressions and exceeded budgets.
    ``instructions`` are those of a pass, ``count`` their comparison with the case before. ``case`` is the id of the case, or of the
    one after, ``case_before`` that before, empty for a baseline. ``blame`` names, a line each, the functions behind a regression.
    ``unavailable`` names what this machine lacks for the mode, empty if nothing.
    ``reported`` are the scenario's own metrics, in their order; ``budgets`` what was measured against each budget of a gate.
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
    same_output: OutputMatch
    failed: bool
    status: CaseStatus
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
    budgets: tuple[BudgetResult, ...] = ()
    case_before: str = ""
    claimed: float | None = None

    @property
    def output_differs(self) -> bool:
        """Whether its output differs from that of the case before, beyond known changes."""
        return self.same_output is OutputMatch.DIFFERENT


def label_metric(metric: str, *, is_program: bool) -> str:
    """A metric in prose: ``CPU seconds``, as the seconds are too that perfbench reports for a program."""
    return CPU_SECONDS.label if is_program and metric == REPORTED_SECONDS.name else METRICS[metric].label


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The rows of one scenario on one market; ``about`` describes how it was measured, ``warnings`` are reasons not to trust it.

    ``sides`` are the names of the environments that are compared, empty where modes are; ``known_changes`` names the announced
    output changes that explain different outputs; ``counted`` describes how instructions were counted; ``advice`` has the
    results of the advice that the scenario is about. ``survey`` is the summary of a corpus, whose rows have its total seconds.
    ``is_program``: it is the user's own program, not a scenario.
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
    warnings: tuple[str, ...]
    sides: tuple[str, ...] = ()
    known_changes: str = ""
    counted: str = ""
    advice: tuple[ClaimResult, ...] = ()
    survey: SurveySummary | None = None
    is_program: bool = False

    @property
    def baseline(self) -> Row | None:
        """The row that the others are compared with."""
        return next((row for row in self.rows if row.baseline), None)

    @property
    def metric_label(self) -> str:
        """The metric in prose: ``CPU seconds``."""
        return label_metric(self.metric, is_program=self.is_program)

    @property
    def parameter_texts(self) -> tuple[str, ...]:
        """``window=10``, one text per parameter."""
        return tuple(f"{name}={value}" for name, value in self.parameters)


@dataclass(frozen=True, slots=True)
class Figure:
    """The modes of one scenario on one market, over the values of ``parameter``; all other parameters are ``fixed``.

    ``reference`` is what the ratios are relative to, a mode or an environment; ``environment`` is empty where there is one only.
    """

    scenario: str
    data: str
    environment: str
    fixed: tuple[tuple[str, Value], ...]
    parameter: str
    metric: str
    reference: str
    curves: tuple[RatioCurve, ...]

    @property
    def title(self) -> str:
        """``ring · market · key 3 · over periods``."""
        fixed = (f"{name} {value}" for name, value in self.fixed)
        parts = (self.scenario, self.data, self.environment, *fixed, f"over {self.parameter}")
        return " · ".join(part for part in parts if part)

    @property
    def ylabel(self) -> str:
        """The label of the axis of ratios: a cost, so that less is better."""
        return f"{METRICS[self.metric].label} relative to {self.reference}, below 1 is faster"

    @property
    def logarithmic(self) -> bool:
        """Whether the axis of the values is logarithmic."""
        return all(curve.logarithmic for curve in self.curves)

    @property
    def values(self) -> tuple[float, ...]:
        """The values of the parameter, in order."""
        return tuple(sorted({point.value for curve in self.curves for point in curve.points}))

    @property
    def ratios(self) -> tuple[float, ...]:
        """Everything that the axis of ratios covers: 1, the ratios, the ends of their intervals."""
        measured = [point for curve in self.curves for point in curve.known]
        return (1.0, *(end for point in measured for end in (point.low, point.ratio, point.high) if end is not None))

    def place(self, value: float) -> float:
        """The position of a value of the parameter on its axis."""
        return math.log(value) if self.logarithmic else float(value)


@dataclass(frozen=True, slots=True)
class MeanRatio:
    """The geometric mean of the ratios of one row over several market files.

    ``mode`` is the label of the row, ``case`` and ``case_before`` are its cases in the first of the files; ``environment`` is that
    of the tables, empty where environments are compared. ``data`` are the files whose ratios it is made of, ``left_out`` those
    whose tables have no such ratio. The interval is 0 to infinity where one of them has none.
    """

    scenario: str
    parameters: tuple[tuple[str, Value], ...]
    sides: tuple[str, ...]
    environment: str
    metric: str
    mode: str
    case: str
    case_before: str
    mean: RatioInterval
    verdict: Verdict
    data: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A run with its tables and its status; ``problems`` could not be measured at all, ``columns`` are those to show.

    ``means`` are geometric means over market files. ``selected`` says which rows are shown, if not all; ``hidden`` is the number of
    the others.
    """

    run: Run
    tables: tuple[ReportTable, ...]
    problems: tuple[str, ...]
    columns: tuple[str, ...]
    status: ReportStatus
    figures: tuple[Figure, ...] = ()
    means: tuple[MeanRatio, ...] = ()
    selected: str = ""
    hidden: int = 0
