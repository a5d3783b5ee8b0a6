"""The tables in which a report is shown: one for each scenario and market, or one for all that a gate judges.

Below them, of a sweep of a number, one for each of its figures.
"""

from __future__ import annotations

from perfbench import crossing_table, figures, gate_table, layout
from perfbench.layout import Cells
from perfbench.report import Report


def pages(report: Report) -> list[Cells]:
    """The tables as texts, in order."""
    if report.run.settings.gate is not None:
        return [gate_table.cells(report)]
    tables = [layout.cells(table, report) for table in report.tables]
    return [*tables, *map(crossing_table.cells, figures.figures(report))]
