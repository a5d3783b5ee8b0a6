"""Rows of a report table, computed from the raw samples of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from perfbench.gate import budgets
from perfbench.model import (
    CPU_SECONDS,
    SPENT_SECONDS,
    Comparison,
    Measurement,
    Metric,
    MetricComparison,
    OutputDifference,
    Run,
    TrialKind,
    claims,
)
from perfbench.report import text
from perfbench.report.claims import describe_claim
from perfbench.report.model import Row
from perfbench.runner import output_diff
from perfbench.stats import instructions, metrics, pairs
from perfbench.stats.comparison import choose_confidence, compare_paired, compare_unpaired

GateComparisons = Mapping[tuple[str, str], Comparison]
"""What a gate says of its comparisons, by the ids before and after; empty where there is no gate."""


def build_row(
    measurement: Measurement,
    before: Measurement | None,
    metric: str,
    run: Run,
    sides: Sequence[str],
    judged: GateComparisons,
) -> Row:
    label = text.format_row_label(
        measurement.case, before.case if before else None, sides, run.settings.links == "neighbours"
    )
    difference = _find_difference(measurement, before)
    other_work = _describe_work_mismatch(measurement, before) if before else ""
    refused = bool(other_work) or (difference is not None and difference.less_work)
    comparison = None if before is None or refused else compare_pair(before, measurement, metric, run, judged)
    in_pairs = pairs.select_values(measurement.samples, metric, "duet")
    unhalted: tuple[TrialKind, ...] = ("alone",) if metric == CPU_SECONDS.name else ("alone", "duet")
    seconds = _compute_median(in_pairs or pairs.select_values(measurement.samples, metric, "alone"))
    works = [sample.work for sample in measurement.timed]
    notes = [*_describe_failures(measurement, before, sides)]
    if difference is not None and not difference.changes:
        values = f": {difference.before} → {difference.after}" if difference.before else ""
        notes.append(f"{label} differs at update {difference.update:,}, {difference.where}{values}")
    if other_work and not (difference is not None and difference.less_work):
        notes.append(f"{label} {other_work}: no ratio can be told")
    same_output = "no" if refused else _classify_difference(measurement, before, difference)
    if same_output == "no" and difference is None and not refused and before is not None:
        notes.append(_describe_unlocated_difference(label, measurement, before))
    lacking_numbers = tuple(_describe_unreported(before, measurement, run))
    notes += lacking_numbers
    count = instructions.compare_counts(before, measurement) if before is not None else None
    executed = instructions.mean_instructions(measurement)
    uncounted = run.settings.count and (executed is None if before is None else count is None)
    both_measured = bool(measurement.timed) and (before is None or not sides or bool(before.timed))
    lacking = next((failure.message for failure in measurement.failures if failure.unavailable), "")
    broken = any(not failure.unavailable for failure in measurement.failures)
    return Row(
        mode=label,
        doc=measurement.doc,
        baseline=before is None,
        seconds=seconds,
        wall_seconds=_compute_median(pairs.select_values(measurement.samples, "wall_seconds", *unhalted)),
        startup_seconds=_compute_median(pairs.select_values(measurement.samples, "startup_seconds", *unhalted)),
        rate=works[0] / seconds if works and seconds else None,
        peak_rss_bytes=_compute_median(pairs.select_values(measurement.samples, "peak_rss_bytes", "memory")),
        comparison=comparison,
        same_output=same_output,
        failed=broken
        or not (both_measured or (lacking and before is not None))
        or uncounted
        or bool(lacking_numbers)
        or (bool(sides) and bool(before and before.failures)),
        notes=tuple(notes),
        peak_before=_compute_median(pairs.select_values(before.samples, "peak_rss_bytes", "memory"))
        if before and sides
        else None,
        claim=_describe_claim(measurement, before, comparison, run) if before else "",
        spent=_sum_spent_seconds(measurement, before) if before else None,
        breaches=budgets.find_breaches(
            run.settings.gate,
            before,
            measurement,
            comparison,
            select_scenario_metrics(measurement, run),
            len(run.duets),
        )
        if before and run.settings.gate
        else (),
        instructions=executed,
        count=count,
        case=measurement.case.id,
        blame=tuple(_describe_blame(run, before, measurement)) if before else (),
        unavailable=f"{label}: not available here: {lacking}" if lacking else "",
        reported=tuple(_compare_metrics(measurement, None if refused else before, run)),
    )


def _compare_metrics(measurement: Measurement, before: Measurement | None, run: Run) -> Iterator[MetricComparison]:
    found = (
        metrics.compare_metric(metric, before, measurement) for metric in select_scenario_metrics(measurement, run)
    )
    yield from (number for number in found if number is not None)


def select_scenario_metrics(measurement: Measurement, run: Run) -> tuple[Metric, ...]:
    """The metrics of the scenario of a case."""
    return next((s.metrics for s in run.scenarios if s.name == measurement.case.scenario), ())


def _describe_unreported(before: Measurement | None, after: Measurement, run: Run) -> Iterator[str]:
    """What a gate limits and a case does not report."""
    terms = run.settings.gate
    if before is None or terms is None:
        return
    for side in (before, after):
        for name in budgets.find_unreported(terms, side, select_scenario_metrics(side, run)):
            yield f"{side.case.mode} in {side.case.environment} reports no {name}"


def _describe_blame(run: Run, before: Measurement, after: Measurement) -> Iterator[str]:
    for blame in run.blames:
        if (blame.before, blame.after) == (before.case.id, after.case.id):
            yield from text.describe_blame(blame, f"each {after.unit.removesuffix('s')}")


def _sum_spent_seconds(after: Measurement, before: Measurement) -> float | None:
    """The seconds that all duets of two cases took, where they were counted."""
    joined = {sample.pair for sample in before.samples}
    spent = {
        s.pair: s.metrics[SPENT_SECONDS.name]
        for s in after.samples
        if s.pair in joined and SPENT_SECONDS.name in s.metrics
    }
    return sum(spent.values()) if spent else None


def compare_pair(
    before: Measurement, after: Measurement, metric: str, run: Run, judged: GateComparisons
) -> Comparison | None:
    if run.settings.gate is not None:
        return judged.get((before.case.id, after.case.id))
    if not run.paired:
        return compare_unpaired(before, after, metric, 0.95)
    return compare_paired(before, after, metric, choose_confidence(run.settings))


def _describe_claim(after: Measurement, before: Measurement, comparison: Comparison | None, run: Run) -> str:
    announced = next((s.claims for s in run.scenarios if s.name == after.case.scenario), ())
    modes = before.case.mode, after.case.mode
    claim = claims.find_claim(announced, modes, (before.packages, after.packages))
    return describe_claim(claim, comparison) if claim is not None and comparison is not None else ""


def classify_output(before: Measurement, after: Measurement) -> str:
    """What is to be said of the output after against that before: ``yes``, ``no``, ``known changes``, ``floor``, or nothing."""
    return _classify_difference(after, before, _find_difference(after, before))


def _find_difference(measurement: Measurement, before: Measurement | None) -> OutputDifference | None:
    """What is known of the output against that of the case before; an old document knows only of the baseline."""
    if before is None:
        return None
    own = (difference for difference in measurement.differences if difference.against == before.case.id)
    return next(own, measurement.difference)


def _describe_work_mismatch(measurement: Measurement, before: Measurement) -> str:
    """What is wrong with the work that the passes did: it must be the same in all of them, and that of the case before."""
    own, others = ({sample.work for sample in side.timed} for side in (measurement, before))
    if len(own) > 1:
        return f"did {min(own):,} {measurement.unit} in one pass and {max(own):,} in another"
    if own and len(others) == 1 and own != others:
        name = text.format_other_side(before.case, measurement.case)
        return f"did {min(own):,} {measurement.unit} when it was timed, {name} {min(others):,}"
    return ""


def _classify_difference(
    measurement: Measurement, before: Measurement | None, difference: OutputDifference | None
) -> str:
    if difference is not None:
        return "known changes" if difference.changes else "no"
    if before is None or measurement.output is None or before.output is None:
        return ""
    if measurement.floor or before.floor:
        return "floor"
    same_mode = measurement.case.mode == before.case.mode
    return "yes" if output_diff.have_equal_outputs(before.output, measurement.output, same_mode) else "no"


def _describe_unlocated_difference(label: str, measurement: Measurement, before: Measurement) -> str:
    assert before.output is not None
    assert measurement.output is not None
    first, last = output_diff.find_first_block(before.output, measurement.output)
    return (
        f"{label}: the outputs differ, first between update {first + 1:,} and {last + 1:,}; "
        "perfbench compare with two specs names the field"
    )


def _describe_failures(measurement: Measurement, before: Measurement | None, sides: Sequence[str]) -> Iterable[str]:
    for side in (before, measurement) if sides and before else (measurement,):
        name = f"{side.case.mode} in {side.case.environment}" if sides else side.case.mode
        yield from (f"{name}: {f.message} ({f.kind} pass)" for f in side.failures if not f.unavailable)


def _compute_median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
