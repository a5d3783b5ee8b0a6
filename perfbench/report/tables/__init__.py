"""Text tables of reports, gates, sweeps, crossovers, calibrations and advice."""

from __future__ import annotations

from perfbench.report.model import Report
from perfbench.report.tables import comparison, crossover, gate, mean_ratio
from perfbench.report.text_table import TextTable


def build_tables(report: Report) -> list[TextTable]:
    """One table for each scenario and market, each mean over markets, and each figure of a sweep; a single one for a gate."""
    if report.run.settings.gate is not None:
        return [gate.build_gate_table(report)]
    tables = [comparison.build_report_table(table, report) for table in report.tables]
    return [*tables, *mean_ratio.build_mean_tables(report), *map(crossover.build_crossover_table, report.figures)]
