"""The tables in which a report is shown: one for each scenario and market, or one for all that a gate judges.

Below them, of a sweep of a number, one for each of its figures.
"""

from __future__ import annotations

from perfbench.report import figures
from perfbench.report.model import Report
from perfbench.report.tables import comparison, crossover, gate
from perfbench.report.text_table import TextTable


def build_tables(report: Report) -> list[TextTable]:
    """The tables as texts, in order."""
    if report.run.settings.gate is not None:
        return [gate.build_gate_table(report)]
    tables = [comparison.build_report_table(table, report) for table in report.tables]
    return [*tables, *map(crossover.build_crossover_table, figures.build_figures(report))]
