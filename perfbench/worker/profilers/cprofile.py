"""cProfile of the standard library: counts every call by function and caller, without longer stacks."""

from __future__ import annotations

import cProfile
from types import CodeType
from typing import Any, Callable, Dict, Optional, Tuple, Union

from perfbench.worker.cpu_profile_pass import Frame, RawProfile
from perfbench.worker.function_names import BUILT_IN_FILE
from perfbench.worker.protocol import Request

NEEDS: Tuple[str, ...] = ()
SUFFIX = ".pstats"


def observe(call: Callable[[], Any], path: str, request: Request) -> RawProfile:
    """Profile the pass: seconds and number of calls by caller and function. Its artefact is for ``pstats`` and its viewers."""
    del request
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        outcome = call()
    finally:
        profiler.disable()
    observed = RawProfile(outcome)
    entries = profiler.getstats()
    seen: Dict[Frame, Tuple[float, int]] = {}
    for entry in entries:
        for called in entry.calls or ():
            callee = _build_frame(called.code)
            _add_call(observed, _build_frame(entry.code), callee, called.inlinetime, called.callcount)
            seconds, count = seen.get(callee, (0.0, 0))
            seen[callee] = seconds + called.inlinetime, count + called.callcount
    for entry in entries:
        function = _build_frame(entry.code)
        observed.inclusive[function] = observed.inclusive.get(function, 0.0) + entry.totaltime
        seconds, count = seen.get(function, (0.0, 0))
        if entry.callcount > count:
            _add_call(observed, None, function, max(0.0, entry.inlinetime - seconds), entry.callcount - count)
    observed.samples = sum(observed.calls.values())
    profiler.dump_stats(path)
    return observed


def _add_call(observed: RawProfile, caller: Optional[Frame], callee: Frame, seconds: float, count: int) -> None:
    """Add calls and the own seconds of the callee in them; without a caller if it is unknown."""
    observed.add((callee,) if caller is None else (caller, callee), seconds)
    observed.calls[caller, callee] = observed.calls.get((caller, callee), 0) + count


def _build_frame(code: Union[CodeType, str]) -> Frame:
    if isinstance(code, str):
        return BUILT_IN_FILE, 0, code
    return code.co_filename, code.co_firstlineno, code.co_name
