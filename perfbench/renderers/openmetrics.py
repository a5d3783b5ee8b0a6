"""OpenMetrics text for Prometheus, a textfile collector or a push gateway.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median

from perfbench.formatting import printable
from perfbench.model import PEAK_RSS_BYTES
from perfbench.pairing import values
from perfbench.report import Report
from perfbench.timings import Timed, timed

SUFFIX = ".txt"

Labels = Mapping[str, str]


def render(report: Report) -> str:
    """Gauges of every case that was measured: seconds, work, memory, what it reports of itself, and how it compares."""
    cases = [(_labels(case), case) for case in timed(report)]
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
        _sample("perfbench_run_info", about, 1),
        *_gauge(
            "pass_seconds",
            "Median of a pass, of the metric in the label.",
            [(n, c.median) for n, c in cases],
            "seconds",
        ),
        *_gauge(
            "passes", "How many passes count, each in a process of its own.", [(n, len(c.passes)) for n, c in cases]
        ),
        *_gauge("work_rate", "Units of work a second.", [(n, c.work / c.median) for n, c in cases if c.work > 0]),
        *_gauge("peak_memory_bytes", "Median peak of a process.", _peaks(cases), "bytes"),
        *_reported(report),
        *_comparisons(report),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _labels(case: Timed) -> Labels:
    named = {"case": case.name, "scenario": case.case.scenario, "mode": case.case.mode, "data": case.case.data}
    return {**named, "environment": case.case.environment, "metric": case.metric, "unit": case.measurement.unit}


def _peaks(cases: Iterable[tuple[Labels, Timed]]) -> Iterable[tuple[Labels, float]]:
    for labels, case in cases:
        peaks = values(case.measurement.samples, PEAK_RSS_BYTES.name, "memory")
        if peaks:
            yield labels, median(peaks)


def _reported(report: Report) -> Iterable[str]:
    """What the modes report of themselves, a sample for each metric of the scenario."""
    rows = [row for table in report.tables for row in table.rows if not row.failed]
    found = [
        ({"case": row.case, "number": number.metric.name, "unit": number.metric.unit}, number.after)
        for row in rows
        for number in row.reported
    ]
    yield from _gauge("reported", "Median of a number that a mode reports of itself.", found)


def _comparisons(report: Report) -> Iterable[str]:
    """The ratios after / before and their intervals; one without ends has no interval to write."""
    sound = {case.name for case in timed(report)}
    rows = [
        ({"case": row.case, "comparison": row.mode}, row.comparison)
        for table in report.tables
        for row in table.rows
        if row.comparison is not None and not row.failed and printable(row.case) in sound
    ]
    yield from _gauge("ratio", "Seconds after over seconds before.", [(labels, c.ratio) for labels, c in rows])
    yield from _gauge("ratio_low", "The lower end of its interval.", [(labels, c.low) for labels, c in rows])
    yield from _gauge("ratio_high", "The upper end of its interval.", [(labels, c.high) for labels, c in rows])


def _gauge(name: str, meaning: str, found: Iterable[tuple[Labels, float]], unit: str = "") -> Iterable[str]:
    """The lines of one family; nothing where nothing is known."""
    samples = [_sample(f"perfbench_{name}", labels, value) for labels, value in found if math.isfinite(value)]
    if samples:
        yield f"# TYPE perfbench_{name} gauge"
        if unit:
            yield f"# UNIT perfbench_{name} {unit}"
        yield f"# HELP perfbench_{name} {meaning}"
        yield from samples


def _sample(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value!r}"


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
