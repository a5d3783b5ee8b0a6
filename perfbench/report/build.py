"""Build the report of a run: tables, comparisons, notes and warnings from raw samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from perfbench.environments import labels
from perfbench.gate import verdict
from perfbench.model import Comparison, Measurement, Run
from perfbench.report import advice, text
from perfbench.report.model import ClaimResult, Report, ReportTable, Row
from perfbench.report.rows import GateComparisons, build_row, compare_pair, select_scenario_metrics
from perfbench.report.trust_warnings import describe_table_warnings
from perfbench.stats import instructions, pairs

DEFAULT_GROUP = (("here",),)


def build_report(run: Run, columns: Sequence[str]) -> Report:
    """A run with every comparison made from its raw samples, and the columns to show."""
    groups = groupby(
        run.measurements, key=lambda m: (m.case.scenario, m.case.data, m.case.parameters, _find_group_number(m, run))
    )
    judged = verdict.evaluate_gate(run)
    tables = tuple(_build_table(tuple(group), run, judged) for _, group in groups)
    return Report(run, tables, run.problems, tuple(columns))


def _find_group_number(measurement: Measurement, run: Run) -> int:
    """The number of the group of environments in which a case was compared."""
    groups = run.settings.environments or DEFAULT_GROUP
    plain = measurement.case.environment
    return next((number for number, group in enumerate(groups) if labels.strip_copy_number(plain) in group), 0)


def _build_table(group: Sequence[Measurement], run: Run, judged: GateComparisons) -> ReportTable:
    samples = [sample for measurement in group for sample in measurement.samples]
    metric = pairs.choose_metric(samples, group[0].metric)
    baseline = next((m for m in group if m.baseline), group[0])
    sides = tuple(dict.fromkeys(m.case.environment for m in group))
    across = len(sides) > 1
    rows = tuple(_build_rows(group, baseline, metric, run, sides if across else (), judged))
    market = next((market for market in run.data if market.name == group[0].case.data), None)
    rounds = 1 + max((sample.round for sample in samples if sample.kind == "duet"), default=-1)
    works = {sample.work for sample in baseline.timed}
    doubts = [*describe_table_warnings(rows, group, metric, run), *(market.doubts if market else ())]
    return ReportTable(
        scenario=baseline.case.scenario,
        data=baseline.case.data,
        parameters=baseline.case.parameters,
        unit=baseline.unit,
        metric=metric,
        work=max(works) if works else None,
        rounds=rounds,
        rows=rows,
        about=text.describe_conditions(group, metric, rounds, run),
        doubts=tuple(dict.fromkeys(doubts)),
        sides=sides if across else (),
        known=_describe_known_changes(group, run),
        counted=instructions.describe_counting(group),
        advice=() if across or run.settings.gate is not None else tuple(_evaluate_advice(group, metric, run)),
    )


def _evaluate_advice(group: Sequence[Measurement], metric: str, run: Run) -> Iterator[ClaimResult]:
    announced = next((s.claims for s in run.scenarios if s.name == group[0].case.scenario), ())
    modes = {measurement.case.mode: measurement for measurement in group}

    def paired(before: Measurement, after: Measurement) -> Comparison | None:
        return compare_pair(before, after, metric, run, {})

    yield from advice.evaluate_advice(announced, modes, select_scenario_metrics(group[0], run), metric, paired)


def _build_rows(
    group: Sequence[Measurement],
    baseline: Measurement,
    metric: str,
    run: Run,
    sides: Sequence[str],
    judged: GateComparisons,
) -> Iterable[Row]:
    by_id = {measurement.case.id: measurement for measurement in group}
    if not sides:
        yield build_row(baseline, None, metric, run, (), judged)
        yield from (build_row(m, baseline, metric, run, (), judged) for m in group if m is not baseline)
        return
    for before, after in run.duets:
        if before in by_id and after in by_id:
            yield build_row(by_id[after], by_id[before], metric, run, sides, judged)


def _describe_known_changes(group: Sequence[Measurement], run: Run) -> str:
    """The announced changes that explain different outputs of this table, in a line."""
    names = {name for m in group for difference in m.differences for name in difference.changes}
    announced = next((s.changes for s in run.scenarios if s.name == group[0].case.scenario), ())
    return text.describe_changes(change for change in announced if change.name in names)
