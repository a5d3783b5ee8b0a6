"""Columns of durations in the tables of a report: every cell of a column in one unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from perfbench.model import Metric
from perfbench.report.model import ReportTable, Row
from perfbench.util import formatting
from perfbench.util.seconds import SecondsColumn


def choose_seconds_column(rows: Iterable[Row]) -> SecondsColumn:
    """The format of the measured seconds of these rows."""
    return SecondsColumn.of(value for row in rows for value in _list_seconds(row))


def format_seconds_cell(row: Row, column: SecondsColumn | None = None) -> str:
    """``6.860s → 2.998s``; of a row without a comparison ``6.860s``.

    :param column: the format of the column, that of the row alone if there is none.
    """
    values = list(_list_seconds(row))
    column = SecondsColumn.of(values) if column is None else column
    if row.comparison is not None:
        # a row shows the seconds of the pairs that its ratio comes from, not of all passes of the case
        return column.format_pair(row.comparison.before, row.comparison.after)
    return column.format(row.seconds) if row.seconds is not None else formatting.MISSING_TEXT


def format_own_seconds(read: Callable[[Row], float | None], row: Row, table: ReportTable) -> str:
    """The cell of a column of other seconds, such as those of a start; empty without any."""
    value = read(row)
    return SecondsColumn.of(read(other) or None for other in table.rows).format(value) if value else ""


def format_metric_values(metric: Metric, before: float | None, after: float, table: ReportTable) -> str:
    """``96.3 B → 1,210 B``, ``20.000ms → 173.024ms``: the values of a metric that scenarios report; ``before`` if there is one."""
    if metric.unit == "seconds":
        column = SecondsColumn.of(_list_reported(metric, table))
        return column.format(after) if before is None else column.format_pair(before, after)
    if before is None:
        return formatting.format_amount(after, metric.unit)
    return formatting.format_amount_pair(before, after, metric.unit)


def _list_seconds(row: Row) -> Iterator[float]:
    if row.comparison is not None:
        yield from (row.comparison.before, row.comparison.after)
    elif row.seconds is not None:
        yield row.seconds


def _list_reported(metric: Metric, table: ReportTable) -> Iterator[float | None]:
    for row in table.rows:
        for number in row.reported:
            if number.metric == metric:
                yield from (number.before if table.sides else None, number.after)
