"""For github-action-benchmark with ``tool: customSmallerIsBetter``: https://github.com/benchmark-action/github-action-benchmark."""

from __future__ import annotations

import json

from perfbench.model import METRICS, OutputMatch
from perfbench.report.model import Report
from perfbench.report.timings import CorpusTotal, TimedCase, collect_corpus_totals, collect_tracked_cases
from perfbench.util.formatting import make_printable

SUFFIX = ".json"
DIFFERENT_OUTPUT = "its output differs from that of the baseline"


def render(report: Report) -> str:
    """A list with the median seconds of every case that was measured; the range is from the first to the third quartile.

    Of a corpus it has the total with its interval. Only seconds: a file has one direction of what is better.
    """
    entries = [_build_entry(case) for case in collect_tracked_cases(report)]
    entries += [_build_total(total) for total in collect_corpus_totals(report)]
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"


def _build_total(total: CorpusTotal) -> dict[str, str | float]:
    details = [METRICS[total.metric].label, f"the whole corpus, from {total.draws} draws"]
    if total.same_output is OutputMatch.DIFFERENT:
        details.append(DIFFERENT_OUTPUT)
    return {
        "name": total.name,
        "unit": "seconds",
        "value": total.seconds,
        "range": f"{total.low:.6g}–{total.high:.6g}",
        "extra": "\n".join(details),
    }


def _build_entry(case: TimedCase) -> dict[str, str | float]:
    low, high = case.quartiles
    details = [METRICS[case.metric].label, f"passes: {len(case.passes)}"]
    details.append(f"work of a pass: {case.work} {make_printable(case.measurement.unit)}")
    if case.same_output is OutputMatch.DIFFERENT:
        details.append(DIFFERENT_OUTPUT)
    return {
        "name": case.name,
        "unit": "seconds",
        "value": case.median,
        "range": f"{low:.6g}–{high:.6g}",
        "extra": "\n".join(details),
    }
