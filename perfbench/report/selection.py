"""Rows of a report that match conditions, and their order: ``--filter`` and ``--sort`` of ``perfbench show``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from perfbench.errors import UsageProblem
from perfbench.model import Case, Run
from perfbench.report.figures import build_figures
from perfbench.report.mean_ratios import build_mean_ratios
from perfbench.report.model import Figure, Report, ReportTable, Row
from perfbench.sweep.trajectory import ModeTrajectory, SweepRelease, Trajectory, TrajectoryPoint
from perfbench.util import formatting
from perfbench.util.suggest import suggest_name

FIELDS = ("scenario", "mode", "data", "environment", "parameters", "status")
"""What ``--filter`` can ask for."""

EXAMPLE = "--filter 'mode=full data=PRO*'"
MAX_EXAMPLES = 6
"""Values that a hint names where nothing matches."""

SortValue = str | float | None
Item = TypeVar("Item")

SORT_KEYS: dict[str, Callable[[ReportTable, Row], SortValue]] = {
    "ratio": lambda _table, row: row.comparison.ratio if row.comparison is not None else None,
    "seconds": lambda _table, row: row.seconds,
    "memory": lambda _table, row: row.peak_rss_bytes,
    "mode": lambda _table, row: row.mode,
    "scenario": lambda table, _row: table.scenario,
    "data": lambda table, _row: table.data,
    "parameters": lambda table, _row: ",".join(table.parameter_texts),
    "status": lambda _table, row: row.status.value,
}
"""What ``--sort`` can order by; a minus before it reverses the order."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A field that must match one of these patterns, in which ``*``, ``?`` and ``[…]`` are those of file names."""

    field: str
    patterns: tuple[str, ...]

    def matches(self, values: Iterable[str]) -> bool:
        """Whether any of the values of the field matches; brackets may also stand for themselves."""
        return any(value == pattern or fnmatchcase(value, pattern) for value in values for pattern in self.patterns)

    def __str__(self) -> str:
        return " ".join(shlex.quote(f"{self.field}={pattern}") for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class SortOrder:
    """A key of ``SORT_KEYS`` and its direction."""

    key: str
    descending: bool = False


def parse_conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Parse ``--filter``: ``FIELD=PATTERN`` words, of which those of one field are alternatives. Raises UsageProblem."""
    patterns: dict[str, list[str]] = {}
    for text in texts:
        for word in _split_words(text):
            name, equals, pattern = word.partition("=")
            if equals and name not in FIELDS:
                near = suggest_name(name, FIELDS, list_all=False)
                raise UsageProblem(f"--filter {text}: no field `{name}`{near}", hint=f"fields: {', '.join(FIELDS)}")
            if not (equals and pattern):
                raise UsageProblem(f"--filter {text}: `{word}` is not FIELD=PATTERN", hint=f"for example {EXAMPLE}")
            patterns.setdefault(name, []).append(pattern)
    return tuple(Condition(name, tuple(given)) for name, given in patterns.items())


def _split_words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError:
        raise UsageProblem(f"--filter {text}: a quotation mark is not closed", hint=f"for example {EXAMPLE}") from None
    if not words:
        raise UsageProblem("--filter: no condition", hint=f"for example {EXAMPLE}")
    return words


def parse_sort(text: str | None) -> SortOrder | None:
    """Parse ``--sort``: a key, with ``-`` before it for the greatest first. Raises UsageProblem."""
    if text is None:
        return None
    key = text.removeprefix("-")
    if key not in SORT_KEYS:
        near = suggest_name(key, SORT_KEYS, list_all=False)
        raise UsageProblem(f"--sort {text}: no key `{key}`{near}", hint=f"keys: {', '.join(SORT_KEYS)}")
    return SortOrder(key, text.startswith("-"))


def select_rows(report: Report, conditions: Sequence[Condition], order: SortOrder | None) -> Report:
    """The report with the matching rows only, in this order; its status stays that of all rows.

    The baseline of a table stays above the other rows, and rows without the value come last. Raises UsageProblem if there is none.
    """
    cases = {measurement.case.id: measurement.case for measurement in report.run.measurements}
    tables = [
        replace(table, rows=tuple(row for row in table.rows if _matches(table, row, cases, conditions)))
        for table in report.tables
    ]
    kept = [table for table in tables if table.rows]
    total, shown = (sum(len(table.rows) for table in some) for some in (report.tables, kept))
    if not shown:
        raise _build_no_match(conditions, _list_values(report, cases))
    if order is not None:
        kept = _sort_tables(kept, order, split=report.run.settings.gate is not None)
    if shown == total:
        return replace(report, tables=tuple(kept))
    texts = " ".join(map(str, conditions))
    return replace(
        report,
        tables=tuple(kept),
        figures=_rebuild_figures(report, kept),
        means=build_mean_ratios(report.run, kept),
        selected=f"{shown} of {formatting.format_plural(total, 'row')} shown: {texts}",
        hidden=total - shown,
    )


def select_points(trajectory: Trajectory, run: Run, conditions: Sequence[Condition]) -> Trajectory:
    """The modes and releases of a sweep that match. Raises UsageProblem if nothing does.

    The status of a release is the verdict of its step; that of the first is ``measured``.
    """
    texts = [
        (line, number, _list_point_values(run, line, release, line.points[number]))
        for line in trajectory.lines
        for number, release in enumerate(trajectory.releases)
    ]
    kept = [
        (line.mode, number)
        for line, number, values in texts
        if all(condition.matches(values[condition.field]) for condition in conditions)
    ]
    if not kept:
        raise _build_no_match(conditions, [values for _, _, values in texts])
    modes, numbers = {mode for mode, _ in kept}, sorted({number for _, number in kept})
    return Trajectory(
        tuple(trajectory.releases[number] for number in numbers),
        tuple(
            replace(line, points=tuple(line.points[number] for number in numbers))
            for line in trajectory.lines
            if line.mode in modes
        ),
    )


def _list_point_values(
    run: Run, line: ModeTrajectory, release: SweepRelease, point: TrajectoryPoint
) -> Mapping[str, Sequence[str]]:
    case = next((measurement.case for measurement in run.measurements if measurement.case.mode == line.mode), None)
    status = "not measured" if point.relative is None else point.step.verdict.value if point.step else "measured"
    return {
        "scenario": tuple(scenario.name for scenario in run.scenarios),
        "mode": (line.mode,),
        "data": tuple(market.name for market in run.data) or ("",),
        "environment": (release.name, release.environment),
        "parameters": _list_parameter_texts(case.parameters if case is not None else ()),
        "status": (status,),
    }


def _matches(table: ReportTable, row: Row, cases: Mapping[str, Case], conditions: Sequence[Condition]) -> bool:
    values = _list_row_values(table, row, cases)
    return all(condition.matches(values[condition.field]) for condition in conditions)


def _list_row_values(table: ReportTable, row: Row, cases: Mapping[str, Case]) -> Mapping[str, Sequence[str]]:
    """The values of every field of a row; the environment is that of either side, the status also the verdict."""
    after, before = cases.get(row.case), cases.get(row.case_before)
    environments = (side.environment for side in (after, before if table.sides else None) if side is not None)
    verdict = (row.comparison.verdict.value,) if row.comparison is not None else ()
    return {
        "scenario": (table.scenario,),
        "mode": tuple(dict.fromkeys((after.mode if after is not None else row.mode, row.mode))),
        "data": (table.data,),
        "environment": tuple(dict.fromkeys(environments)),
        "parameters": _list_parameter_texts(table.parameters),
        "status": tuple(dict.fromkeys((row.status.value, *verdict))),
    }


def _list_parameter_texts(parameters: Sequence[tuple[str, object]]) -> tuple[str, ...]:
    """``window=10,depth=3`` and each of them."""
    texts = tuple(f"{name}={value}" for name, value in parameters)
    return tuple(dict.fromkeys((",".join(texts), *texts)))


def _list_values(report: Report, cases: Mapping[str, Case]) -> list[Mapping[str, Sequence[str]]]:
    return [_list_row_values(table, row, cases) for table in report.tables for row in table.rows]


def _build_no_match(conditions: Sequence[Condition], rows: Sequence[Mapping[str, Sequence[str]]]) -> UsageProblem:
    """The error of conditions that no row meets; the hint names the values of the first field that never matches."""
    texts = " ".join(map(str, conditions))
    never = [c for c in conditions if not any(c.matches(values[c.field]) for values in rows)]
    field = (never or conditions or (Condition("mode", ()),))[0].field
    values = dict.fromkeys(formatting.make_printable(value) for row in rows for value in row[field] if value)
    listed = ", ".join(list(values)[:MAX_EXAMPLES]) + (", …" if len(values) > MAX_EXAMPLES else "")
    return UsageProblem(
        f"--filter {texts}: no row matches", hint=f"{field}: {listed}" if listed else f"no {field} here"
    )


def _sort_tables(tables: Sequence[ReportTable], order: SortOrder, *, split: bool) -> list[ReportTable]:
    """The tables by their first row after the baseline, each with its rows sorted; ``split``: rows of all tables as one."""
    if split:
        tables = [replace(table, rows=(row,)) for table in tables for row in table.rows if not row.baseline]
    ordered = [replace(table, rows=tuple(_sort_rows(table, order))) for table in tables]
    return _sort_by(ordered, lambda table: _read_first(table, order), order)


def _sort_rows(table: ReportTable, order: SortOrder) -> Iterator[Row]:
    yield from (row for row in table.rows if row.baseline)
    others = [row for row in table.rows if not row.baseline]
    yield from _sort_by(others, lambda row: SORT_KEYS[order.key](table, row), order)


def _read_first(table: ReportTable, order: SortOrder) -> SortValue:
    first = next((row for row in table.rows if not row.baseline), table.rows[0])
    return SORT_KEYS[order.key](table, first)


def _sort_by(items: Sequence[Item], read: Callable[[Item], SortValue], order: SortOrder) -> list[Item]:
    """The items by a value of theirs, those without one last."""
    valued = [(value, item) for item in items if (value := read(item)) is not None]
    in_order = sorted(valued, key=lambda pair: pair[0], reverse=order.descending)
    return [item for _, item in in_order] + [item for item in items if read(item) is None]


def _rebuild_figures(report: Report, tables: Sequence[ReportTable]) -> tuple[Figure, ...]:
    """The figures of these tables, with the references of the whole report: the baseline may not be among them."""
    references = {_identify(figure): figure.reference for figure in report.figures}
    return tuple(
        replace(figure, reference=references.get(_identify(figure), figure.reference))
        for figure in build_figures(report.run, tables)
    )


def _identify(figure: Figure) -> tuple[object, ...]:
    return figure.scenario, figure.data, figure.environment, figure.fixed, figure.parameter
