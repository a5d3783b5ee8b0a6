"""What ``hyperfine --export-json`` writes, for the scripts that read it: https://github.com/sharkdp/hyperfine/tree/master/scripts.

The fields: https://github.com/sharkdp/hyperfine/blob/master/src/benchmark/benchmark_result.rs.
"""

from __future__ import annotations

import json
from statistics import mean

from perfbench.model import CPU_SECONDS
from perfbench.report.model import Report
from perfbench.report.timings import TimedCase, collect_timed_cases
from perfbench.stats.pairs import select_values

SUFFIX = ".json"


def render(report: Report) -> str:
    """Every case that was measured as a command with all its seconds, of its own metric and not always of the wall clock.

    ``user`` is the CPU time as a whole, for perfbench does not tell it apart from that in the kernel: ``system`` is 0. ``stddev``
    is null for a single pass, as hyperfine has it.
    """
    results = [_build_result(case) for case in collect_timed_cases(report)]
    return json.dumps({"results": results}, indent=1, allow_nan=False) + "\n"


def _build_result(case: TimedCase) -> dict[str, object]:
    cpu = select_values(case.passes, CPU_SECONDS.name, "duet", "alone")
    result: dict[str, object] = {
        "command": case.name,
        "mean": case.mean,
        "stddev": case.stddev,
        "median": case.median,
        "user": mean(cpu) if cpu else 0.0,
        "system": 0.0,
        "min": min(case.seconds),
        "max": max(case.seconds),
        "times": list(case.seconds),
        "exit_codes": [0] * len(case.seconds),
    }
    if case.case.parameters:
        result["parameters"] = {name: str(value) for name, value in case.case.parameters}
    return result
