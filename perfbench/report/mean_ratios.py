"""Geometric means of the ratios of several market files, from the rows of their tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.model import Run, Value
from perfbench.report.model import MeanRatio, ReportTable, Row
from perfbench.stats.geometric_mean import RatioInterval, combine_ratios
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS

MIN_FILES = 2
"""Fewer ratios than this have no mean."""


@dataclass(frozen=True, slots=True)
class _TableKind:
    """What the tables of one mean have in common: everything but the market file."""

    scenario: str
    parameters: tuple[tuple[str, Value], ...]
    sides: tuple[str, ...]
    environment: str
    metric: str


def build_mean_ratios(run: Run, tables: Sequence[ReportTable]) -> tuple[MeanRatio, ...]:
    """The means of a run of several market files, in the order of its tables and rows (docs/concepts/estimate.md#several-files).

    None for a gate, which decides about every case, for a release sweep, and for a corpus, which has totals. A row whose output
    differs, or whose ratio is missing in a file, is left out there.
    """
    if run.settings.gate is not None or run.settings.links or run.corpus is not None:
        return ()
    environments = {measurement.case.id: measurement.case.environment for measurement in run.measurements}
    kinds: dict[_TableKind, list[ReportTable]] = {}
    for table in tables:
        if table.data and table.rows:
            environment = "" if table.sides else environments.get(table.rows[0].case, "")
            kind = _TableKind(table.scenario, table.parameters, table.sides, environment, table.metric)
            kinds.setdefault(kind, []).append(table)
    return tuple(mean for kind, members in kinds.items() for mean in _build_means(run, kind, members))


def _build_means(run: Run, kind: _TableKind, tables: Sequence[ReportTable]) -> Iterator[MeanRatio]:
    labels = dict.fromkeys(row.mode for table in tables for row in table.rows if not row.baseline)
    for label in labels:
        rows = {table.data: _find_row(table, label) for table in tables}
        measured = {name: row for name, row in rows.items() if row is not None and _has_ratio(row)}
        if len(measured) < MIN_FILES:
            continue
        first, *_ = measured.values()
        mean = combine_ratios([_read_interval(row, paired=run.paired) for row in measured.values()])
        yield MeanRatio(
            scenario=kind.scenario,
            parameters=kind.parameters,
            sides=kind.sides,
            environment=kind.environment,
            metric=kind.metric,
            mode=label,
            case=first.case,
            case_before=first.case_before,
            mean=mean,
            verdict=STANDARD_BOUNDS.classify_ratio(mean.low, mean.high),
            data=tuple(measured),
            left_out=tuple(name for name in rows if name not in measured),
        )


def _find_row(table: ReportTable, label: str) -> Row | None:
    return next((row for row in table.rows if row.mode == label and not row.baseline), None)


def _has_ratio(row: Row) -> bool:
    comparison = row.comparison
    return comparison is not None and not row.output_differs and 0 < comparison.ratio < math.inf


def _read_interval(row: Row, *, paired: bool) -> RatioInterval:
    """The ratio of a row with its interval; none in unpaired tables, of which each has what the machine did between the runs."""
    assert row.comparison is not None
    if not paired:
        return RatioInterval(row.comparison.ratio, 0.0, math.inf)
    return RatioInterval(row.comparison.ratio, row.comparison.low, row.comparison.high)
