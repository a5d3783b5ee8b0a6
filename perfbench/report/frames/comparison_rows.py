"""The comparisons of a run as rows, with the ratios and intervals of its tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from perfbench.model import INSTRUCTIONS, METRICS, Case, Verdict
from perfbench.report.frames.columns import Parameters
from perfbench.report.model import MeanRatio, Report, ReportTable, Row
from perfbench.report.survey_model import SurveyedPair, SurveyedStrata
from perfbench.report.sweep_report import SweepReport, build_sweep_report
from perfbench.stats.survey import RatioEstimate
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS
from perfbench.sweep.steps import ReleaseStep
from perfbench.sweep.trajectory import ModeTrajectory, TrajectoryPoint

CONFIDENCE = 0.95
"""Coverage of every interval but those of a gate, which have the confidence of the look at which it ended."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A ratio after / before with its interval, above 1: "after" needs more. None is what there is not.

    ``kind`` says what is compared:

    - ``case``: a row of a table; ``before`` and ``after`` are medians in ``unit``.
    - ``corpus``: a row of the table of a corpus; they are seconds of the whole corpus.
    - ``part``: the part of a corpus with the label ``part`` of the kind ``stratum``, such as ``sport`` and ``Soccer``.
    - ``mean``: the geometric mean of the rows of several market files.
    - ``step``: from one release of a sweep to the next; ``release``: a release relative to the first, or to the anchor.
    - ``metric``: a metric that the scenario reports, or instructions; without an interval where the table has none either.

    The interval is 0 to infinity where there are too few pairs. ``environment_before`` and ``mode_before`` are those of the other
    side. ``pairs`` are draws of a corpus. ``detectable``: the smallest change that a gate would have detected, as a share.
    """

    run: str
    kind: str
    scenario: str
    data: str
    parameters: Parameters
    mode_before: str
    mode: str
    environment_before: str
    environment: str
    metric: str
    unit: str
    before: float | None = None
    after: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = CONFIDENCE
    pairs: int | None = None
    verdict: str = ""
    same_output: str = ""
    status: str = ""
    detectable: float | None = None
    stratum: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class TotalRow:
    """The seconds of a whole corpus on one ``side``, a mode or a mode in an environment, with the 95 % interval.

    The interval is 0 to infinity where there are too few draws.
    """

    run: str
    scenario: str
    corpus: str
    side: str
    seconds: float
    low: float
    high: float
    draws: int


def list_comparisons(report: Report) -> Iterator[ComparisonRow]:
    """Every comparison of a report in the order of its tables; of a release sweep its steps and its releases."""
    if report.run.settings.links:
        yield from _list_sweep(build_sweep_report(report.run), report)
        return
    cases = {measurement.case.id: measurement.case for measurement in report.run.measurements}
    for table in report.tables:
        for row in table.rows:
            if row.case_before:
                yield from _list_row(report, table, row, cases)
    yield from (_build_mean(report, mean, cases) for mean in report.means)


def list_totals(report: Report) -> Iterator[TotalRow]:
    """The totals of every corpus of a report; none without a corpus."""
    for table in report.tables:
        for side in table.survey.totals if table.survey is not None else ():
            total = side.total
            yield TotalRow(
                run=report.run.id,
                scenario=table.scenario,
                corpus=table.data,
                side=side.label,
                seconds=total.total,
                low=total.low if math.isfinite(total.high) else 0.0,
                high=total.high,
                draws=total.draws,
            )


def _list_row(report: Report, table: ReportTable, row: Row, cases: Mapping[str, Case]) -> Iterator[ComparisonRow]:
    blank = _build_blank(report, table, row, cases)
    comparison = row.comparison
    if comparison is not None:
        yield replace(
            blank,
            kind="corpus" if table.survey is not None else "case",
            part=comparison.part,
            metric=comparison.metric.name,
            unit=comparison.metric.unit,
            before=comparison.before,
            after=comparison.after,
            ratio=comparison.ratio,
            low=comparison.low,
            high=comparison.high,
            confidence=comparison.confidence,
            pairs=comparison.pairs,
            verdict=comparison.verdict.value,
            detectable=_finite(comparison.detectable),
        )
    pair = next((p for p in table.survey.pairs if p.label == row.mode), None) if table.survey is not None else None
    yield from _list_parts(replace(blank, kind="part", metric=table.metric), pair)
    yield from _list_metrics(replace(blank, kind="metric"), row)


def _build_blank(report: Report, table: ReportTable, row: Row, cases: Mapping[str, Case]) -> ComparisonRow:
    """What all comparisons of a row have in common."""
    before, after = cases[row.case_before], cases[row.case]
    return ComparisonRow(
        run=report.run.id,
        kind="case",
        scenario=table.scenario,
        data=table.data,
        parameters=table.parameters,
        mode_before=before.mode,
        mode=after.mode,
        environment_before=before.environment,
        environment=after.environment,
        metric=table.metric,
        unit=METRICS[table.metric].unit,
        same_output=row.same_output.value,
        status=row.status.value,
    )


def _list_parts(blank: ComparisonRow, pair: SurveyedPair | None) -> Iterator[ComparisonRow]:
    """The parts of a corpus, and its machines where they differ."""
    if pair is None:
        return
    machines: Iterable[SurveyedStrata] = (pair.machines,) if pair.machines is not None else ()
    for strata in (*pair.strata, *machines):
        for stratum in strata.strata:
            ratio = _build_estimate(blank, stratum.estimate)
            yield replace(ratio, stratum=strata.kind, part=stratum.label)


def _build_estimate(blank: ComparisonRow, estimate: RatioEstimate) -> ComparisonRow:
    bounded = math.isfinite(estimate.high)
    verdict = STANDARD_BOUNDS.classify_ratio(estimate.low, estimate.high) if bounded else Verdict.INCONCLUSIVE
    return replace(
        blank,
        ratio=estimate.ratio,
        low=estimate.low if bounded else 0.0,
        high=estimate.high,
        pairs=estimate.draws,
        verdict=verdict.value,
    )


def _list_metrics(blank: ComparisonRow, row: Row) -> Iterator[ComparisonRow]:
    for number in row.reported:
        if number.before is not None:
            yield replace(
                blank,
                metric=number.metric.name,
                unit=number.metric.unit,
                before=number.before,
                after=number.after,
                ratio=_finite(number.ratio),
                low=_known(number.low),
                high=_known(number.high),
                verdict=number.verdict.value if number.verdict is not None else "",
            )
    if row.count is not None:
        yield replace(
            blank,
            metric=INSTRUCTIONS.name,
            unit=INSTRUCTIONS.unit,
            before=row.count.before,
            after=row.count.after,
            ratio=row.count.ratio,
            verdict=row.count.verdict.value,
        )


def _build_mean(report: Report, mean: MeanRatio, cases: Mapping[str, Case]) -> ComparisonRow:
    before, after = cases[mean.case_before], cases[mean.case]
    return ComparisonRow(
        run=report.run.id,
        kind="mean",
        scenario=mean.scenario,
        data=", ".join(mean.data),
        parameters=mean.parameters,
        mode_before=before.mode,
        mode=after.mode,
        environment_before=before.environment,
        environment=after.environment,
        metric=mean.metric,
        unit=METRICS[mean.metric].unit,
        ratio=mean.mean.ratio,
        low=mean.mean.low,
        high=mean.mean.high,
        verdict=mean.verdict.value,
    )


def _list_sweep(sweep: SweepReport, report: Report) -> Iterator[ComparisonRow]:
    environments = {release.name: release.environment for release in sweep.trajectory.releases}
    for line in sweep.trajectory.lines:
        blank = _build_sweep_blank(report, line)
        seconds = {point.release: point.seconds for point in line.points}
        beside = {p.release: p.seconds if p.again is None else p.again for p in line.points}
        for point in line.points:
            place = replace(blank, environment=environments[point.release])
            if point.step is not None:
                yield _build_step(
                    replace(place, environment_before=environments[point.step.before]), point.step, beside, seconds
                )
            if point.relative is not None and point.release != line.reference:
                before = environments.get(line.reference, "")
                reference = None if report.run.earlier else seconds.get(line.reference)
                yield _build_release(replace(place, environment_before=before), point, reference)


def _build_sweep_blank(report: Report, line: ModeTrajectory) -> ComparisonRow:
    measurement = line.find_measurement(report.run.measurements)
    tables = (table.metric for table in report.tables if table.scenario == measurement.case.scenario)
    metric = next(tables, measurement.metric)
    return ComparisonRow(
        run=report.run.id,
        kind="step",
        scenario=measurement.case.scenario,
        data=measurement.case.data,
        parameters=measurement.case.parameters,
        mode_before=measurement.case.mode,
        mode=measurement.case.mode,
        environment_before="",
        environment="",
        metric=metric,
        unit=METRICS[metric].unit,
    )


def _build_step(
    blank: ComparisonRow, step: ReleaseStep, beside: Mapping[str, float | None], seconds: Mapping[str, float | None]
) -> ComparisonRow:
    """:param beside: the seconds of releases as the side before a step, from the part of the sweep that measured the step."""
    return replace(
        blank,
        before=beside.get(step.before),
        after=seconds.get(step.after),
        ratio=step.ratio,
        low=step.low,
        high=step.high,
        pairs=step.pairs,
        verdict=step.verdict.value,
        same_output=str(step.output),
    )


def _build_release(blank: ComparisonRow, point: TrajectoryPoint, reference: float | None) -> ComparisonRow:
    return replace(
        blank,
        kind="release",
        before=reference,
        after=point.seconds,
        ratio=point.relative,
        low=point.low,
        high=point.high,
        verdict=STANDARD_BOUNDS.classify_ratio(point.low, point.high).value,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _known(value: float) -> float | None:
    """The end of an interval, which may be infinite; None if it is not a number."""
    return None if math.isnan(value) else value
