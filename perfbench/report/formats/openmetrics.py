"""OpenMetrics text for Prometheus, a textfile collector or a push gateway.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median

from perfbench.model import PEAK_RSS_BYTES, Case
from perfbench.report.model import Report
from perfbench.report.timings import CorpusTotal, TimedCase, collect_corpus_totals, collect_tracked_cases
from perfbench.stats.pairs import select_values
from perfbench.util.formatting import make_printable

SUFFIX = ".txt"

Labels = Mapping[str, str]


def render(report: Report) -> str:
    """Gauges of every case that was measured: seconds, work, memory, what it reports of itself, and how it compares."""
    cases = [(_build_labels(case), case) for case in collect_tracked_cases(report)]
    run, machine = report.run, report.run.machine
    about = {
        "id": run.id,
        "created": run.created,
        "version": run.perfbench,
        "cpu": machine.cpu,
        "python": machine.python,
    }
    lines = [
        "# TYPE perfbench_run info",
        "# HELP perfbench_run What was measured, where and when.",
        _format_sample("perfbench_run_info", about, 1),
        *_render_gauge(
            "pass_seconds",
            "Median of a pass, of the metric in the label.",
            [(n, c.median) for n, c in cases],
            "seconds",
        ),
        *_render_gauge(
            "passes", "How many passes count, each in a process of its own.", [(n, len(c.passes)) for n, c in cases]
        ),
        *_render_gauge(
            "work_rate", "Units of work a second.", [(n, c.work / c.median) for n, c in cases if c.work > 0]
        ),
        *_render_gauge("peak_memory_bytes", "Median peak of a process.", _select_peaks(cases), "bytes"),
        *_render_totals(collect_corpus_totals(report)),
        *_render_metrics(report),
        *_render_comparisons(report),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _build_labels(case: TimedCase) -> Labels:
    return _label_case(case.name, case.case, case.metric, case.measurement.unit)


def _label_case(name: str, case: Case, metric: str, unit: str) -> Labels:
    named = {"case": name, "scenario": case.scenario, "mode": case.mode, "data": case.data}
    return {**named, "environment": case.environment, "metric": metric, "unit": unit}


def _render_totals(totals: Iterable[CorpusTotal]) -> Iterable[str]:
    """The seconds of whole corpora with the ends of their intervals."""
    labels = [_label_case(total.name, total.case, total.metric, total.unit) for total in totals]
    for name, meaning, values in (
        ("corpus_seconds", "Total of a corpus, of the metric in the label.", [total.seconds for total in totals]),
        ("corpus_low_seconds", "The lower end of its interval.", [total.low for total in totals]),
        ("corpus_high_seconds", "The upper end of its interval.", [total.high for total in totals]),
    ):
        yield from _render_gauge(name, meaning, zip(labels, values, strict=True), "seconds")


def _select_peaks(cases: Iterable[tuple[Labels, TimedCase]]) -> Iterable[tuple[Labels, float]]:
    for labels, case in cases:
        peaks = select_values(case.measurement.samples, PEAK_RSS_BYTES.name, "memory")
        if peaks:
            yield labels, median(peaks)


def _render_metrics(report: Report) -> Iterable[str]:
    """The metrics that modes report, a sample for each metric of the scenario."""
    rows = [row for table in report.tables for row in table.rows if not row.failed]
    values = [
        ({"case": row.case, "number": number.metric.name, "unit": number.metric.unit}, number.after)
        for row in rows
        for number in row.reported
    ]
    yield from _render_gauge("reported", "Median of a metric that the mode reports.", values)


def _render_comparisons(report: Report) -> Iterable[str]:
    """The ratios after / before with their intervals, if those have ends."""
    measured = {case.name for case in collect_tracked_cases(report)}
    measured |= {total.name for total in collect_corpus_totals(report)}
    rows = [
        ({"case": row.case, "comparison": row.mode}, row.comparison)
        for table in report.tables
        for row in table.rows
        if row.comparison is not None and not row.failed and make_printable(row.case) in measured
    ]
    yield from _render_gauge("ratio", "Seconds after over seconds before.", [(labels, c.ratio) for labels, c in rows])
    yield from _render_gauge("ratio_low", "The lower end of its interval.", [(labels, c.low) for labels, c in rows])
    yield from _render_gauge("ratio_high", "The upper end of its interval.", [(labels, c.high) for labels, c in rows])


def _render_gauge(name: str, meaning: str, values: Iterable[tuple[Labels, float]], unit: str = "") -> Iterable[str]:
    """The lines of one family; none without values."""
    samples = [_format_sample(f"perfbench_{name}", labels, value) for labels, value in values if math.isfinite(value)]
    if samples:
        yield f"# TYPE perfbench_{name} gauge"
        if unit:
            yield f"# UNIT perfbench_{name} {unit}"
        yield f"# HELP perfbench_{name} {meaning}"
        yield from samples


def _format_sample(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{label}="{_escape_label(text)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}"


def _escape_label(text: str) -> str:
    return make_printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
