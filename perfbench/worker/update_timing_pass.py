"""One pass with the clock read at every update, without a profiler: which updates take long."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any, Callable, List

from perfbench.worker import update_hooks
from perfbench.worker.protocol import UpdateTimings
from perfbench.worker.scenario_api import Work
from perfbench.worker.timed_pass import convert_to_work


def run_update_timing_pass(call: Callable[[], Any], wait: Callable[[], None]) -> UpdateTimings:
    """Collect garbage, wait for GO, run the mode once to its end. An update lasts until the next one is wanted.

    There are no times of a mode that neither yields its updates nor says which ones it reads.
    """
    times: List[int] = []
    numbers: List[int] = []
    now, note, number_is = time.perf_counter_ns, times.append, numbers.append

    def wanted(number: int) -> None:
        note(now())
        number_is(number)

    gc.collect()
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    with update_hooks.install_update_hooks(on_read=wanted):
        outcome = call()
        if isinstance(outcome, Iterator):
            outcome = Work(update_hooks.drain_updates(outcome))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    spans = [
        times[place] - times[place - 1] for place in range(1, len(times)) if numbers[place] == numbers[place - 1] + 1
    ]
    return UpdateTimings(convert_to_work(outcome).amount, spans, cpu, wall, [])
