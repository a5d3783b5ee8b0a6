"""The cases of a report that were measured, each with the seconds of its passes: what goes into the files of other programs.

Whatever format a case is written in, it has the same name, and the same passes count. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from perfbench.model import Case, Environment, Measurement, Sample
from perfbench.report.model import Report
from perfbench.stats import pairs
from perfbench.util.formatting import make_printable

MIN_SECONDS, MAX_SECONDS = 1e-9, 1e9
"""Seconds that a pass can take. What a clock says beyond them is no time, and would overflow in other units."""


@dataclass(frozen=True, slots=True)
class TimedCase:
    """A case without a failure. ``passes`` are in order of time, each from a process of its own; there is at least one.

    ``seconds`` are theirs, of ``metric``; ``same_output`` is what the report says of its output, ``environment`` where it ran.
    """

    name: str
    measurement: Measurement
    environment: Environment | None
    metric: str
    passes: tuple[Sample, ...]
    seconds: tuple[float, ...]
    same_output: str

    @property
    def case(self) -> Case:
        """What was measured."""
        return self.measurement.case

    @property
    def group(self) -> str:
        """What it has in common with the cases that it is compared with: ``replay PRO-1.170258213 window=10``."""
        case = self.case
        return make_printable(" ".join(part for part in (case.scenario, case.data, self.parameters) if part))

    @property
    def parameters(self) -> str:
        """``window=10,depth=3``, empty without parameters."""
        return make_printable(",".join(f"{name}={value}" for name, value in self.case.parameters))

    @property
    def work(self) -> int:
        """How much work a pass did, in the unit of its measurement."""
        return self.passes[0].work

    @property
    def mean(self) -> float:
        """The mean of its seconds."""
        return statistics.mean(self.seconds)

    @property
    def median(self) -> float:
        """The median of its seconds, which is what the table shows."""
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


def format_case_name(case_id: str) -> str:
    """What a case is called everywhere: its id, without anything that could command a terminal."""
    return make_printable(case_id)


def collect_timed_cases(report: Report) -> tuple[TimedCase, ...]:
    """Every case that was measured, in the order of the run. One that failed in any pass is left out."""
    return tuple(_find_timed_cases(report))


def _find_timed_cases(report: Report) -> Iterator[TimedCase]:
    rows = [row for table in report.tables for row in table.rows]
    told = {row.case: row.same_output for row in rows} | {row.case: "no" for row in rows if row.same_output == "no"}
    places = {place.name: place for place in report.run.environments}
    for measurement in report.run.measurements:
        metric = pairs.choose_metric(measurement.samples, measurement.metric)
        passes = _select_timed_passes(measurement, metric)
        if passes and not measurement.failures:
            yield TimedCase(
                name=format_case_name(measurement.case.id),
                measurement=measurement,
                environment=places.get(measurement.case.environment),
                metric=metric,
                passes=passes,
                seconds=tuple(sample.metrics[metric] for sample in passes),
                same_output=told.get(measurement.case.id, ""),
            )


def _select_timed_passes(measurement: Measurement, metric: str) -> tuple[Sample, ...]:
    """The passes of duets, or those alone where there are none; passes that check or that look at memory are not timed."""
    sound = [s for s in measurement.samples if MIN_SECONDS <= s.metrics.get(metric, 0.0) <= MAX_SECONDS]
    in_order = sorted(sound, key=lambda sample: (sample.round, sample.order))
    duets = tuple(sample for sample in in_order if sample.kind == "duet")
    return duets or tuple(sample for sample in in_order if sample.kind == "alone")
