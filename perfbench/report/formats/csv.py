"""The raw samples in long form, one line a metric, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io

from perfbench.model import METRICS
from perfbench.report.model import Report

SUFFIX = ".csv"
COLUMN_HEADS = (
    "run",
    "scenario",
    "mode",
    "environment",
    "data",
    "parameters",
    "kind",
    "round",
    "pair",
    "order",
    "work",
    "metric",
    "unit",
    "value",
)


def render(report: Report) -> str:
    """A head and one line for each metric and each number of each sample; failed passes have no line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMN_HEADS)
    own = {(s.name, metric.name): metric.unit for s in report.run.scenarios for metric in s.metrics}
    for measurement in report.run.measurements:
        case = measurement.case
        parameters = " ".join(f"{name}={value}" for name, value in case.parameters)
        for s in measurement.samples:
            front = (report.run.id, case.scenario, case.mode, case.environment, case.data, parameters)
            for name, value in (*s.metrics.items(), *s.numbers.items()):
                unit = METRICS[name].unit if name in METRICS else own.get((case.scenario, name), "")
                writer.writerow((*front, s.kind, s.round, s.pair, s.order, s.work, name, unit, repr(value)))
    return out.getvalue()
