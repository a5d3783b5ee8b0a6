"""The file of ``pytest --benchmark-json``, for ``pytest-benchmark compare`` and what else reads it.

The fields: https://github.com/ionelmc/pytest-benchmark/blob/master/src/pytest_benchmark/stats.py.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right

from perfbench.model import Checkout, Run, describe_processor
from perfbench.report.model import Report
from perfbench.report.timings import TimedCase, collect_timed_cases
from perfbench.util.formatting import make_printable

SUFFIX = ".json"
FORMAT_VERSION = "5.3.1"
"""The pytest-benchmark whose form this is."""

Document = dict[str, object]


def render(report: Report) -> str:
    """Every case that was measured with all its seconds, one round for each of its processes."""
    document = {
        "machine_info": _describe_machine(report),
        "commit_info": _describe_commit(report),
        "benchmarks": [_build_benchmark(case, report.run) for case in collect_timed_cases(report)],
        "datetime": report.run.created,
        "version": FORMAT_VERSION,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _describe_machine(report: Report) -> Document:
    machine = report.run.machine
    implementation, _, version = machine.python.partition(" ")
    system, _, release = machine.system.partition(" ")
    return {
        "node": "",
        "processor": machine.cpu,
        "machine": "",
        "python_implementation": implementation,
        "python_version": version,
        "system": system,
        "release": release,
        "cpu": {"brand_raw": machine.cpu, "count": machine.cores},
    }


def _describe_commit(report: Report) -> Document:
    """The commit of the checkout that was measured, of several the last; as outside of version control if there was none."""
    checkouts = [source for environment in report.run.environments for source in environment.sources if source.commit]
    checkout = checkouts[-1] if checkouts else Checkout("", "unversioned", False)
    state = {"id": checkout.commit, "dirty": checkout.dirty}
    return {**state, "time": None, "author_time": None, "project": "", "branch": "(unknown)"}


def _build_benchmark(case: TimedCase, run: Run) -> Document:
    """A benchmark; of an extended sweep with the machine of its part, for the file has but one."""
    settings = dict(case.case.parameters)
    unit, same_output = case.measurement.unit, case.same_output.value
    details = {"metric": case.metric, "work": case.work, "unit": unit, "same_output": same_output}
    if run.earlier:
        part = run.find_part(case.case.id)
        details |= {"machine": make_printable(describe_processor(part.machine)), "datetime": part.created}
    packages = {package.name: package.version for package in case.measurement.packages}
    return {
        "group": case.group,
        "name": case.name,
        "fullname": case.name,
        "params": settings or None,
        "param": case.parameters or None,
        "extra_info": {**details, "environment": make_printable(case.case.environment), "packages": packages},
        "options": {"disable_gc": False, "timer": case.metric, "warmup": False},
        "stats": _build_stats(case),
    }


def _build_stats(case: TimedCase) -> Document:
    seconds, mean, stddev, (q1, q3) = case.seconds, case.mean, case.stddev or 0.0, case.quartiles
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    ordered = sorted(seconds)
    beyond_deviation = sum(not mean - stddev <= value <= mean + stddev for value in seconds)
    beyond_quartiles = sum(not low <= value <= high for value in seconds)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": stddev,
        "rounds": len(seconds),
        "median": case.median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": beyond_quartiles,
        "stddev_outliers": beyond_deviation,
        "outliers": f"{beyond_deviation};{beyond_quartiles}",
        "ld15iqr": ordered[bisect_left(ordered, low)],
        "hd15iqr": ordered[bisect_right(ordered, high) - 1],
        "ops": len(seconds) / sum(seconds),
        "total": sum(seconds),
        "data": list(seconds),
        "iterations": 1,
    }
