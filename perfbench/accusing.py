"""Which functions the regressions of a gate come from, by their instructions: the same every time, however busy the machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from perfbench import counting, function_counts, instructions, machine, storage, tabulating
from perfbench.errors import TrialFailed
from perfbench.model import Case, CaseBlame, Culprit, Table, Trial, Verdict
from perfbench.session import Finished, Prepared
from perfbench.trials import Conditions

SHOWN = 5
"""Functions that a gate blames."""


def accuse(prepared: Prepared, finished: Finished, workspace: Path, observe: Callable[[str], None]) -> Finished:
    """The run with the functions that its regressions come from, and saved again.

    :param workspace: the first lines of markets are written into this folder.
    :param observe: is told in one line what is being counted.

    What cannot be counted is told in place of functions. Raises StorageProblem.
    """
    if finished.interrupted or not finished.run.finished:
        return finished
    conditions = Conditions(machine.quietest_core(), finished.run.settings.timeout)
    blames = []
    for number, (table, before, after) in enumerate(_regressed(prepared, finished)):
        observe(f"counting instructions by function: {after.mode}, before and after")
        folder = workspace / f"blame-{number}"
        folder.mkdir()
        (on_head,) = instructions.with_heads([table], folder)
        blames.append(_blame(on_head, before, after, conditions))
    if not blames:
        return finished
    run = replace(finished.run, blames=tuple(blames))
    storage.save(run, finished.path)
    return replace(finished, run=run)


def _regressed(prepared: Prepared, finished: Finished) -> Iterator[tuple[Table, Case, Case]]:
    """The comparisons of two environments that got slower."""
    report = tabulating.report(finished.run, ())
    slower = {
        row.case
        for table in report.tables
        for row in table.rows
        if row.breaches and row.comparison is not None and row.comparison.verdict is Verdict.REGRESSED
    }
    for table in prepared.tables:
        for before, after in table.duets:
            if after.id in slower and before.environment != after.environment:
                yield table, before, after


def _blame(table: Table, before: Case, after: Case, conditions: Conditions) -> CaseBlame:
    sides = [table.place(case).environment for case in (before, after)]
    if reason := next(filter(None, map(function_counts.missing, sides)), ""):
        return CaseBlame(before.id, after.id, problem=reason)
    try:
        counts = [
            [
                function_counts.count(Trial("count", seed, (case,), seed), table, conditions)
                for seed in counting.HASH_SEEDS
            ]
            for case in (before, after)
        ]
    except TrialFailed as error:
        return CaseBlame(before.id, after.id, problem=str(error))
    whole = sum(one.total / one.work for one in counts[0]) / len(counts[0])
    changes = function_counts.difference(*counts)[:SHOWN]
    culprits = tuple(
        Culprit(one.function.key, one.before, one.after, one.calls_before, one.calls_after, one.change / whole)
        for one in changes
    )
    return CaseBlame(before.id, after.id, culprits)
