"""A run → the tables that show it, every comparison made from its raw samples. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import median

from perfbench import (
    advice,
    changes,
    claims,
    comparing,
    counting,
    differing,
    formatting,
    gating,
    naming,
    pairing,
    reported,
    wording,
)
from perfbench.claims import Judged
from perfbench.model import (
    CPU_SECONDS,
    SPENT_SECONDS,
    Comparison,
    Difference,
    Doubt,
    Measurement,
    Metric,
    Reported,
    Run,
    TrialKind,
)
from perfbench.report import Report, ReportTable, Row

SHORT_PASS_SECONDS = 0.03
CONTENDED = 1.1
"""Wall over CPU seconds of a pass alone, from which on the wall time is not the program's."""

DEFAULT_GROUP = (("here",),)

Judgements = Mapping[tuple[str, str], Comparison]
"""What a gate says of its comparisons, by the ids before and after; empty where there is no gate."""


def report(run: Run, columns: Sequence[str]) -> Report:
    """A run with every comparison made from its raw samples, and the columns to show."""
    groups = groupby(run.measurements, key=lambda m: (m.case.scenario, m.case.data, m.case.parameters, _group(m, run)))
    judged = gating.comparisons(run)
    tables = tuple(_table(tuple(group), run, judged) for _, group in groups)
    return Report(run, tables, run.problems, tuple(columns))


def _group(measurement: Measurement, run: Run) -> int:
    """The number of the group of environments in which a case was compared."""
    groups = run.settings.environments or DEFAULT_GROUP
    plain = measurement.case.environment
    return next((number for number, group in enumerate(groups) if naming.without_copy(plain) in group), 0)


def _table(group: Sequence[Measurement], run: Run, judged: Judgements) -> ReportTable:
    samples = [sample for measurement in group for sample in measurement.samples]
    metric = pairing.metric_of(samples, group[0].metric)
    baseline = next((m for m in group if m.baseline), group[0])
    sides = tuple(dict.fromkeys(m.case.environment for m in group))
    across = len(sides) > 1
    rows = tuple(_rows(group, baseline, metric, run, sides if across else (), judged))
    market = next((market for market in run.data if market.name == group[0].case.data), None)
    rounds = 1 + max((sample.round for sample in samples if sample.kind == "duet"), default=-1)
    works = {sample.work for sample in baseline.timed}
    doubts = [*_table_doubts(rows, group, metric, run), *(market.doubts if market else ())]
    return ReportTable(
        scenario=baseline.case.scenario,
        data=baseline.case.data,
        parameters=baseline.case.parameters,
        unit=baseline.unit,
        metric=metric,
        work=max(works) if works else None,
        rounds=rounds,
        rows=rows,
        about=wording.about(group, metric, rounds, run),
        doubts=tuple(dict.fromkeys(doubts)),
        sides=sides if across else (),
        known=_known(group, run),
        counted=counting.told(group),
        advice=() if across or run.settings.gate is not None else tuple(_advice(group, metric, run)),
    )


def _advice(group: Sequence[Measurement], metric: str, run: Run) -> Iterator[Judged]:
    announced = next((s.claims for s in run.scenarios if s.name == group[0].case.scenario), ())
    modes = {measurement.case.mode: measurement for measurement in group}

    def paired(before: Measurement, after: Measurement) -> Comparison | None:
        return _compare(before, after, metric, run, {})

    yield from advice.judged(announced, modes, _own(group[0], run), metric, paired)


def _rows(
    group: Sequence[Measurement],
    baseline: Measurement,
    metric: str,
    run: Run,
    sides: Sequence[str],
    judged: Judgements,
) -> Iterable[Row]:
    by_id = {measurement.case.id: measurement for measurement in group}
    if not sides:
        yield _row(baseline, None, metric, run, (), judged)
        yield from (_row(m, baseline, metric, run, (), judged) for m in group if m is not baseline)
        return
    for before, after in run.duets:
        if before in by_id and after in by_id:
            yield _row(by_id[after], by_id[before], metric, run, sides, judged)


