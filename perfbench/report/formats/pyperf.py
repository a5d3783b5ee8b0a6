"""A suite of pyperf, for ``pyperf show``, ``hist`` and ``compare_to``: https://pyperf.readthedocs.io/en/latest/api.html.

Of two files with different numbers of passes pyperf calls every difference significant, as its own test needs equal numbers;
``perfbench compare`` has no such need.
"""

from __future__ import annotations

import json

from perfbench.model import SweepPart
from perfbench.report.model import Report
from perfbench.report.timings import TimedCase, collect_timed_cases
from perfbench.util.formatting import make_printable

SUFFIX = ".json"

Metadata = dict[str, str | int | float]


def render(report: Report) -> str:
    """Every case that was measured as a benchmark with one run for each of its processes, in seconds."""
    run = report.run
    # The machine is that of all benchmarks, and of an extended sweep that of the part of each.
    common = {} if run.earlier else _describe_part(run.parts[0])
    suite = {
        "version": "1.0",
        "metadata": _clean_metadata({"unit": "second", "loops": 1, **common}),
        "benchmarks": [
            _build_benchmark(case, _describe_part(run.find_part(case.case.id)) if run.earlier else {})
            for case in collect_timed_cases(report)
        ],
    }
    return json.dumps(suite, indent=1, allow_nan=False) + "\n"


def _describe_part(part: SweepPart) -> Metadata:
    return {
        "date": part.created,
        "cpu_model_name": part.machine.cpu,
        "cpu_count": part.machine.cores,
        "platform": part.machine.system,
        "load_avg_1min": part.machine.load,
        "perfbench_version": part.perfbench,
        "perfbench_run": part.run,
    }


def _build_benchmark(case: TimedCase, part: Metadata) -> dict[str, object]:
    metadata: Metadata = {
        **part,
        "name": case.name,
        "description": case.measurement.doc,
        "python_version": case.environment.version if case.environment else "",
        "perfbench_metric": case.metric,
        "perfbench_unit": case.measurement.unit,
        "perfbench_work": case.work,
        "perfbench_same_output": case.same_output.value,
    }
    return {"metadata": _clean_metadata(metadata), "runs": [{"values": [seconds]} for seconds in case.seconds]}


def _clean_metadata(metadata: Metadata) -> Metadata:
    """Without line ends and empty texts, which pyperf refuses."""
    clean = {
        name: make_printable(value).strip() if isinstance(value, str) else value for name, value in metadata.items()
    }
    return {name: value for name, value in clean.items() if value != ""}
