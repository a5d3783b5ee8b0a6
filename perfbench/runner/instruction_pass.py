"""Instruction count of one case: a pass under callgrind on the first lines of the market."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from perfbench.datasets import head
from perfbench.errors import TrialFailed
from perfbench.model import INSTRUCTIONS, CaseGroup, Market, Result, Trial
from perfbench.runner import callgrind
from perfbench.runner.callgrind import Callgrind
from perfbench.runner.trial import (
    Conditions,
    build_failure,
    build_request,
    build_sample_result,
    start_worker,
    wait_until_ready,
)
from perfbench.runner.worker_process import WorkerProcess
from perfbench.stats import instructions
from perfbench.worker.protocol import PassCompleted, PassMeasurement, Ready

Counted = TypeVar("Counted")


def cut_markets(tables: Iterable[CaseGroup], folder: Path) -> list[CaseGroup]:
    """The groups with the first lines of their markets, written into the folder. Raises DataProblem."""
    heads: dict[Market, Market] = {}
    groups = []
    for table in tables:
        if table.market is not None and table.market not in heads:
            own = folder / f"head-{len(heads)}"
            own.mkdir()
            heads[table.market] = head.cut_market(table.market, instructions.COUNTED_LINES, own)
        groups.append(replace(table, head=heads[table.market] if table.market else None))
    return groups


def count_instructions(trial: Trial, table: CaseGroup, conditions: Conditions) -> Result:
    """The instructions of one pass of a case. A worker that fails gives a failure, never an exception."""
    (case,) = trial.cases
    on_head = replace(table, market=table.head)
    request = replace(build_request("time", on_head, case, conditions.core_for(table)), held=True, counted=True)
    timeout = conditions.timeout * callgrind.TIMEOUT_FACTOR
    try:
        with Callgrind() as counter:
            request = replace(request, written=[counter.folder])
            with start_worker(on_head, case, request, trial, timeout, counter.prefix) as worker:
                ready, executed = run_counted_pass(worker, table, counter.start, counter.stop)
                measured = worker.expect(PassMeasurement)
                worker.end()
                printed = worker.describe_output()
    except TrialFailed as error:
        return build_failure(trial, case, error)
    return _keep_count_only(build_sample_result(trial, table.place(case), 0, ready, measured, printed), executed)


def run_counted_pass(
    worker: WorkerProcess, group: CaseGroup, start: Callable[[int], None], stop: Callable[[int], Counted]
) -> tuple[Ready, Counted]:
    """Count the pass of a worker that is held before and after it; its results come next. Raises TrialFailed.

    :param start: starts counting in the process with this number; :param stop: ends it and returns the counts.
    """
    ready = wait_until_ready(worker, group)
    start(worker.pid)
    worker.go()
    worker.expect(PassCompleted)
    counts = stop(worker.pid)
    worker.go()
    return ready, counts


def _keep_count_only(result: Result, executed: int) -> Result:
    """The result with the count alone: time and memory of such a pass are those of Valgrind."""
    if result.sample is None:
        return result
    sample = replace(result.sample, metrics={INSTRUCTIONS.name: float(executed)}, numbers={})
    return replace(result, sample=sample)