def _row(
    measurement: Measurement,
    before: Measurement | None,
    metric: str,
    run: Run,
    sides: Sequence[str],
    judged: Judgements,
) -> Row:
    label = wording.row_label(
        measurement.case, before.case if before else None, sides, run.settings.links == "neighbours"
    )
    difference = _difference(measurement, before)
    other_work = _other_work(measurement, before) if before else ""
    refused = bool(other_work) or (difference is not None and difference.less_work)
    comparison = None if before is None or refused else _compare(before, measurement, metric, run, judged)
    in_pairs = pairing.values(measurement.samples, metric, "duet")
    unhalted: tuple[TrialKind, ...] = ("alone",) if metric == CPU_SECONDS.name else ("alone", "duet")
    seconds = _median(in_pairs or pairing.values(measurement.samples, metric, "alone"))
    works = [sample.work for sample in measurement.timed]
    notes = [*_failures(measurement, before, sides)]
    if difference is not None and not difference.changes:
        values = f": {difference.before} → {difference.after}" if difference.before else ""
        notes.append(f"{label} differs at update {difference.update:,}, {difference.where}{values}")
    if other_work and not (difference is not None and difference.less_work):
        notes.append(f"{label} {other_work}: no ratio can be told")
    same_output = "no" if refused else _same_output(measurement, before, difference)
    if same_output == "no" and difference is None and not refused and before is not None:
        notes.append(_somewhere(label, measurement, before))
    lacking_numbers = tuple(_unreported(before, measurement, run))
    notes += lacking_numbers
    count = counting.compare(before, measurement) if before is not None else None
    executed = counting.instructions(measurement)
    uncounted = run.settings.count and (executed is None if before is None else count is None)
    both_measured = bool(measurement.timed) and (before is None or not sides or bool(before.timed))
    lacking = next((failure.message for failure in measurement.failures if failure.unavailable), "")
    broken = any(not failure.unavailable for failure in measurement.failures)
    return Row(
        mode=label,
        doc=measurement.doc,
        baseline=before is None,
        seconds=seconds,
        wall_seconds=_median(pairing.values(measurement.samples, "wall_seconds", *unhalted)),
        startup_seconds=_median(pairing.values(measurement.samples, "startup_seconds", *unhalted)),
        rate=works[0] / seconds if works and seconds else None,
        peak_rss_bytes=_median(pairing.values(measurement.samples, "peak_rss_bytes", "memory")),
        comparison=comparison,
        same_output=same_output,
        failed=broken
        or not (both_measured or (lacking and before is not None))
        or uncounted
        or bool(lacking_numbers)
        or (bool(sides) and bool(before and before.failures)),
        notes=tuple(notes),
        peak_before=_median(pairing.values(before.samples, "peak_rss_bytes", "memory")) if before and sides else None,
        claim=_claim(measurement, before, comparison, run) if before else "",
        spent=_spent(measurement, before) if before else None,
        breaches=gating.breaches(
            run.settings.gate, before, measurement, comparison, _own(measurement, run), len(run.duets)
        )
        if before and run.settings.gate
        else (),
        instructions=executed,
        count=count,
        case=measurement.case.id,
        blame=tuple(_blame(run, before, measurement)) if before else (),
        unavailable=f"{label}: not available here: {lacking}" if lacking else "",
        reported=tuple(_reported(measurement, None if refused else before, run)),
    )


def _reported(measurement: Measurement, before: Measurement | None, run: Run) -> Iterator[Reported]:
    found = (reported.reported(metric, before, measurement) for metric in _own(measurement, run))
    yield from (number for number in found if number is not None)


def _own(measurement: Measurement, run: Run) -> tuple[Metric, ...]:
    """The metrics of the scenario of a case."""
    return next((s.metrics for s in run.scenarios if s.name == measurement.case.scenario), ())


def _unreported(before: Measurement | None, after: Measurement, run: Run) -> Iterator[str]:
    """What a gate limits and a case does not report."""
    terms = run.settings.gate
    if before is None or terms is None:
        return
    for side in (before, after):
        for name in gating.unreported(terms, side, _own(side, run)):
            yield f"{side.case.mode} in {side.case.environment} reports no {name}"


def _blame(run: Run, before: Measurement, after: Measurement) -> Iterator[str]:
    for blame in run.blames:
        if (blame.before, blame.after) == (before.case.id, after.case.id):
            yield from wording.blame(blame, f"each {after.unit.removesuffix('s')}")


def _spent(after: Measurement, before: Measurement) -> float | None:
    """The seconds that all duets of two cases took, where they were counted."""
    joined = {sample.pair for sample in before.samples}
    spent = {
        s.pair: s.metrics[SPENT_SECONDS.name]
        for s in after.samples
        if s.pair in joined and SPENT_SECONDS.name in s.metrics
    }
    return sum(spent.values()) if spent else None


def _compare(before: Measurement, after: Measurement, metric: str, run: Run, judged: Judgements) -> Comparison | None:
    if run.settings.gate is not None:
        return judged.get((before.case.id, after.case.id))
    if not run.paired:
        return comparing.compare_unpaired(before, after, metric, 0.95)
    return comparing.compare(before, after, metric, comparing.confidence(run.settings))


def _claim(after: Measurement, before: Measurement, comparison: Comparison | None, run: Run) -> str:
    announced = next((s.claims for s in run.scenarios if s.name == after.case.scenario), ())
    modes = before.case.mode, after.case.mode
    claim = claims.about(announced, modes, (before.packages, after.packages))
    return claims.judged(claim, comparison) if claim is not None and comparison is not None else ""


