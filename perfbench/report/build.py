"""Build the report of a run: tables, comparisons, notes, warnings and status from raw samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from perfbench.environments import labels
from perfbench.gate import verdict
from perfbench.model import Measurement, Run, Sample
from perfbench.report import advice, text
from perfbench.report.claim_result import ClaimResult
from perfbench.report.figures import build_figures
from perfbench.report.mean_ratios import build_mean_ratios
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.rows import GateComparisons, RowBuilder
from perfbench.report.shard_table import build_shard_table
from perfbench.report.status import compute_status
from perfbench.report.survey_table import build_survey_table
from perfbench.report.trust_warnings import describe_table_warnings
from perfbench.runner import plan
from perfbench.stats import instructions, pairs
from perfbench.stats.comparison import choose_confidence

DEFAULT_GROUP = (("here",),)


def build_report(run: Run, columns: Sequence[str]) -> Report:
    """The report of a run with every comparison computed from its raw samples.

    :param columns: the columns to show.
    """
    groups = group_measurements(run)
    gate_comparisons = verdict.evaluate_gate(run)
    tables = tuple(_build_table(group, run, gate_comparisons) for group in groups)
    status = compute_status(run, tables)
    begun = tuple(table for table, group in zip(tables, groups, strict=True) if any(map(_has_begun, group)))
    problems = run.problems
    if run.settings.gate is None and len(begun) < len(tables) > 1:
        line = _describe_not_begun(tables, begun)
        problems, status = (*problems, line), replace(status, missing=(*status.missing, line))
        tables = begun
    return Report(
        run,
        tables,
        problems,
        tuple(columns),
        status,
        figures=build_figures(run, tables),
        means=build_mean_ratios(run, tables),
    )


def group_measurements(run: Run) -> list[tuple[Measurement, ...]]:
    """The measurements of each table, in their order; those of all batches of a corpus belong to one."""
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for measurement in run.measurements:
        case, surveyed = measurement.case, run.is_surveyed(measurement.case)
        key = (
            case.scenario,
            "" if surveyed else case.data,
            case.parameters,
            _find_group_number(measurement, run),
            surveyed,
        )
        groups.setdefault(key, []).append(measurement)
    return [tuple(group) for group in groups.values()]


def _has_begun(measurement: Measurement) -> bool:
    return bool(measurement.samples or measurement.failures or measurement.output)


def _describe_not_begun(tables: Sequence[ReportTable], begun: Sequence[ReportTable]) -> str:
    """``38 of 40 markets were not begun``; tables are counted where a market has several."""
    what = "markets" if len({table.data for table in tables}) == len(tables) else "tables"
    return f"{len(tables) - len(begun)} of {len(tables)} {what} were not begun"


def _find_group_number(measurement: Measurement, run: Run) -> int:
    """The number of the group of environments in which a case was compared."""
    groups = run.settings.environments or DEFAULT_GROUP
    plain = measurement.case.environment
    return next((number for number, group in enumerate(groups) if labels.strip_copy_number(plain) in group), 0)


def _build_table(group: Sequence[Measurement], run: Run, gate_comparisons: GateComparisons) -> ReportTable:
    if run.corpus is not None and run.is_surveyed(group[0].case):
        if run.settings.shard != (1, 1):
            return build_shard_table(group, run, run.corpus)
        return build_survey_table(group, run, run.corpus, gate_comparisons)
    samples = [sample for measurement in group for sample in measurement.samples]
    metric = pairs.choose_metric(samples, group[0].metric)
    baseline = next((m for m in group if m.baseline), group[0])
    environments = tuple(dict.fromkeys(m.case.environment for m in group))
    sides = environments if len(environments) > 1 else ()
    builder = RowBuilder(run, gate_comparisons, metric, sides)
    rows = tuple(_build_rows(group, baseline, builder))
    market = next((market for market in run.data if market.name == group[0].case.data), None)
    rounds = _count_rounds(samples)
    warnings = [*describe_table_warnings(rows, group, metric, run), *(market.doubts if market else ())]
    with_advice = not sides and run.settings.gate is None
    return ReportTable(
        scenario=baseline.case.scenario,
        data=baseline.case.data,
        parameters=baseline.case.parameters,
        unit=baseline.unit,
        metric=metric,
        work=max(baseline.works, default=None),
        rounds=rounds,
        rows=rows,
        about=text.describe_conditions(group, metric, rounds, run),
        warnings=tuple(dict.fromkeys(warnings)),
        sides=sides,
        known_changes=text.describe_known_changes(group, run),
        counted=instructions.describe_counting(group),
        advice=tuple(_evaluate_advice(group, builder)) if with_advice else (),
        is_program=run.is_program(baseline.case),
    )


def _count_rounds(samples: Sequence[Sample]) -> int:
    """The rounds of pairs; where nothing is paired, those of solo passes, which are numbered after the first solo passes."""
    duets = [sample.round for sample in samples if sample.kind == "duet"]
    if duets:
        return 1 + max(duets)
    return len({sample.round for sample in samples if sample.kind == "alone" and sample.round >= plan.SOLO_PASSES})


def _evaluate_advice(group: Sequence[Measurement], builder: RowBuilder) -> Iterator[ClaimResult]:
    scenario = builder.run.scenario(group[0].case.scenario)
    if scenario is None:
        return
    modes = {measurement.case.mode: measurement for measurement in group}
    confidence = choose_confidence(builder.run.settings)
    evidence = advice.Evidence(modes, scenario.metrics, builder.metric, builder.compare, confidence)
    yield from advice.evaluate_advice(scenario.claims, evidence)


def _build_rows(group: Sequence[Measurement], baseline: Measurement, builder: RowBuilder) -> Iterable[Row]:
    if not builder.sides:
        yield builder.build(baseline, None)
        yield from (builder.build(measurement, baseline) for measurement in group if measurement is not baseline)
        return
    by_id = {measurement.case.id: measurement for measurement in group}
    for before, after in builder.run.duets:
        if before in by_id and after in by_id:
            yield builder.build(by_id[after], by_id[before])
