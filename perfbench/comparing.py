"""Measurements → comparisons with a verdict, and the tables that show them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from perfbench import pairing, statistics
from perfbench.model import CPU_SECONDS, METRICS, Comparison, Doubt, Machine, Measurement, Run, Settings, Verdict
from perfbench.report import Report, ReportTable, Row

EPS = 0.0025
"""A change below a quarter of a per cent is not called one (method.md)."""

DELTA = 0.01
"""An interval within one per cent of no change is ``unchanged`` (method.md)."""

NOISY_SIGMA = 0.03
SHORT_PASS_SECONDS = 0.03
CONTENDED = 1.1
"""Wall over CPU seconds of a pass alone, from which on the wall time is not the program's."""

SHOWN_PACKAGES = ("betfairlightweight", "flumine", "orjson", "ciso8601")


def report(run: Run, columns: Sequence[str]) -> Report:
    """A run with every comparison made from its raw samples, and the columns to show."""
    groups = groupby(run.measurements, key=lambda m: (m.case.scenario, m.case.data, m.case.parameters))
    tables = tuple(_table(tuple(group), run) for _, group in groups)
    return Report(run, tables, run.problems, tuple(columns))


def compare(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """What the pairs of two cases say; None without a single pair. Too few for an interval: it is infinite."""
    logs = pairing.log_ratios(before.samples, after.samples, metric)
    if not logs:
        return None
    seconds_before, seconds_after = (median(pairing.values(side.samples, metric, "duet")) for side in (before, after))
    if len(logs) < statistics.minimum_pairs(confidence):
        ratio = math.exp(statistics.hodges_lehmann(logs))
        few = Doubt("too few pairs for an interval", str(len(logs)))
        return Comparison(
            METRICS[metric],
            seconds_before,
            seconds_after,
            ratio,
            0.0,
            math.inf,
            len(logs),
            math.nan,
            Verdict.INCONCLUSIVE,
            (few,),
        )
    found = statistics.estimate(logs, confidence)
    return Comparison(
        metric=METRICS[metric],
        before=seconds_before,
        after=seconds_after,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        pairs=found.pairs,
        sigma=found.sigma,
        verdict=verdict(found.low, found.high),
        doubts=tuple(_doubts(found)),
    )


def verdict(low: float, high: float) -> Verdict:
    """What an interval of the ratio after / before of something that should be low says (method.md)."""
    if low <= 0 or not math.isfinite(high):
        return Verdict.INCONCLUSIVE
    log_low, log_high = math.log(low), math.log(high)
    if log_low > EPS:
        return Verdict.REGRESSED
    if log_high < -EPS:
        return Verdict.IMPROVED
    if log_low > -DELTA and log_high < DELTA:
        return Verdict.UNCHANGED
    return Verdict.INCONCLUSIVE


def _doubts(found: statistics.Estimate) -> Iterable[Doubt]:
    if found.sigma > NOISY_SIGMA:
        yield Doubt("pairs scatter", f"by {found.sigma:.1%}")
    if abs(found.autocorrelation) > 2 / math.sqrt(found.pairs):
        yield Doubt("neighbouring pairs are alike", f"autocorrelation {found.autocorrelation:+.2f}")
    if found.halves_disagree:
        yield Doubt("the first half of the pairs tells another ratio than the second")


def confidence(settings: Settings) -> float:
    """What to ask of an interval that is to be a 95 % interval: more, where the run stopped because it was narrow."""
    return 0.95 if settings.rounds is not None else statistics.looking_confidence(0.95)


def _table(group: Sequence[Measurement], run: Run) -> ReportTable:
    samples = [sample for measurement in group for sample in measurement.samples]
    metric = pairing.metric_of(samples, group[0].metric)
    baseline = next((m for m in group if m.baseline), group[0])
    rows = tuple(_row(m, baseline, metric, run.settings) for m in group)
    market = next((market for market in run.data if market.name == group[0].case.data), None)
    rounds = 1 + max((sample.round for sample in samples if sample.kind == "duet"), default=-1)
    works = {sample.work for sample in baseline.samples}
    doubts = [*_table_doubts(rows, metric, run), *(market.doubts if market else ())]
    return ReportTable(
        scenario=baseline.case.scenario,
        data=baseline.case.data,
        parameters=baseline.case.parameters,
        unit=baseline.unit,
        metric=metric,
        work=max(works) if works else None,
        rounds=rounds,
        rows=rows,
        about=_about(group, metric, rounds, run.machine),
        doubts=tuple(dict.fromkeys(doubts)),
    )


def _row(measurement: Measurement, baseline: Measurement, metric: str, settings: Settings) -> Row:
    is_baseline = measurement is baseline
    difference = measurement.difference
    other_work = _other_work(measurement, baseline)
    refused = bool(other_work) or (difference is not None and difference.less_work)
    comparison = None if is_baseline or refused else compare(baseline, measurement, metric, confidence(settings))
    in_pairs = pairing.values(measurement.samples, metric, "duet")
    seconds = _median(in_pairs or pairing.values(measurement.samples, metric, "alone"), None)
    works = [sample.work for sample in measurement.samples]
    notes = [f"{measurement.case.mode}: {failure.message} ({failure.trial} pass)" for failure in measurement.failures]
    if difference is not None:
        values = f": {difference.before} → {difference.after}" if difference.before else ""
        notes.append(f"{measurement.case.mode} differs at update {difference.update:,}, {difference.where}{values}")
    if other_work and not (difference is not None and difference.less_work):
        notes.append(f"{measurement.case.mode} {other_work}: no ratio can be told")
    return Row(
        mode=measurement.case.mode,
        doc=measurement.doc,
        baseline=is_baseline,
        seconds=seconds,
        wall_seconds=_median(pairing.values(measurement.samples, "wall_seconds", "alone"), None),
        startup_seconds=_median(pairing.values(measurement.samples, "startup_seconds", "alone"), None),
        rate=works[0] / seconds if works and seconds else None,
        peak_rss_bytes=_median(pairing.values(measurement.samples, "peak_rss_bytes", "memory"), None),
        comparison=comparison,
        same_output="no" if refused else _same_output(measurement, baseline),
        failed=bool(measurement.failures) or not measurement.samples,
        notes=tuple(notes),
    )


def _other_work(measurement: Measurement, baseline: Measurement) -> str:
    """What is wrong with the work that the passes did: it must be the same in all of them, and that of the baseline."""
    own, others = ({sample.work for sample in side.samples} for side in (measurement, baseline))
    if len(own) > 1:
        return f"did {min(own):,} {measurement.unit} in one pass and {max(own):,} in another"
    if own and len(others) == 1 and own != others:
        return f"did {min(own):,} {measurement.unit} when it was timed, {baseline.case.mode} {min(others):,}"
    return ""


def _same_output(measurement: Measurement, baseline: Measurement) -> str:
    if measurement.difference is not None:
        return "no"
    if measurement is baseline or measurement.output is None or baseline.output is None:
        return ""
    return "yes"


def _median(values: Sequence[float], missing: float | None) -> float | None:
    return median(values) if values else missing


def _about(group: Sequence[Measurement], metric: str, rounds: int, machine: Machine) -> str:
    imported = {package.name: package.version for m in group for package in m.packages}
    parts = [f"{name} {imported[name]}" for name in SHOWN_PACKAGES if name in imported]
    parts = [", ".join(parts)] if parts else []
    gib = machine.memory_bytes / 2**30
    parts.append(machine.python)
    parts.append(f"{machine.cpu}, {machine.cores} cores, {gib:.0f} GiB, {machine.system}, load {machine.load:.2f}")
    way = "pairs by turns on one core" if machine.pinned and metric == "cpu_seconds" else "pairs in turn"
    parts.append(f"{rounds} rounds, {way}, {metric.replace('_', ' ').replace('cpu', 'CPU')}")
    return " · ".join(parts)


def _table_doubts(rows: Sequence[Row], metric: str, run: Run) -> Iterable[str]:
    """One text for each kind of doubt, with all the modes that it is about."""
    if not run.finished:
        yield "this run was not finished: perfbench run --resume goes on with it"
    about: dict[str, list[str]] = {}
    for row in rows:
        for doubt in _row_doubts(row, metric, run.settings):
            about.setdefault(doubt.what, []).append(f"{row.mode} {doubt.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    if metric == CPU_SECONDS.name and not run.machine.pinned and rows:
        yield "this system cannot hold two passes on one core: the passes of a pair ran one after the other"
    if run.machine.load > run.machine.cores:
        yield f"the machine was busy at the start: load {run.machine.load:.1f} on {run.machine.cores} cores"


def _row_doubts(row: Row, metric: str, settings: Settings) -> Iterable[Doubt]:
    if row.comparison is not None:
        yield from row.comparison.doubts
        width = (row.comparison.high - row.comparison.low) / 2 / row.comparison.ratio
        if math.isfinite(width) and width > settings.precision and settings.rounds is None:
            yield Doubt(f"intervals are wider than the ± {settings.precision:.1%} asked for", f"± {width:.1%}")
    if metric != CPU_SECONDS.name or not row.seconds:
        return
    if row.seconds < SHORT_PASS_SECONDS:
        yield Doubt("short passes, a longer file measures better", f"{row.seconds * 1000:.1f} ms")
    if row.wall_seconds and row.wall_seconds > CONTENDED * row.seconds:
        yield Doubt("passes alone took more wall than CPU time", f"{row.wall_seconds / row.seconds:.2f}x")
