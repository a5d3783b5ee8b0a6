"""cProfile of the standard library: counts every call by function and caller, without longer stacks."""

from __future__ import annotations

import cProfile
import sys
from types import CodeType
from typing import Any, Callable, Dict, Optional, Tuple, Union

from perfbench.worker import thread_observer
from perfbench.worker.cpu_profile_pass import Frame, PassClock, RawProfile, build_thread_frame
from perfbench.worker.function_names import BUILT_IN_FILE
from perfbench.worker.protocol import Request
from perfbench.worker.waiting import WAITING_PATTERN

NEEDS: Tuple[str, ...] = ()
SUFFIX = ".pstats"

IS_SHARED = sys.version_info >= (3, 12)
"""Whether a profiler gets the calls of every thread in one sequence (sys.monitoring), so that none can have its own."""


def observe(call: Callable[[], Any], path: str, request: Request) -> RawProfile:
    """Profile the pass: seconds and number of calls by caller and function. Its artefact is for ``pstats`` and its viewers.

    It measures wall time; the seconds in which a thread waited are left out where a built-in function waits.
    """
    del request
    main = cProfile.Profile()
    start, stop = (_start_nothing, _stop_nothing) if IS_SHARED else (_start, _stop)
    with thread_observer.observe_threads(start, stop) as threads:
        clock = PassClock()
        main.enable()
        try:
            outcome = call()
        finally:
            main.disable()
        clock.stop()
    ended = list(threads)
    main.dump_stats(path)
    observed = RawProfile(outcome)
    observed.mixed = IS_SHARED and clock.find_unseen(0.0) > 0
    _add_thread(observed, None, main.getstats(), clock.main, clock.queued)
    if observed.mixed:
        observed.stacks, observed.inclusive = {}, {}
        observed.calls = _count_without_callers(observed.calls)
    elif not IS_SHARED:
        for thread in ended:
            _add_thread(observed, build_thread_frame(thread.name), thread.data, thread.cpu_seconds, 0.0)
        observed.unseen = clock.find_unseen(sum(thread.cpu_seconds for thread in ended))
    observed.samples = sum(observed.calls.values())
    return observed


def _start() -> cProfile.Profile:
    profiler = cProfile.Profile()
    profiler.enable()
    return profiler


def _stop(profiler: cProfile.Profile) -> Any:
    profiler.disable()
    return profiler.getstats()


def _start_nothing() -> None:
    return None


def _stop_nothing(_profiler: None) -> None:
    return None


def _add_thread(observed: RawProfile, root: Optional[Frame], entries: Any, ran: float, queued: float) -> None:
    """Add the calls of a thread that ran for ``ran`` CPU seconds, and was ready for ``queued`` seconds without a core.

    :param root: the caller of what nothing called; None for the main thread.
    """
    thread = RawProfile(None)
    seen: Dict[Frame, Tuple[float, int]] = {}
    for entry in entries:
        for called in entry.calls or ():
            callee = _build_frame(called.code)
            _add_call(thread, _build_frame(entry.code), callee, called.inlinetime, called.callcount)
            seconds, count = seen.get(callee, (0.0, 0))
            seen[callee] = seconds + called.inlinetime, count + called.callcount
    for entry in entries:
        function = _build_frame(entry.code)
        thread.inclusive[function] = thread.inclusive.get(function, 0.0) + entry.totaltime
        seconds, count = seen.get(function, (0.0, 0))
        if entry.callcount > count:
            _add_call(thread, root, function, max(0.0, entry.inlinetime - seconds), entry.callcount - count)
    if root is not None:
        thread.inclusive[root] = sum(thread.stacks.values())
    observed.capped += _leave_out_waiting(thread, ran, queued)
    for stack, own in thread.stacks.items():
        observed.add(stack, own)
    for calls, count in thread.calls.items():
        observed.calls[calls] = observed.calls.get(calls, 0) + count
    for frame, total in thread.inclusive.items():
        observed.inclusive[frame] = observed.inclusive.get(frame, 0.0) + total


def _leave_out_waiting(thread: RawProfile, ran: float, queued: float) -> float:
    """Take the seconds beyond its CPU seconds from the built-in functions of a thread that may wait; returns how many.

    What is still too much, such as the time without a core, is taken from all functions alike.
    """
    whole = sum(thread.stacks.values())
    waits = [stack for stack in thread.stacks if stack[-1][0] == BUILT_IN_FILE and WAITING_PATTERN.search(stack[-1][2])]
    waiting = sum(thread.stacks[stack] for stack in waits)
    excess = max(0.0, min(waiting, whole - ran - queued))
    for stack in waits if excess > 0 else ():
        thread.stacks[stack] *= 1 - excess / waiting
    rest = whole - excess
    if rest > ran > 0:
        for stack in thread.stacks:
            thread.stacks[stack] *= ran / rest
    return excess


def _count_without_callers(
    calls: Dict[Tuple[Optional[Frame], Frame], int],
) -> Dict[Tuple[Optional[Frame], Frame], int]:
    sums: Dict[Tuple[Optional[Frame], Frame], int] = {}
    for (_, callee), count in calls.items():
        sums[None, callee] = sums.get((None, callee), 0) + count
    return sums


def _add_call(observed: RawProfile, caller: Optional[Frame], callee: Frame, seconds: float, count: int) -> None:
    """Add calls and the own seconds of the callee in them; without a caller if it is unknown."""
    observed.add((callee,) if caller is None else (caller, callee), seconds)
    observed.calls[caller, callee] = observed.calls.get((caller, callee), 0) + count


def _build_frame(code: Union[CodeType, str]) -> Frame:
    if isinstance(code, str):
        return BUILT_IN_FILE, 0, code
    return code.co_filename, code.co_firstlineno, code.co_name
