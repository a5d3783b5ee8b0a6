"""Build the figures of a parameter sweep: the ratio of every mode over the values of a parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from perfbench.environments import labels
from perfbench.errors import UsageProblem
from perfbench.model import Run, Settings, Value, select_for_scenario
from perfbench.report.model import Figure, ReportTable, Row
from perfbench.sweep.crossover import CurvePoint, RatioCurve

OUTPUT_DIFFERS_TEXT = "the output differs"
INCOMPLETE_TEXT = "not everything was measured"
UNAVAILABLE_TEXT = "not available here"
UNCOMPARABLE_TEXTS = (OUTPUT_DIFFERS_TEXT, INCOMPLETE_TEXT)
"""Problems that get a mark: they lie in the mode, not in the machine."""


def require_numeric_sweep(settings: Settings) -> None:
    """Raise UsageProblem if no number is swept, so that there would be nothing to plot."""
    if not any(len(set(filter(math.isfinite, map(_parse_number, values)))) > 1 for _, values in settings.sweep):
        raise UsageProblem("--plot needs a numeric sweep, such as --sweep periods=5,50,500")


def build_figures(run: Run, tables: Sequence[ReportTable]) -> tuple[Figure, ...]:
    """The figures of a report in the order of its tables; none for a gate, or where no number is swept.

    The axis is the swept number with the most values; every combination of the other parameters has a figure of its own.
    """
    if run.settings.gate is not None:
        return ()
    environments = {measurement.case.id: measurement.case.environment for measurement in run.measurements}
    several = len(set(environments.values())) > 1
    grouped: dict[tuple[object, ...], list[ReportTable]] = {}
    for name in dict.fromkeys(table.scenario for table in tables):
        of_scenario = [table for table in tables if table.scenario == name]
        axis = _choose_axis(of_scenario, select_for_scenario(run.settings.sweep, name))
        for table in of_scenario:
            parameters = dict(table.parameters)
            if axis and _is_finite(parameters.pop(axis, None)):
                named = several and table.rows and not table.sides
                environment = environments.get(table.rows[0].case, "") if named else ""
                key = (name, table.data, environment, table.sides, tuple(parameters.items()), axis)
                grouped.setdefault(key, []).append(table)
    figures = (_build_figure(key, members) for key, members in grouped.items())
    return tuple(figure for figure in figures if len(figure.values) > 1 and any(curve.known for curve in figure.curves))


def _choose_axis(tables: Sequence[ReportTable], swept: Iterable[str]) -> str:
    """The swept number of which these tables have the most values; empty if there is none with two."""
    counts = {}
    for name in swept:
        values = {value for table in tables for key, value in table.parameters if key == name}
        if len(values) > 1 and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            counts[name] = len(values)
    return max(counts, key=lambda name: counts[name], default="")


def _build_figure(key: tuple[object, ...], tables: Sequence[ReportTable]) -> Figure:
    first, axis = tables[0], str(key[-1])
    ordered = sorted(tables, key=lambda table: _read_axis_value(table, axis))
    modes = dict.fromkeys(row.mode for table in tables for row in table.rows if not row.baseline)
    return Figure(
        scenario=first.scenario,
        data=first.data,
        environment=str(key[2]),
        fixed=tuple((name, value) for name, value in first.parameters if name != axis),
        parameter=axis,
        metric=first.metric,
        reference=_find_reference(tables),
        curves=tuple(
            RatioCurve(
                mode,
                axis,
                tuple(_build_point(_read_axis_value(table, axis), _find_row(table, mode)) for table in ordered),
            )
            for mode in modes
        ),
    )


def _find_reference(tables: Sequence[ReportTable]) -> str:
    """The baseline, or the first of the environments that are compared."""
    first = tables[0]
    if first.sides:
        common, names = labels.split_side_names(first.sides)
        return f"{common} {names[0]}".strip()
    return next((table.baseline.mode for table in tables if table.baseline), "the baseline")


def _find_row(table: ReportTable, mode: str) -> Row | None:
    return next((row for row in table.rows if row.mode == mode and not row.baseline), None)


def _build_point(value: float, row: Row | None) -> CurvePoint:
    if row is None:
        return CurvePoint(value, None)
    comparison, problem = row.comparison, _describe_problem(row)
    if comparison is None or not (comparison.ratio > 0 and math.isfinite(comparison.ratio)):
        return CurvePoint(value, None, problem=problem)
    return CurvePoint(value, comparison.ratio, comparison.low, comparison.high, comparison.verdict, problem)


def _describe_problem(row: Row) -> str:
    if row.output_differs:
        return OUTPUT_DIFFERS_TEXT
    if row.failed:
        return INCOMPLETE_TEXT
    return UNAVAILABLE_TEXT if row.unavailable else ""


def _read_axis_value(table: ReportTable, axis: str) -> float:
    value = dict(table.parameters)[axis]
    assert isinstance(value, (int, float))
    return value


def _is_finite(value: Value | None) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
