"""pyinstrument: samples the whole stack of each thread every millisecond of wall time, when a function is called or returns."""

from __future__ import annotations

import importlib
from typing import Any, Callable, List, Tuple

from perfbench.worker import thread_observer
from perfbench.worker.cpu_profile_pass import Frame, PassClock, RawProfile, build_thread_frame
from perfbench.worker.protocol import Request

NEEDS: Tuple[str, ...] = ("pyinstrument",)
SUFFIX = ""
"""The host writes its artefact, from all passes."""

MIN_CAP_INTERVALS = 3
"""Intervals to which the weight of a sample is at least capped where the thread did not run."""

MAX_WALL_TO_CPU_RATIO = 1.02
"""Ratio of wall to CPU seconds up to which no sample is capped: calls into C may also take long."""


def observe(call: Callable[[], Any], path: str, request: Request) -> RawProfile:
    """Profile the pass: stacks, each with the wall seconds in which its thread ran; those of other threads below their name."""
    del path
    start_profiler = importlib.import_module("pyinstrument").Profiler

    def start() -> Any:
        profiler = start_profiler(interval=request.interval, async_mode="disabled")
        profiler.start()
        return profiler

    with thread_observer.observe_threads(start, lambda profiler: profiler.stop().frame_records) as threads:
        clock = PassClock()
        profiler = start()
        try:
            outcome = call()
        finally:
            session = profiler.stop()
        clock.stop()
    observed = RawProfile(outcome)
    _add_samples(observed, (), session.frame_records, clock.main, request.interval)
    ended = list(threads)
    for thread in ended:
        _add_samples(observed, (build_thread_frame(thread.name),), thread.data, thread.cpu_seconds, request.interval)
    observed.unseen = clock.find_unseen(sum(thread.cpu_seconds for thread in ended))
    return observed


def _add_samples(
    observed: RawProfile, root: Tuple[Frame, ...], records: List[Tuple[List[str], float]], ran: float, interval: float
) -> None:
    """Add the samples of a thread that ran for ``ran`` CPU seconds, below a root if it is not the main one."""
    cap = compute_weight_cap([seconds for _, seconds in records], ran, MIN_CAP_INTERVALS * interval)
    for identifiers, seconds in records:
        stack = tuple(map(_parse_frame, identifiers))
        observed.add(stack if not root else root + cut_above_work(stack), min(seconds, cap))
        observed.capped += max(0.0, seconds - cap)
        observed.samples += 1


def cut_above_work(stack: Tuple[Frame, ...]) -> Tuple[Frame, ...]:
    """The part of the stack of a thread below the function that runs its work."""
    names = [name for _, _, name in stack]
    return stack[names.index(thread_observer.RUN_NAME) + 1 :] if thread_observer.RUN_NAME in names else stack


def compute_weight_cap(weights: List[float], ran: float, least: float) -> float:
    """The cap of weights at which their sum is the running time of the thread, at least ``least``; infinity without a loss."""
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
