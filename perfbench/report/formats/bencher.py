"""The Bencher Metric Format, ``bencher run --adapter json --file …``: https://bencher.dev/docs/reference/bencher-metric-format/."""

from __future__ import annotations

import json

from perfbench.report.model import Report
from perfbench.report.timings import CorpusTotal, TimedCase, collect_corpus_totals, collect_tracked_cases

SUFFIX = ".json"
NANOSECONDS_PER_SECOND = 1e9


def render(report: Report) -> str:
    """The latency in nanoseconds and the throughput in units of work per second of every measured case.

    Both are medians, from the first to the third quartile. The metrics of the scenario follow under their own names. Of a corpus
    the latency is its total, with the interval of the table.
    """
    own = {row.case: row.reported for table in report.tables for row in table.rows}
    measures = {
        case.name: {
            **_build_measures(case),
            **{number.metric.name: {"value": number.after} for number in own.get(case.case.id, ())},
        }
        for case in collect_tracked_cases(report)
    }
    measures |= {total.name: _build_total(total) for total in collect_corpus_totals(report)}
    return json.dumps(measures, indent=1, allow_nan=False) + "\n"


def _build_measures(case: TimedCase) -> dict[str, dict[str, float]]:
    low, high = case.quartiles
    measures = {
        "latency": _build_metric(
            low * NANOSECONDS_PER_SECOND, case.median * NANOSECONDS_PER_SECOND, high * NANOSECONDS_PER_SECOND
        )
    }
    if case.work > 0:
        measures["throughput"] = _build_metric(case.work / high, case.work / case.median, case.work / low)
    return measures


def _build_total(total: CorpusTotal) -> dict[str, dict[str, float]]:
    ends = (total.low, total.seconds, total.high)
    return {"latency": _build_metric(*(seconds * NANOSECONDS_PER_SECOND for seconds in ends))}


def _build_metric(low: float, value: float, high: float) -> dict[str, float]:
    return {"value": value, "lower_value": low, "upper_value": high}
