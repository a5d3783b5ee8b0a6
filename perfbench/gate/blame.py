"""Attribution of confirmed regressions to functions, by instruction counts (deterministic, independent of load)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from perfbench.errors import TrialFailed
from perfbench.gate.verdict import find_regressions
from perfbench.model import BlamedFunction, Case, CaseBlame, CaseGroup, Trial
from perfbench.profiling.instructions import functions
from perfbench.results import document
from perfbench.runner import instruction_pass, machine
from perfbench.runner.session import FinishedRun, PreparedRun
from perfbench.runner.trial import Conditions
from perfbench.stats import instructions

MAX_BLAMED_FUNCTIONS = 5
"""Functions that a gate blames."""


def blame_regressions(
    prepared: PreparedRun, finished: FinishedRun, workspace: Path, observe: Callable[[str], None]
) -> FinishedRun:
    """The run with the functions that its regressions come from, and saved again.

    :param workspace: the first lines of markets are written into this folder.
    :param observe: is told in one line what is being counted.

    What cannot be counted is told in place of functions. Raises StorageProblem.
    """
    if finished.interrupted or not finished.run.finished:
        return finished
    conditions = Conditions(machine.find_quietest_core(), finished.run.settings.timeout)
    blames = []
    for number, (table, before, after) in enumerate(_find_regressions(prepared, finished)):
        observe(f"counting instructions by function: {after.mode}, before and after")
        folder = workspace / f"blame-{number}"
        folder.mkdir()
        (on_head,) = instruction_pass.cut_markets([table], folder)
        blames.append(_blame_comparison(on_head, before, after, conditions))
    if not blames:
        return finished
    run = replace(finished.run, blames=tuple(blames))
    document.save_run(run, finished.path)
    return replace(finished, run=run)


def _find_regressions(prepared: PreparedRun, finished: FinishedRun) -> Iterator[tuple[CaseGroup, Case, Case]]:
    """The comparisons of two environments that got slower."""
    slower = find_regressions(finished.run)
    for table in prepared.tables:
        for before, after in table.duets:
            if (before.id, after.id) in slower and before.environment != after.environment:
                yield table, before, after


def _blame_comparison(table: CaseGroup, before: Case, after: Case, conditions: Conditions) -> CaseBlame:
    sides = [table.place(case).environment for case in (before, after)]
    if reason := next(filter(None, map(functions.explain_unavailable, sides)), ""):
        return CaseBlame(before.id, after.id, problem=reason)
    try:
        counts = [
            [
                functions.count_functions(Trial("count", seed, (case,), seed), table, conditions)
                for seed in instructions.HASH_SEEDS
            ]
            for case in (before, after)
        ]
    except TrialFailed as error:
        return CaseBlame(before.id, after.id, problem=str(error))
    whole = sum(one.total / one.work for one in counts[0]) / len(counts[0])
    changes = functions.diff_counts(*counts)[:MAX_BLAMED_FUNCTIONS]
    culprits = tuple(
        BlamedFunction(one.function.key, one.before, one.after, one.calls_before, one.calls_after, one.change / whole)
        for one in changes
    )
    return CaseBlame(before.id, after.id, culprits)
