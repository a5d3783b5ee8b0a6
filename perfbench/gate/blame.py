"""Attribution of confirmed regressions to functions, by instruction counts (deterministic, independent of load)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perfbench.errors import TrialFailed
from perfbench.gate.verdict import find_regressions
from perfbench.model import BlamedFunction, Case, CaseBlame, CaseGroup, Trial
from perfbench.profiling.instructions import functions
from perfbench.results.document import RUNS
from perfbench.runner import instruction_pass, machine
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import FinishedRun, Session
from perfbench.runner.trial import Conditions
from perfbench.stats import instructions

MAX_BLAMED_FUNCTIONS = 5
"""Functions that are named for each regression."""


def warn_unavailable(session: Session, prepared: PreparedRun) -> None:
    """Say before anything is measured why a regression could not be attributed; the gate itself does not depend on it."""
    environments = dict.fromkeys(place.environment for group in prepared.tables for place in group.places)
    for reason in dict.fromkeys(filter(None, map(functions.explain_unavailable, environments))):
        session.listener.report_status(f"! --blame cannot name functions: {reason}")


def blame_regressions(session: Session, prepared: PreparedRun, finished: FinishedRun) -> FinishedRun:
    """The run with the functions behind each regression, saved again. Raises StorageProblem.

    A regression whose instructions cannot be counted gets the reason in place of functions.
    """
    if finished.interrupted or not finished.run.finished:
        return finished
    conditions = Conditions(machine.find_quietest_core(), finished.run.settings.timeout)
    blames = []
    for number, (group, before, after) in enumerate(_find_regressions(prepared, finished)):
        session.listener.report_status(f"counting instructions by function: {after.mode}, before and after")
        folder = session.workspace / f"blame-{number}"
        folder.mkdir()
        (head,) = instruction_pass.cut_markets([group], folder)
        blames.append(_blame_comparison(head, before, after, conditions))
    if not blames:
        return finished
    run = replace(finished.run, blames=tuple(blames))
    RUNS.save(run, finished.path)
    return replace(finished, run=run)


def _find_regressions(prepared: PreparedRun, finished: FinishedRun) -> Iterator[tuple[CaseGroup, Case, Case]]:
    """The comparisons of two environments that regressed."""
    slower = find_regressions(finished.run)
    for group in prepared.tables:
        for before, after in group.duets:
            if (before.id, after.id) in slower and before.environment != after.environment:
                yield group, before, after


def _blame_comparison(group: CaseGroup, before: Case, after: Case, conditions: Conditions) -> CaseBlame:
    sides = [group.place(case).environment for case in (before, after)]
    if reason := next(filter(None, map(functions.explain_unavailable, sides)), ""):
        return CaseBlame(before.id, after.id, problem=reason)
    try:
        counts = [
            [
                functions.count_functions(Trial("count", seed, (case,), seed), group, conditions)
                for seed in instructions.HASH_SEEDS
            ]
            for case in (before, after)
        ]
    except TrialFailed as error:
        return CaseBlame(before.id, after.id, problem=str(error))
    whole = sum(count.total / count.work for count in counts[0]) / len(counts[0])
    changes = functions.diff_counts(*counts)[:MAX_BLAMED_FUNCTIONS]
    culprits = tuple(
        BlamedFunction(
            change.function.key,
            change.before,
            change.after,
            change.calls_before,
            change.calls_after,
            change.change / whole,
        )
        for change in changes
    )
    return CaseBlame(before.id, after.id, culprits)
