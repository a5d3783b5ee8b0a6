"""pyinstrument: samples the whole stack every millisecond of wall time, when a function is called or returns."""

from __future__ import annotations

import importlib
import time
from typing import Any, Callable, List, Tuple

from perfbench.worker.cpu_profile_pass import Frame, RawProfile
from perfbench.worker.protocol import Request

NEEDS: Tuple[str, ...] = ("pyinstrument",)
SUFFIX = ""
"""The host writes its artefact, from all passes."""

MIN_CAP_INTERVALS = 3
"""Intervals to which the weight of a sample is at least capped where the process did not run."""

MAX_WALL_TO_CPU_RATIO = 1.02
"""Ratio of wall to CPU seconds up to which no sample is capped: calls into C may also take long."""


def observe(call: Callable[[], Any], path: str, request: Request) -> RawProfile:
    """Profile the pass: stacks, each with the wall seconds in which the process ran."""
    del path
    profiler = importlib.import_module("pyinstrument").Profiler(interval=request.interval, async_mode="disabled")

    start = time.process_time()
    profiler.start()
    try:
        outcome = call()
    finally:
        session = profiler.stop()
    ran = time.process_time() - start
    cap = compute_weight_cap(
        [seconds for _, seconds in session.frame_records], ran, MIN_CAP_INTERVALS * request.interval
    )
    observed = RawProfile(outcome)
    for identifiers, seconds in session.frame_records:
        observed.add(tuple(map(_parse_frame, identifiers)), min(seconds, cap))
        observed.capped += max(0.0, seconds - cap)
        observed.samples += 1
    return observed


def compute_weight_cap(weights: List[float], ran: float, least: float) -> float:
    """The cap of weights at which their sum is the running time of the process, at least ``least``; infinity without a loss."""
    if sum(weights) <= MAX_WALL_TO_CPU_RATIO * ran:
        return float("inf")
    below = 0.0
    ordered = sorted(weights)
    for number, weight in enumerate(ordered):
        if below + weight * (len(ordered) - number) >= ran:
            return max(least, (ran - below) / (len(ordered) - number))
        below += weight
    return float("inf")


def _parse_frame(identifier: str) -> Frame:
    name, file, line = [*identifier.split("\x01", 1)[0].split("\0"), "", "0"][:3]
    return file, int(line or 0), name
