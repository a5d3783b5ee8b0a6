"""Output equality of two cases: untimed check passes, then known changes or the first difference as explanation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, CaseInEnvironment, Change, Failure, Output, OutputDifference, Result, Trial
from perfbench.runner import imported_versions, output_diff, output_items, worker_process
from perfbench.runner.trial import Conditions, build_failure, build_request, start_worker
from perfbench.worker.protocol import OutputDigest

ChangeSets = tuple[tuple[str, ...], ...]
"""Sets of change names; each set is reverted in a digest of its own."""

DigestCache = dict[tuple[str, ChangeSets], OutputDigest]
"""Output digests of cases by id, one for each set of reverted changes."""


def build_change_sets(changes: Sequence[Change]) -> ChangeSets:
    """The sets to revert to find which known changes explain a difference: all, and all but each one."""
    names = [change.name for change in changes if not change.trait]
    return (tuple(names), *(tuple(other for other in names if other != name) for name in names)) if names else ()


def run_check_passes(
    checks: Sequence[Trial],
    table: CaseGroup,
    conditions: Conditions,
    expected: Mapping[str, ChangeSets],
    remembered: DigestCache,
) -> Iterator[Result]:
    """Run the check passes of cases; they are untimed, so as many at a time as there are cores.

    :param expected: for the id of a case what will be undone in it if it differs; remembered, so that no second pass is needed.
    """
    coming, running = list(reversed(checks)), dict[str, _RunningCheck]()
    with ExitStack() as ends:
        for trial in checks:
            while trial.id not in running or not running[trial.id].is_done:
                while coming and sum(not check.is_done for check in running.values()) < (os.cpu_count() or 1):
                    started = coming.pop()
                    sets = expected.get(started.cases[0].id, ())
                    worker = _start_check(started, table, sets, conditions, ends)
                    running[started.id] = _RunningCheck(started, worker, sets)
                _finish_any(list(running.values()), table, remembered)
            result = running[trial.id].result
            assert result is not None
            yield result


@dataclass(slots=True)
class _RunningCheck:
    """A check pass, its worker, and its result once it is done."""

    trial: Trial
    worker: worker_process.WorkerProcess | TrialFailed
    sets: ChangeSets
    result: Result | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self.result is not None


def _finish_any(checks: Sequence[_RunningCheck], table: CaseGroup, remembered: DigestCache) -> None:
    """Wait until one of the check passes that run has ended, and take its result."""
    open_checks = [check for check in checks if not check.is_done]
    failed = [check for check in open_checks if isinstance(check.worker, TrialFailed)]
    workers = {check.worker: check for check in open_checks if isinstance(check.worker, worker_process.WorkerProcess)}
    for check in failed or [workers[worker] for worker in worker_process.wait_for_any(list(workers))]:
        check.result = _build_check_result(
            check.trial, table.place(check.trial.cases[0]), check.worker, check.sets, remembered
        )
        if isinstance(check.worker, worker_process.WorkerProcess):
            check.worker.close()


def _start_check(
    trial: Trial, table: CaseGroup, undone: ChangeSets, conditions: Conditions, ends: ExitStack, index: int = 0
) -> worker_process.WorkerProcess | TrialFailed:
    case = trial.cases[index]
    try:
        request = replace(build_request("check", table, case), undone=[list(names) for names in undone])
        timeout = output_items.compute_check_timeout(table, conditions)
        return ends.enter_context(start_worker(table, case, request, trial, timeout))
    except TrialFailed as error:
        return error


def _receive_digests(worker: worker_process.WorkerProcess | TrialFailed) -> OutputDigest:
    if isinstance(worker, TrialFailed):
        raise worker
    digested = worker.expect(OutputDigest)
    worker.end()
    return digested


def _build_check_result(
    trial: Trial,
    place: CaseInEnvironment,
    worker: worker_process.WorkerProcess | TrialFailed,
    sets: ChangeSets,
    remembered: DigestCache,
) -> Result:
    try:
        digested = _receive_digests(worker)
    except TrialFailed as error:
        return build_failure(trial, place.case, error)
    remembered[place.case.id, sets] = digested
    packages = tuple(digested.packages)
    wrong = imported_versions.find_wrong_import(place.environment, packages)
    if wrong:
        return Result(trial.id, place.case.id, failure=Failure(trial.kind, wrong))
    blocks = tuple(digested.blocks)
    output = Output(digested.digest, digested.updates, digested.block_size, blocks, digested.traits, digested.handled)
    return Result(trial.id, place.case.id, output=output, packages=packages)


def explain_difference(
    trial: Trial,
    table: CaseGroup,
    outputs: tuple[Output, Output],
    changes: Sequence[Change],
    conditions: Conditions,
    remembered: DigestCache,
) -> Result:
    """Explain how the outputs of the two cases differ, as a result of the second: known changes alone, or the first difference.

    :param changes: the announced changes that lie between the two.
    :param remembered: what the check passes digested, and takes in what is digested for this trial.
    """
    if trial.cases[0].mode != trial.cases[1].mode:
        outputs = (replace(outputs[0], traits={}), replace(outputs[1], traits={}))
    before, after = outputs
    against, case = (compared.id for compared in trial.cases)
    is_itemized = _is_itemized(table, outputs)
    if before.updates != after.updates and not is_itemized:
        amount, other = [f"{side.updates:,} {table.scenario.unit}" for side in outputs]
        place = OutputDifference(
            min(before.updates, after.updates) + 1, "amount of work", amount, other, less_work=True
        )
    elif bool(before.blocks) != bool(after.blocks) and not is_itemized:
        kinds = ["items" if side.blocks else "an amount without items" for side in outputs]
        place = OutputDifference(1, "kind of output", kinds[0], kinds[1])
    else:
        disagreement = _OutputMismatch(trial, table, before, after, tuple(changes), conditions, remembered)
        try:
            place = disagreement.explained() or disagreement.first_place()
        except TrialFailed as error:
            place = OutputDifference(1, f"the outputs differ; the first difference was not found: {error}", "", "")
    return Result(trial.id, case, difference=replace(place, against=against))


def _is_itemized(table: CaseGroup, outputs: tuple[Output, Output]) -> bool:
    """Whether the outputs are items of a program, whose number is not its amount of work; one side may have none."""
    return bool(table.scenario.program) and any(side.blocks for side in outputs)


@dataclass(frozen=True, slots=True)
class _OutputMismatch:
    """Two different outputs of the same amount of work, or of a program, and the known changes between them."""

    trial: Trial
    table: CaseGroup
    before: Output
    after: Output
    changes: tuple[Change, ...]
    conditions: Conditions
    remembered: DigestCache

    @property
    def names(self) -> list[str]:
        """The known changes that can be reverted; the others show in traits."""
        return [change.name for change in self.changes if not change.trait]

    def explained(self) -> OutputDifference | None:
        """The changes that explain the difference, if the outputs agree with all of them reverted on both sides.

        A change counts only if the outputs would differ without undoing it.
        """
        traits = [change for change in self.changes if change.trait]
        if not output_diff.have_equal_traits(self.before, self.after, {change.trait for change in traits}):
            return None
        shown = [c.name for c in traits if output_diff.trait_differs(self.before, self.after, c.trait)]
        if self.before.digest == self.after.digest:
            return OutputDifference(0, "", "", "", changes=tuple(shown))
        if not self.names:
            return None
        first, second = (digested.undone for digested in self._undone())
        if first[0] != second[0]:
            return None
        needed = [name for name, a, b in zip(self.names, first[1:], second[1:], strict=True) if a != b]
        return OutputDifference(0, "", "", "", changes=(*(needed or self.names), *shown))

    def first_place(self) -> OutputDifference:
        """The first difference field by field, with known changes reverted. Raises TrialFailed."""
        for trait in sorted({*self.before.traits, *self.after.traits}):
            announced = any(change.trait == trait for change in self.changes)
            if not announced and output_diff.trait_differs(self.before, self.after, trait):
                was, now = (side.traits.get(trait, "nothing") for side in (self.before, self.after))
                return OutputDifference(1, trait, was, now)
        span = self._first_block()
        with ExitStack() as ends:
            sides = [
                output_items.dump_items(self.trial, self.table, case, span, self.conditions, ends, self.names)
                for case in self.trial.cases
            ]
            if place := output_items.find_first_item(self.table, sides):
                return place
        return OutputDifference(
            span[0] + 1, "an order of fields or a number's type that the printed form does not show", "", ""
        )

    def _first_block(self) -> tuple[int, int]:
        sides = self.before, self.after
        if self.names:
            first, second = (tuple(digested.undone_blocks[0]) for digested in self._undone())
            sides = replace(self.before, blocks=first), replace(self.after, blocks=second)
        return output_diff.find_first_block(*sides)

    def _undone(self) -> list[OutputDigest]:
        """Digests of both outputs with the known changes reverted: all, and all but each one."""
        sets = build_change_sets(self.changes)
        keys = [(case.id, sets) for case in self.trial.cases]
        with ExitStack() as ends:
            started = {
                key: _start_check(self.trial, self.table, sets, self.conditions, ends, index)
                for index, key in enumerate(keys)
                if key not in self.remembered
            }
            self.remembered.update({key: _receive_digests(worker) for key, worker in started.items()})
        return [self.remembered[key] for key in keys]
