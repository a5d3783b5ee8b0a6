"""Carry out one count: a pass under callgrind, on the first lines of the market, and what it executed as a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from perfbench import callgrind, counting, datasets, trials
from perfbench.callgrind import Callgrind
from perfbench.errors import TrialFailed
from perfbench.model import INSTRUCTIONS, Market, Result, Table, Trial
from perfbench.trials import Conditions
from perfbench.worker.protocol import Measured, Passed


def with_heads(tables: Iterable[Table], folder: Path) -> list[Table]:
    """The tables, each with the first lines of its market, which are written into the folder. Raises DataProblem."""
    heads: dict[Market, Market] = {}
    found = []
    for table in tables:
        if table.market is not None and table.market not in heads:
            own = folder / f"head-{len(heads)}"
            own.mkdir()
            heads[table.market] = datasets.first_lines(table.market, counting.LINES, own)
        found.append(replace(table, head=heads[table.market] if table.market else None))
    return found


def count(trial: Trial, table: Table, conditions: Conditions) -> Result:
    """What one case executes in a pass. A worker that fails gives a failure, never an exception."""
    (case,) = trial.cases
    on_head = replace(table, market=table.head)
    asked = replace(trials.request("time", on_head, case, conditions.core_for(table)), held=True, counted=True)
    timeout = conditions.timeout * callgrind.SLOWER
    try:
        with Callgrind() as counter, trials.start(on_head, case, asked, trial, timeout, counter.prefix) as worker:
            ready = trials.wait_until_ready(worker, table)
            counter.start(worker.pid)
            worker.go()
            worker.expect(Passed)
            executed = counter.stop(worker.pid)
            worker.go()
            measured = worker.expect(Measured)
            worker.end()
    except TrialFailed as error:
        return trials.failed(trial, case, error)
    return _counted(trials.sampled(trial, table.place(case), 0, ready, measured), executed)


def _counted(result: Result, executed: int) -> Result:
    """The result with the count alone: the times and the memory of such a pass are those of valgrind."""
    if result.sample is None:
        return result
    sample = replace(result.sample, metrics={INSTRUCTIONS.name: float(executed)}, numbers={})
    return replace(result, sample=sample)
