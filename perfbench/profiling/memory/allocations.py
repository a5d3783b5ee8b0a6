"""Passes of a worker under a memory profiler: allocations by function, and a function line by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import Case, CaseGroup, Trial
from perfbench.profiling.memory.model import AllocationSummary, LineProfile
from perfbench.runner.trial import Conditions, build_request, request_answer, start_worker
from perfbench.worker.profilers import lines, memray, tracemalloc
from perfbench.worker.protocol import AllocationProfile, LineMemoryProfile, Request

MEMRAY, TRACEMALLOC, LINE_PROFILER = "memray", "tracemalloc", "lines"
SUFFIXES: dict[str, str] = {MEMRAY: memray.SUFFIX, TRACEMALLOC: tracemalloc.SUFFIX, LINE_PROFILER: lines.SUFFIX}
"""Suffix of the file that each profiler writes."""

MEMRAY_MISSING = "memray is not installed"
"""How the worker's complaint begins where memray cannot be imported."""

MEMRAY_FALLBACK_NOTE = "memray is not installed in this environment; "

TIMEOUT_FACTOR = 20
"""Timeout factor of a profiled pass relative to a plain one."""


def profile_allocations(
    trial: Trial, table: CaseGroup, case: Case, conditions: Conditions, artefact: Path
) -> AllocationSummary:
    """Attribute the allocations of a pass to functions, by memray; by tracemalloc, with a note, where memray is not installed.

    :param artefact: where its own files go, without a suffix.

    Raises TrialFailed.
    """
    try:
        return _run_allocation_profiler(trial, table, case, conditions, artefact, MEMRAY)
    except TrialFailed as error:
        if not str(error).startswith(MEMRAY_MISSING):
            raise
    summary = _run_allocation_profiler(trial, table, case, conditions, artefact, TRACEMALLOC)
    return replace(summary, remark=MEMRAY_FALLBACK_NOTE + summary.remark)


def profile_lines(
    trial: Trial, table: CaseGroup, case: Case, conditions: Conditions, function: str, artefact: Path
) -> LineProfile:
    """The memory of a function line by line, over its first 3000 calls or the first 3000 updates, by memory_profiler.

    :param function: ``module:name``, such as ``betfairlightweight.streaming.cache:MarketBookCache.update_cache``.
    :param artefact: where its own file goes, without a suffix.

    Raises TrialFailed, also for a function that is not there.
    """
    request = replace(_build_request(table, case, conditions, LINE_PROFILER, artefact), function=function)
    lined = request_answer(trial, table, case, request, conditions.timeout * TIMEOUT_FACTOR, LineMemoryProfile)
    return LineProfile(case, function, lined.text, lined.calls, lined.cut, tuple(lined.packages))


def check_function(table: CaseGroup, conditions: Conditions, function: str) -> None:
    """Look a function up as ``lines`` will, without a pass. Raises NotMeasured if no case of the table has it.

    The first case that has it is enough. What a case lacks on this machine is left for its own passes to report.
    """
    reasons = []
    for case in table.cases:
        request = replace(build_request("resolve", table, case), profiler=LINE_PROFILER, function=function)
        try:
            with start_worker(table, case, request, Trial("alone", 0, (case,), 0), conditions.timeout) as worker:
                worker.end()
        except TrialFailed as error:
            reasons += [] if error.unavailable else [str(error)]
        else:
            return
    if reasons:
        raise NotMeasured(f"--lines {function}: {reasons[0]}")


def _run_allocation_profiler(
    trial: Trial, table: CaseGroup, case: Case, conditions: Conditions, artefact: Path, profiler: str
) -> AllocationSummary:
    request = _build_request(table, case, conditions, profiler, artefact)
    allocated = request_answer(trial, table, case, request, conditions.timeout * TIMEOUT_FACTOR, AllocationProfile)
    return AllocationSummary(
        case=case,
        profiler=profiler,
        work=allocated.work,
        peak_bytes=allocated.peak_bytes,
        by_bytes=tuple(allocated.by_bytes),
        by_count=tuple(allocated.by_count),
        artefact=request.artefact,
        html=allocated.html,
        remark=allocated.note,
        packages=tuple(allocated.packages),
    )


def _build_request(table: CaseGroup, case: Case, conditions: Conditions, profiler: str, artefact: Path) -> Request:
    """With the number of the last update as a mark: what a generator keeps is there until it ends."""
    return replace(
        build_request("profile", table, case, conditions.core_for(table)),
        profiler=profiler,
        artefact=str(artefact.absolute()) + SUFFIXES[profiler],
        marks=[table.market.updates - 1] if table.market else [],
    )
