"""The measured cases of a report with the seconds of their passes, for export formats.

Names of cases and the choice of passes are the same in every format.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from perfbench.model import Case, Environment, Measurement, OutputMatch, Sample
from perfbench.report.model import Report
from perfbench.stats import pairs
from perfbench.util.formatting import make_printable

MIN_SECONDS, MAX_SECONDS = 1e-9, 1e9
"""Plausible seconds of a pass; values beyond them would overflow in the units of other programs."""


@dataclass(frozen=True, slots=True)
class TimedCase:
    """A case without a failure. ``passes`` are in order of time, each from a process of its own; there is at least one.

    ``seconds`` are those of the passes, by ``metric``; ``same_output`` is from the report.
    """

    name: str
    measurement: Measurement
    environment: Environment | None
    metric: str
    passes: tuple[Sample, ...]
    seconds: tuple[float, ...]
    same_output: OutputMatch

    @property
    def case(self) -> Case:
        """The case that was measured."""
        return self.measurement.case

    @property
    def group(self) -> str:
        """The part of its name shared with the cases that it is compared with: ``replay PRO-1.170258213 window=10``."""
        case = self.case
        return make_printable(" ".join(part for part in (case.scenario, case.data, self.parameters) if part))

    @property
    def parameters(self) -> str:
        """``window=10,depth=3``, empty without parameters."""
        return make_printable(self.case.parameter_text)

    @property
    def work(self) -> int:
        """The work of a pass, in the unit of its measurement."""
        return self.passes[0].work

    @property
    def mean(self) -> float:
        """The mean of its seconds."""
        return statistics.mean(self.seconds)

    @property
    def median(self) -> float:
        """The median of its seconds, as in the table."""
        return statistics.median(self.seconds)

    @property
    def stddev(self) -> float | None:
        """The standard deviation of its seconds; None for a single pass, which has none."""
        return statistics.stdev(self.seconds) if len(self.seconds) > 1 else None

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and the third quartile of its seconds.

        By the methods 2 and 3 of https://en.wikipedia.org/wiki/Quartile#Computing_methods, as pytest-benchmark computes them, so
        that its own figures and those in other files agree.
        """
        ordered = sorted(self.seconds)
        n, rest = divmod(len(ordered), 4)
        if len(ordered) == 1:
            return ordered[0], ordered[0]
        if rest == 1:
            return 0.25 * ordered[n - 1] + 0.75 * ordered[n], 0.75 * ordered[3 * n] + 0.25 * ordered[3 * n + 1]
        if rest == 3:
            return 0.75 * ordered[n] + 0.25 * ordered[n + 1], 0.25 * ordered[3 * n + 1] + 0.75 * ordered[3 * n + 2]
        half = len(ordered) // 2
        return statistics.median(ordered[:half]), statistics.median(ordered[half:])


@dataclass(frozen=True, slots=True)
class CorpusTotal:
    """The seconds of a whole corpus in one mode or environment, estimated from the batches that were drawn.

    ``low`` and ``high`` are the ends of the interval that the table shows.
    """

    case: Case
    metric: str
    unit: str
    seconds: float
    low: float
    high: float
    draws: int
    same_output: OutputMatch

    @property
    def name(self) -> str:
        """The name of the case in every format."""
        return format_case_name(self.case.id)


def collect_corpus_totals(report: Report) -> tuple[CorpusTotal, ...]:
    """The total of every case of the surveyed corpora, in the order of the tables."""
    return tuple({total.name: total for total in _find_corpus_totals(report)}.values())


def _find_corpus_totals(report: Report) -> Iterator[CorpusTotal]:
    cases = {measurement.case.id: measurement for measurement in report.run.measurements}
    for table in report.tables:
        outputs = {row.case: row.same_output for row in table.rows}
        for side in table.survey.totals if table.survey is not None else ():
            yield CorpusTotal(
                case=cases[side.case].case,
                metric=table.metric,
                unit=table.unit,
                seconds=side.total.total,
                low=side.total.low,
                high=side.total.high,
                draws=side.total.draws,
                same_output=outputs.get(side.case, OutputMatch.NOT_COMPARED),
            )


def collect_tracked_cases(report: Report) -> tuple[TimedCase, ...]:
    """Every case that was measured, for formats that follow figures over time: without the batches of a corpus.

    Which batches are drawn is chance; what can be followed of a corpus is its total.
    """
    return tuple(case for case in collect_timed_cases(report) if not report.run.is_surveyed(case.case))


def filter_seconds(seconds: float | None) -> float | None:
    """Seconds if they are plausible, else None."""
    return seconds if seconds is not None and MIN_SECONDS <= seconds <= MAX_SECONDS else None


def format_case_name(case_id: str) -> str:
    """The name of a case in every format: its id without control characters."""
    return make_printable(case_id)


def collect_timed_cases(report: Report) -> tuple[TimedCase, ...]:
    """Every case that was measured, in the order of the run. One that failed in any pass is left out."""
    return tuple(_find_timed_cases(report))


def _find_timed_cases(report: Report) -> Iterator[TimedCase]:
    rows = [row for table in report.tables for row in table.rows]
    outputs = {row.case: row.same_output for row in rows} | {
        row.case: row.same_output for row in rows if row.output_differs
    }
    environments = {environment.name: environment for environment in report.run.environments}
    for measurement in report.run.measurements:
        metric = pairs.choose_metric(measurement.samples, measurement.metric)
        passes = _select_timed_passes(measurement, metric)
        if passes and not measurement.failures:
            yield TimedCase(
                name=format_case_name(measurement.case.id),
                measurement=measurement,
                environment=environments.get(measurement.case.environment),
                metric=metric,
                passes=passes,
                seconds=tuple(sample.metrics[metric] for sample in passes),
                same_output=outputs.get(measurement.case.id, OutputMatch.NOT_COMPARED),
            )


def _select_timed_passes(measurement: Measurement, metric: str) -> tuple[Sample, ...]:
    """The passes of duets, else the solo passes; check and memory passes are not timed."""
    plausible = [s for s in measurement.samples if MIN_SECONDS <= s.metrics.get(metric, 0.0) <= MAX_SECONDS]
    in_order = sorted(plausible, key=lambda sample: (sample.round, sample.order))
    duets = tuple(sample for sample in in_order if sample.kind == "duet")
    return duets or tuple(sample for sample in in_order if sample.kind == "alone")