def output_told(before: Measurement, after: Measurement) -> str:
    """What is to be said of the output after against that before: ``yes``, ``no``, ``known changes``, ``floor``, or nothing."""
    return _same_output(after, before, _difference(after, before))


def _difference(measurement: Measurement, before: Measurement | None) -> Difference | None:
    """What is known of the output against that of the case before; an old document knows only of the baseline."""
    if before is None:
        return None
    own = (difference for difference in measurement.differences if difference.against == before.case.id)
    return next(own, measurement.difference)


def _other_work(measurement: Measurement, before: Measurement) -> str:
    """What is wrong with the work that the passes did: it must be the same in all of them, and that of the case before."""
    own, others = ({sample.work for sample in side.timed} for side in (measurement, before))
    if len(own) > 1:
        return f"did {min(own):,} {measurement.unit} in one pass and {max(own):,} in another"
    if own and len(others) == 1 and own != others:
        name = wording.other_side(before.case, measurement.case)
        return f"did {min(own):,} {measurement.unit} when it was timed, {name} {min(others):,}"
    return ""


def _same_output(measurement: Measurement, before: Measurement | None, difference: Difference | None) -> str:
    if difference is not None:
        return "known changes" if difference.changes else "no"
    if before is None or measurement.output is None or before.output is None:
        return ""
    if measurement.floor or before.floor:
        return "floor"
    same_mode = measurement.case.mode == before.case.mode
    return "yes" if differing.alike(before.output, measurement.output, same_mode) else "no"


def _somewhere(label: str, measurement: Measurement, before: Measurement) -> str:
    assert before.output is not None
    assert measurement.output is not None
    first, last = differing.first_block(before.output, measurement.output)
    return (
        f"{label}: the outputs differ, first between update {first + 1:,} and {last + 1:,}; "
        "perfbench compare with two specs names the field"
    )


def _failures(measurement: Measurement, before: Measurement | None, sides: Sequence[str]) -> Iterable[str]:
    for side in (before, measurement) if sides and before else (measurement,):
        name = f"{side.case.mode} in {side.case.environment}" if sides else side.case.mode
        yield from (f"{name}: {f.message} ({f.kind} pass)" for f in side.failures if not f.unavailable)


def _known(group: Sequence[Measurement], run: Run) -> str:
    """The announced changes that explain different outputs of this table, in a line."""
    names = {name for m in group for difference in m.differences for name in difference.changes}
    announced = next((s.changes for s in run.scenarios if s.name == group[0].case.scenario), ())
    return changes.told(change for change in announced if change.name in names)


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _table_doubts(rows: Sequence[Row], group: Sequence[Measurement], metric: str, run: Run) -> Iterable[str]:
    """One text for each kind of doubt, with all the modes that it is about."""
    if not run.finished:
        yield "this run was not finished" + ("; --resume continues it" if run.settings.gate is None else "")
    if not run.paired:
        yield "unpaired: the two runs were not measured at the same time, and what the machine did between them is in the ratio"
    yield from wording.unlike_installations(group, run)
    about: dict[str, list[str]] = {}
    for row in rows:
        for doubt in _row_doubts(row, metric, run):
            about.setdefault(doubt.what, []).append(f"{row.mode} {doubt.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    if metric == CPU_SECONDS.name and not run.machine.pinned and rows:
        yield "this system cannot hold two passes on one core: the passes of a pair ran one after the other"
    if run.machine.load > run.machine.cores:
        cores = formatting.plural(run.machine.cores, "core")
        yield f"the machine was busy at the start: load {run.machine.load:.1f} on {cores}"


def _row_doubts(row: Row, metric: str, run: Run) -> Iterable[Doubt]:
    settings = run.settings
    if row.comparison is not None:
        yield from row.comparison.doubts
        width = (row.comparison.high - row.comparison.low) / 2 / row.comparison.ratio
        aimed = run.paired and settings.rounds is None and settings.gate is None
        if aimed and math.isfinite(width) and width > settings.precision:
            yield Doubt(f"intervals are wider than the ± {settings.precision:.1%} asked for", f"± {width:.1%}")
    if metric != CPU_SECONDS.name or not row.seconds:
        return
    if row.seconds < SHORT_PASS_SECONDS:
        yield Doubt("short passes, a longer file measures better", f"{row.seconds * 1000:.1f} ms")
    if row.wall_seconds and row.wall_seconds > CONTENDED * row.seconds:
        yield Doubt("passes alone took more wall than CPU time", f"{row.wall_seconds / row.seconds:.2f}x")
