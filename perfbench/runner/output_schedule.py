"""Schedule the check passes of one group: compare the outputs, repeat those of programs, and explain differences."""

from __future__ import annotations

from collections.abc import Iterator

from perfbench.model import CaseGroup, Failure, Result, Settings, Trial
from perfbench.runner import known_changes, output_check, plan, repeat_check, work_check
from perfbench.runner.state import GroupState, Progress, format_cases
from perfbench.runner.trial import Conditions


def compare_outputs(
    state: GroupState, conditions: Conditions, *, repeats: bool
) -> Iterator[tuple[Result, ...] | Progress]:
    """Run the check passes that are missing, and explain how outputs differ; the results are in the state too.

    :param repeats: the check passes of a program run twice.
    """
    repeated = plan.plan_repeated_checks(state.group) if repeats else []
    again = [trial for trial in repeated if trial.cases[0].id not in state.given_up]
    checks = [trial for trial in (*plan.plan_checks(state.group), *again) if state.needs(trial)]
    if checks:
        yield Progress("check passes: is the output the same?", 0.0, None)
    remembered: output_check.DigestCache = {}
    expected = find_expected_changes(state.group, state.settings)
    results = output_check.run_check_passes(checks, state.group, conditions, expected, remembered)
    for trial, checked in zip(checks, results, strict=True):
        result = _compare_repeat(trial, checked, state, conditions) if trial in again else checked
        if result is not None:
            state.add(result)
            yield (result,)
    for result in _find_wrong_work(state):
        state.add(result)
        yield (result,)
    for trial, outputs, changes in state.differing_outputs():
        yield Progress(f"where do the outputs of {format_cases(trial)} differ?", 0.0, None)
        result = output_check.explain_difference(trial, state.group, outputs, changes, conditions, remembered)
        state.add(result)
        yield (result,)


def _compare_repeat(trial: Trial, checked: Result, state: GroupState, conditions: Conditions) -> Result | None:
    """The result of a second check pass; None if the first one of its case failed as well."""
    first = state.outputs.get(checked.case)
    return None if first is None else repeat_check.compare_repeat(trial, state.group, first, checked, conditions)


def _find_wrong_work(state: GroupState) -> list[Result]:
    """A failure of each case whose check pass did other work than the market file has."""
    checks = {trial.cases[0].id: trial for trial in plan.plan_checks(state.group)}
    wrong = work_check.find_wrong_work(state.group, state.outputs, state.broken)
    return [
        Result(checks[case.id].id, case.id, failure=Failure("check", reason))
        for case, reason in wrong
        if case.id not in state.given_up
    ]


def find_expected_changes(group: CaseGroup, settings: Settings) -> dict[str, output_check.ChangeSets]:
    """The sets to revert in check passes by case id: the changes announced between a case and the first it is compared with."""
    expected: dict[str, output_check.ChangeSets] = {}
    for duet in group.duets:
        before, after = (group.place(case).environment.packages for case in duet)
        changes = known_changes.find_known_changes(group.scenario.changes, before, after, settings.accepted)
        for case in duet:
            expected.setdefault(case.id, output_check.build_change_sets(changes))
    return expected
