"""A report of a sweep → its figures: the ratio of every mode over the values of a parameter. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.environments import labels
from perfbench.errors import UsageProblem
from perfbench.model import Settings, Value, select_for_scenario
from perfbench.report.model import Report, ReportTable, Row
from perfbench.sweep.crossover import CurvePoint, RatioCurve

OUTPUT_DIFFERS_TEXT = "the output is not the same"
INCOMPLETE_TEXT = "not everything was measured"
UNAVAILABLE_TEXT = "not available here"
UNCOMPARABLE_TEXTS = (OUTPUT_DIFFERS_TEXT, INCOMPLETE_TEXT)
"""Problems that take a mark: something is wrong with the mode, not with the machine."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The modes of one scenario on one market, over the values of ``parameter``; all other parameters are ``fixed``.

    ``reference`` is what the ratios are relative to, a mode or an environment; ``environment`` is empty where there is one only.
    """

    scenario: str
    data: str
    environment: str
    fixed: tuple[tuple[str, Value], ...]
    parameter: str
    metric: str
    reference: str
    curves: tuple[RatioCurve, ...]

    @property
    def title(self) -> str:
        """``ring · market · key 3 · over periods``."""
        fixed = (f"{name} {value}" for name, value in self.fixed)
        parts = (self.scenario, self.data, self.environment, *fixed, f"over {self.parameter}")
        return " · ".join(part for part in parts if part)

    @property
    def ylabel(self) -> str:
        """What a ratio is: a cost, so that less is better."""
        metric = self.metric.replace("_", " ").replace("cpu", "CPU")
        return f"{metric} relative to {self.reference}, below 1 is faster"

    @property
    def logarithmic(self) -> bool:
        """Whether the values stand on a logarithmic axis."""
        return all(curve.logarithmic for curve in self.curves)

    @property
    def values(self) -> tuple[float, ...]:
        """The values of the parameter, in order."""
        return tuple(sorted({point.value for curve in self.curves for point in curve.points}))

    @property
    def ratios(self) -> tuple[float, ...]:
        """All that the axis of ratios has to hold: the 1, the ratios, the ends of their intervals."""
        known = [point for curve in self.curves for point in curve.known]
        return (1.0, *(end for point in known for end in (point.low, point.ratio, point.high) if end is not None))

    def place(self, value: float) -> float:
        """Where a value of the parameter stands on its axis."""
        return math.log(value) if self.logarithmic else float(value)


def require_numeric_sweep(settings: Settings) -> None:
    """Raises UsageProblem if no number is swept, so that there will be nothing to draw."""
    if not any(len(set(filter(math.isfinite, map(_parse_number, values)))) > 1 for _, values in settings.sweep):
        raise UsageProblem("--plot: there is no axis: sweep a number, such as --sweep periods=5,50,500")


def build_figures(report: Report) -> tuple[Figure, ...]:
    """The figures of a report in the order of its tables; none of a gate, and where no number is swept.

    The axis is the swept number with the most values; every combination of the other parameters has a figure of its own.
    """
    if report.run.settings.gate is not None:
        return ()
    places = {measurement.case.id: measurement.case.environment for measurement in report.run.measurements}
    several = len(set(places.values())) > 1
    apart: dict[tuple[object, ...], list[ReportTable]] = {}
    for name in dict.fromkeys(table.scenario for table in report.tables):
        tables = [table for table in report.tables if table.scenario == name]
        axis = _choose_axis(tables, select_for_scenario(report.run.settings.sweep, name))
        for table in tables:
            parameters = dict(table.parameters)
            if axis and _is_finite(parameters.pop(axis, None)):
                place = places.get(table.rows[0].case, "") if several and table.rows and not table.sides else ""
                key = (name, table.data, place, table.sides, tuple(parameters.items()), axis)
                apart.setdefault(key, []).append(table)
    drawn = (_build_figure(key, tables) for key, tables in apart.items())
    return tuple(figure for figure in drawn if len(figure.values) > 1 and any(curve.known for curve in figure.curves))


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
    problem = (
        OUTPUT_DIFFERS_TEXT
        if row.same_output == "no"
        else INCOMPLETE_TEXT
        if row.failed
        else UNAVAILABLE_TEXT
        if row.unavailable
        else ""
    )
    found = row.comparison
    if found is None or not (found.ratio > 0 and math.isfinite(found.ratio)):
        return CurvePoint(value, None, problem=problem)
    return CurvePoint(value, found.ratio, found.low, found.high, found.verdict, problem)


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
