"""pyinstrument: samples the whole stack of each thread every millisecond of wall time, when a function is called or returns."""

from __future__ import annotations

import importlib
from typing import Any, Callable, List, Sequence, Tuple

from perfbench.worker import thread_observer
from perfbench.worker.cpu_profile_pass import Frame, PassClock, RawProfile, build_thread_frame
from perfbench.worker.protocol import Request
from perfbench.worker.waiting import WAITING_PATTERN

NEEDS: Tuple[str, ...] = ("pyinstrument",)
SUFFIX = ""
"""The host writes its artefact, from all passes."""

PYINSTRUMENT_BUILT_IN = "<built-in>"
"""What pyinstrument writes for the file of a function of C."""

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
    stacks = [tuple(map(_parse_frame, identifiers)) for identifiers, _ in records]
    whole = [seconds for _, seconds in records]
    weights = leave_out_waiting(list(zip(stacks, whole)), ran, MIN_CAP_INTERVALS * interval)  # noqa: B905 - as above
    for stack, seconds in zip(stacks, weights):  # noqa: B905 - strict= came with Python 3.10
        observed.add(stack if not root else root + cut_above_work(stack), seconds)
    observed.capped += max(0.0, sum(whole) - sum(weights))
    observed.samples += len(records)


def leave_out_waiting(samples: Sequence[Tuple[Tuple[Frame, ...], float]], ran: float, least: float) -> List[float]:
    """The weights of samples without what is beyond the running time of their thread.

    It is taken from built-in functions that may wait first; then samples are capped, at ``least`` or more; and what is still too
    much, such as the many short times without a core, is taken from all of them alike.
    """
    whole = sum(seconds for _, seconds in samples)
    if whole <= MAX_WALL_TO_CPU_RATIO * ran:
        return [seconds for _, seconds in samples]
    waiting = sum(seconds for stack, seconds in samples if _may_wait(stack))
    share = 1 - min(whole - ran, waiting) / waiting if waiting else 1.0
    weights = [seconds * share if _may_wait(stack) else seconds for stack, seconds in samples]
    cap = compute_weight_cap(weights, ran, least)
    capped = [min(seconds, cap) for seconds in weights]
    rest = sum(capped)
    return [seconds * ran / rest for seconds in capped] if rest > MAX_WALL_TO_CPU_RATIO * ran else capped


def _may_wait(stack: Tuple[Frame, ...]) -> bool:
    file, _, name = stack[-1]
    return file == PYINSTRUMENT_BUILT_IN and WAITING_PATTERN.search(name) is not None


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
