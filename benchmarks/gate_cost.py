"""Share of a gate's wall time in passes or start-up of workers: ``gate_cost.py GATE_OPTIONS``.

The gate runs in this process, which records the time of every worker from its start to the answer that ends its pass. Exits with 1
below 85 %.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from perfbench.__main__ import main
from perfbench.runner import worker_process
from perfbench.worker.protocol import DescribedScenario, OutputDigest, PassCompleted, PassMeasurement

REQUIRED_SHARE = 0.85
busy: list[tuple[float, float]] = []
started: dict[int, float] = {}

start_worker, take_answer = worker_process.WorkerProcess.__init__, worker_process.WorkerProcess._answer


def note_start(self: worker_process.WorkerProcess, *arguments: Any, **options: Any) -> None:
    """Start the worker and record the time."""
    started[id(self)] = time.monotonic()
    start_worker(self, *arguments, **options)


def note_end(self: worker_process.WorkerProcess) -> object:
    """Take an answer and record the end of the pass."""
    answer = take_answer(self)
    if isinstance(answer, (DescribedScenario, OutputDigest, PassMeasurement, PassCompleted)) and id(self) in started:
        busy.append((started.pop(id(self)), time.monotonic()))
    return answer


def covered(intervals: list[tuple[float, float]]) -> float:
    """The seconds that at least one of the intervals covers."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(intervals):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


worker_process.WorkerProcess.__init__, worker_process.WorkerProcess._answer = note_start, note_end  # type: ignore[method-assign]
begin = time.monotonic()
try:
    sys.argv = ["perfbench", "gate", *sys.argv[1:]]
    main()
except SystemExit as ending:
    print(f"exit code {ending.code}")
wall = time.monotonic() - begin
share = covered(busy) / wall
print(f"{share:.1%} of {wall:.1f} s in passes or in start-up of workers")
sys.exit(share < REQUIRED_SHARE)
