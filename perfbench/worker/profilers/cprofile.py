"""The standard library's cProfile: every call is counted, and seen with its caller; it knows no longer stacks."""

from __future__ import annotations

import cProfile
from types import CodeType
from typing import Any, Callable, Dict, Optional, Tuple, Union

from perfbench.worker.functions import BUILT_IN
from perfbench.worker.profiling import Frame, Observed
from perfbench.worker.protocol import Request

NEEDS: Tuple[str, ...] = ()
SUFFIX = ".pstats"


def observe(call: Callable[[], Any], path: str, asked: Request) -> Observed:
    """The pass, with seconds by caller and function, and the count of calls. Its own file is for ``pstats`` and its viewers."""
    del asked
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        outcome = call()
    finally:
        profiler.disable()
    observed = Observed(outcome)
    entries = profiler.getstats()
    seen: Dict[Frame, Tuple[float, int]] = {}
    for entry in entries:
        for called in entry.calls or ():
            callee = _frame(called.code)
            _note(observed, _frame(entry.code), callee, called.inlinetime, called.callcount)
            seconds, count = seen.get(callee, (0.0, 0))
            seen[callee] = seconds + called.inlinetime, count + called.callcount
    for entry in entries:
        function = _frame(entry.code)
        observed.inclusive[function] = observed.inclusive.get(function, 0.0) + entry.totaltime
        seconds, count = seen.get(function, (0.0, 0))
        if entry.callcount > count:
            _note(observed, None, function, max(0.0, entry.inlinetime - seconds), entry.callcount - count)
    observed.samples = sum(observed.calls.values())
    profiler.dump_stats(path)
    return observed


def _note(observed: Observed, caller: Optional[Frame], callee: Frame, seconds: float, count: int) -> None:
    """So many calls and what the callee itself took in them; without a caller where none was seen."""
    observed.add((callee,) if caller is None else (caller, callee), seconds)
    observed.calls[caller, callee] = observed.calls.get((caller, callee), 0) + count


def _frame(code: Union[CodeType, str]) -> Frame:
    if isinstance(code, str):
        return BUILT_IN, 0, code
    return code.co_filename, code.co_firstlineno, code.co_name
