"""Carry out one count: a pass under callgrind, on the first lines of the market, and what it executed as a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

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
from perfbench.stats import instructions
from perfbench.worker.protocol import PassCompleted, PassMeasurement


def cut_markets(tables: Iterable[CaseGroup], folder: Path) -> list[CaseGroup]:
    """The tables, each with the first lines of its market, which are written into the folder. Raises DataProblem."""
    heads: dict[Market, Market] = {}
    found = []
    for table in tables:
        if table.market is not None and table.market not in heads:
            own = folder / f"head-{len(heads)}"
            own.mkdir()
            heads[table.market] = head.cut_market(table.market, instructions.COUNTED_LINES, own)
        found.append(replace(table, head=heads[table.market] if table.market else None))
    return found


def count_instructions(trial: Trial, table: CaseGroup, conditions: Conditions) -> Result:
    """What one case executes in a pass. A worker that fails gives a failure, never an exception."""
    (case,) = trial.cases
    on_head = replace(table, market=table.head)
    asked = replace(build_request("time", on_head, case, conditions.core_for(table)), held=True, counted=True)
    timeout = conditions.timeout * callgrind.TIMEOUT_FACTOR
    try:
        with Callgrind() as counter, start_worker(on_head, case, asked, trial, timeout, counter.prefix) as worker:
            ready = wait_until_ready(worker, table)
            counter.start(worker.pid)
            worker.go()
            worker.expect(PassCompleted)
            executed = counter.stop(worker.pid)
            worker.go()
            measured = worker.expect(PassMeasurement)
            worker.end()
    except TrialFailed as error:
        return build_failure(trial, case, error)
    return _keep_count_only(build_sample_result(trial, table.place(case), 0, ready, measured), executed)


def _keep_count_only(result: Result, executed: int) -> Result:
    """The result with the count alone: the times and the memory of such a pass are those of valgrind."""
    if result.sample is None:
        return result
    sample = replace(result.sample, metrics={INSTRUCTIONS.name: float(executed)}, numbers={})
    return replace(result, sample=sample)
