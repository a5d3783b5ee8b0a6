"""Carry out one pass under a profiler of memory: who allocates, and one function line by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from perfbench import provenance, trials
from perfbench.allocations import Allocation, Allocations, Lines
from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import Case, Table, Trial
from perfbench.trials import Conditions
from perfbench.worker.profilers import lines as lines_of_memory
from perfbench.worker.profilers import memray, tracemalloc
from perfbench.worker.protocol import Allocated, AllocatedBy, Lined, Request

MEMRAY, TRACEMALLOC, LINES = "memray", "tracemalloc", "lines"
SUFFIXES: dict[str, str] = {MEMRAY: memray.SUFFIX, TRACEMALLOC: tracemalloc.SUFFIX, LINES: lines_of_memory.SUFFIX}
"""What each calls its own file."""

ABSENT = "memray is not installed"
"""How the worker's complaint begins where memray cannot be imported."""

INSTEAD = "memray is not installed in this environment; "

SLOWER = 20
"""So many times as long as a timed pass may one take under these profilers."""


def allocations(trial: Trial, table: Table, case: Case, conditions: Conditions, artefact: Path) -> Allocations:
    """Which functions had the memory of a pass allocated, by memray; by tracemalloc, with a remark, where memray is not installed.

    :param artefact: where its own files go, without a suffix.

    Raises TrialFailed.
    """
    try:
        return _allocations(trial, table, case, conditions, artefact, MEMRAY)
    except TrialFailed as error:
        if not str(error).startswith(ABSENT):
            raise
    found = _allocations(trial, table, case, conditions, artefact, TRACEMALLOC)
    return replace(found, remark=INSTEAD + found.remark)


def lines(trial: Trial, table: Table, case: Case, conditions: Conditions, function: str, artefact: Path) -> Lines:
    """The memory of a function line by line, over its first 3000 calls or the first 3000 updates, by memory_profiler.

    :param function: ``module:name``, such as ``betfairlightweight.streaming.cache:MarketBookCache.update_cache``.
    :param artefact: where its own file goes, without a suffix.

    Raises TrialFailed, also for a function that is not there.
    """
    asked = replace(_request(table, case, conditions, LINES, artefact), function=function)
    lined = trials.answer(trial, table, case, asked, conditions.timeout * SLOWER, Lined)
    return Lines(case, function, lined.text, lined.calls, lined.cut, provenance.imported(lined.packages))


def check_function(table: Table, conditions: Conditions, function: str) -> None:
    """Look a function up as ``lines`` will, without a pass. Raises NotMeasured if no case of the table has it.

    The first case that has it is enough. What a case lacks on this machine is left for its own passes to report.
    """
    reasons = []
    for case in table.cases:
        request = replace(trials.request("resolve", table, case), profiler=LINES, function=function)
        try:
            with trials.start(table, case, request, Trial("alone", 0, (case,), 0), conditions.timeout) as worker:
                worker.end()
        except TrialFailed as error:
            reasons += [] if error.unavailable else [str(error)]
        else:
            return
    if reasons:
        raise NotMeasured(f"--lines {function}: {reasons[0]}")


def _allocations(
    trial: Trial, table: Table, case: Case, conditions: Conditions, artefact: Path, profiler: str
) -> Allocations:
    asked = _request(table, case, conditions, profiler, artefact)
    allocated = trials.answer(trial, table, case, asked, conditions.timeout * SLOWER, Allocated)
    return Allocations(
        case=case,
        profiler=profiler,
        work=allocated.work,
        peak_bytes=allocated.peak_bytes,
        by_bytes=_values(allocated.by_bytes),
        by_count=_values(allocated.by_count),
        artefact=asked.artefact,
        html=allocated.html,
        remark=allocated.remark,
        packages=provenance.imported(allocated.packages),
    )


def _request(table: Table, case: Case, conditions: Conditions, profiler: str, artefact: Path) -> Request:
    """With the number of the last update as a mark: what a generator keeps is there until it ends."""
    return replace(
        trials.request("profile", table, case, conditions.core_for(table)),
        profiler=profiler,
        artefact=str(artefact.absolute()) + SUFFIXES[profiler],
        marks=[table.market.updates - 1] if table.market else [],
    )


def _values(found: Iterable[AllocatedBy]) -> tuple[Allocation, ...]:
    return tuple(Allocation(one.function, one.file, one.bytes, one.count) for one in found)
