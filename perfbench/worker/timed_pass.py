"""One timed pass, with the memory and the waiting time that the operating system reports."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterator
from typing import Any, Callable, Dict, Optional

from perfbench.worker.cpu_usage import child_cpu_seconds, queue_seconds
from perfbench.worker.process_memory import peak_rss_bytes
from perfbench.worker.protocol import MAX_MAGNITUDE, MIN_MAGNITUDE, PassMeasurement, Request, is_plausible
from perfbench.worker.scenario_api import ScenarioError, Work


def run_timed_pass(
    call: Callable[[], Any],
    wait: Callable[[], None],
    request: Request,
    on_completed: Optional[Callable[[], None]] = None,
) -> PassMeasurement:
    """Collect garbage, wait for GO, run the mode once to its end. Seconds of CPU and of wall time, bytes.

    The CPU seconds are those of all threads and of the child processes that the mode waited for; the part of the children stands
    in ``child_seconds`` too.

    :param request: its ``slowdown`` extends the pass by this share of its own CPU seconds, and the seconds of a mode that times
        itself.
    :param on_completed: called right after the pass.
    """
    gc.collect()
    wait()
    # Converting a number with more digits takes more instructions.
    queued = None if request.counted else queue_seconds()
    children = 0.0 if request.counted else child_cpu_seconds()
    wall_before = time.perf_counter_ns()
    cpu_before = time.process_time_ns()
    outcome = call()
    drained = isinstance(outcome, Iterator)
    count = 0
    if drained:
        for _ in outcome:
            count += 1
    if request.slowdown:
        inject_slowdown(cpu_before, request.slowdown)
    cpu_after = time.process_time_ns()
    wall_after = time.perf_counter_ns()
    children = 0.0 if request.counted else child_cpu_seconds() - children
    if on_completed is not None:
        on_completed()
    work = Work(count) if drained else convert_to_work(outcome)
    metrics = {
        "cpu_seconds": (cpu_after - cpu_before) / 1e9 + children,
        "wall_seconds": (wall_after - wall_before) / 1e9,
    }
    waited = None if queued is None else (queue_seconds() or 0.0) - queued
    metrics.update(_build_optional_metrics(work, request.slowdown, children, waited))
    numbers = _check_finite(work.numbers)
    peak = numbers.pop("peak_rss_bytes", None)
    if request.memory:
        metrics.update(_build_optional_metric("peak_rss_bytes", peak_rss_bytes() if peak is None else peak))
    parts = list(getattr(call, "parts", ()))
    return PassMeasurement(work=work.amount, metrics=metrics, numbers=numbers, packages=[], parts=parts)


def _build_optional_metrics(work: Work, slowdown: float, children: float, waited: Optional[float]) -> Dict[str, float]:
    """Seconds of child processes, seconds that the mode reports, and seconds without a core: those that there are."""
    return {
        **_build_optional_metric("child_seconds", children or None),
        **_build_optional_metric("reported_seconds", work.seconds and work.seconds * (1 + slowdown)),
        **_build_optional_metric("queue_seconds", waited),
    }


def inject_slowdown(start: int, share: float) -> None:
    """Use the CPU for this share of the time used since ``start`` (nanoseconds of the process)."""
    now = time.process_time_ns()
    end = now + round(share * (now - start))
    while time.process_time_ns() < end:
        pass


def convert_to_work(outcome: Any) -> Work:
    """The return value of a mode as Work. Raises ScenarioError if it is not an amount of work."""
    work = outcome if isinstance(outcome, Work) else Work(outcome)
    if isinstance(work.amount, bool) or not isinstance(work.amount, int) or work.amount < 0:
        raise ScenarioError(
            "a mode must return its amount of work as a whole number; this one returned %r" % (outcome,)
        )
    if not is_plausible(work.amount):
        raise ScenarioError("a mode returned an amount of work of more than {:g}".format(MAX_MAGNITUDE))
    if work.seconds is not None:
        if not 0 < work.seconds < math.inf:
            raise ScenarioError("Work(seconds=%r): the seconds must be positive" % (work.seconds,))
        _check_magnitude("seconds", work.seconds)
    return work


def _build_optional_metric(name: str, value: Optional[float]) -> Dict[str, float]:
    return {} if value is None else {name: float(value)}


def _check_finite(numbers: Dict[str, float]) -> Dict[str, float]:
    for name, number in numbers.items():
        if not -math.inf < number < math.inf:
            raise ScenarioError("Work({}={!r}): a reported number must be finite".format(name, number))
        _check_magnitude(name, number)
    return {name: float(number) for name, number in numbers.items()}


def _check_magnitude(name: str, number: float) -> None:
    if not is_plausible(number):
        limits = "0, or from {:g} to {:g} with either sign".format(MIN_MAGNITUDE, MAX_MAGNITUDE)
        raise ScenarioError("Work({}=…): a reported number must be {}".format(name, limits))
