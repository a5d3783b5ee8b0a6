"""One pass with the time of every update, without a profiler."""

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
    """Collect garbage, wait for GO, run the mode once to its end. An update lasts until the next one is read.

    A mode that neither yields its updates nor uses ``observed`` has no times.
    """
    times: List[int] = []
    numbers: List[int] = []
    read_clock, add_time, add_number = time.perf_counter_ns, times.append, numbers.append

    def on_read(number: int) -> None:
        add_time(read_clock())
        add_number(number)

    gc.collect()
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    with update_hooks.install_update_hooks(on_read=on_read):
        outcome = call()
        if isinstance(outcome, Iterator):
            outcome = Work(update_hooks.drain_updates(outcome))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    spans = [
        times[index] - times[index - 1] for index in range(1, len(times)) if numbers[index] == numbers[index - 1] + 1
    ]
    return UpdateTimings(convert_to_work(outcome).amount, spans, cpu, wall, [])
