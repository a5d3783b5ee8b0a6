"""Schedule the trials of one group of cases: checks, counts, single passes, rounds of pairs until the stopping rule ends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from perfbench.model import SPENT_SECONDS, CaseGroup, Failure, Result, Settings, Trial
from perfbench.runner import instruction_pass, known_changes, output_check, plan, repeat_check, work_check
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.state import GroupState, Progress
from perfbench.runner.stopping import StoppingRule
from perfbench.runner.trial import Conditions


@dataclass(frozen=True, slots=True)
class SurveyRound:
    """The only round that a group is measured in, and the CPU seconds that a pass of each case is expected to take, by its id.

    ``repeats_checks``: the check passes of a program run twice. ``has_children``: it is known to start processes.
    """

    number: int
    expected: Mapping[str, float]
    repeats_checks: bool = False
    has_children: bool = False


SHOWN_KINDS = {"alone": "solo"}
"""What tables call a kind of trial, where the saved format has another word."""


def measure_group(
    group: CaseGroup,
    settings: Settings,
    rule: StoppingRule,
    conditions: Conditions,
    before: Iterable[Result] = (),
    clock: Callable[[], float] = time.monotonic,
    draw: SurveyRound | None = None,
) -> Iterator[tuple[Result, ...] | Progress]:
    """Carry out the plan of a group: yields Progress before each trial, and its results as soon as they are there.

    The results of a pair come together.

    :param before: results of an interrupted run of the same plan; those trials are not measured again.
    :param clock: seconds of a monotonic clock.
    :param draw: of a survey: its one round only, without solo passes where their seconds are expected.
    """
    children = draw is not None and draw.has_children
    state = GroupState(group, settings, rule, before, draw.expected if draw else {}, has_children=children)
    yield from _compare_outputs(state, conditions, repeats=draw is None or draw.repeats_checks)
    yield from _count_instructions(state, conditions)
    for trial in () if draw and draw.expected else plan.plan_solo_passes(group, settings):
        if state.needs(trial):
            name = SHOWN_KINDS.get(trial.kind, trial.kind)
            yield Progress(f"{name} pass: {_format_cases(trial)}", 0.0, None)
            yield from _run_trial(trial, state, conditions)
    start = clock()
    with DuetQueue(group, conditions) as queue:
        for number in (draw.number,) if draw else range(rule.max_rounds):
            if state.is_over or rule.should_stop(number, clock() - start, state.estimates):
                break
            trials = plan.plan_round(group, number, settings.seed)
            coming = [] if draw or number + 1 >= rule.max_rounds else plan.plan_round(group, number + 1, settings.seed)
            for place, trial in enumerate(trials):
                if state.needs(trial):
                    doing = f"round {number + 1}: {_format_cases(trial)}"
                    yield _build_progress(doing, state, number, clock() - start)
                    following = partial(_choose_following, [*trials[place + 1 :], *coming], state)
                    yield from _run_trial(trial, state, conditions, queue, following)
    if draw is not None and group.duets:
        yield from _run_unpaired_cases(draw.number, state, conditions)


def _run_unpaired_cases(number: int, state: GroupState, conditions: Conditions) -> Iterator[tuple[Result, ...]]:
    """A solo pass of each case of a draw whose partners all failed: what it takes is known nevertheless."""
    paired = {case for duet in state.duets for case in duet}
    alone = replace(state.group, places=tuple(p for p in state.group.places if p.case not in paired), duets=())
    for trial in plan.plan_round(alone, number, state.settings.seed) if alone.places else ():
        if state.needs(trial):
            yield from _run_trial(trial, state, conditions)


def _compare_outputs(
    state: GroupState, conditions: Conditions, *, repeats: bool
) -> Iterator[tuple[Result, ...] | Progress]:
    repeated = plan.plan_repeated_checks(state.group) if repeats else []
    again = [trial for trial in repeated if trial.cases[0].id not in state.given_up]
    checks = [trial for trial in (*plan.plan_checks(state.group), *again) if state.needs(trial)]
    if checks:
        yield Progress("check passes: is the output the same?", 0.0, None)
    remembered: output_check.DigestCache = {}
    results = output_check.run_check_passes(checks, state.group, conditions, _find_expected_changes(state), remembered)
    for trial, checked in zip(checks, results, strict=True):
        result = _compare_repeat(trial, checked, state, conditions) if trial in again else checked
        if result is not None:
            state.add(result)
            yield (result,)
    for result in _find_wrong_work(state):
        state.add(result)
        yield (result,)
    for trial, outputs, changes in state.differing_outputs():
        yield Progress(f"where do the outputs of {_format_cases(trial)} differ?", 0.0, None)
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


def _count_instructions(state: GroupState, conditions: Conditions) -> Iterator[tuple[Result, ...] | Progress]:
    """Count every case; a case that Valgrind cannot run is timed nevertheless."""
    for trial in plan.plan_counts(state.group) if state.settings.count else ():
        if state.needs(trial):
            yield Progress(f"counting instructions: {_format_cases(trial)}, hash seed {trial.hash_seed}", 0.0, None)
            result = instruction_pass.count_instructions(trial, state.group, conditions)
            state.add(result)
            yield (result,)


def _find_expected_changes(state: GroupState) -> dict[str, output_check.ChangeSets]:
    """The announced changes between each case and the first case that it is compared with, by case id."""
    expected: dict[str, output_check.ChangeSets] = {}
    for duet in state.group.duets:
        before, after = (state.group.place(case).environment.packages for case in duet)
        changes = known_changes.find_known_changes(state.group.scenario.changes, before, after, state.settings.accepted)
        for case in duet:
            expected.setdefault(case.id, output_check.build_change_sets(changes))
    return expected


def _choose_following(trials: Sequence[Trial], state: GroupState) -> tuple[Trial, Sequence[InterleavedSide]] | None:
    """The first of these trials that is still to be done, if it is a duet, with its slices."""
    trial = next((trial for trial in trials if state.needs(trial)), None)
    return (trial, state.parts(trial)) if trial is not None and trial.kind == "duet" else None


def _run_trial(
    trial: Trial,
    state: GroupState,
    conditions: Conditions,
    queue: DuetQueue | None = None,
    following: Callable[[], tuple[Trial, Sequence[InterleavedSide]] | None] = lambda: None,
) -> Iterator[tuple[Result, ...]]:
    parts = state.parts(trial) if trial.kind == "duet" and not state.sequential else ()
    results = execute_trial(
        trial,
        state.group,
        conditions,
        sequential=state.sequential,
        parts=parts,
        queue=queue,
        following=following,
    )
    for together in [_add_spent_seconds(results, state)] if trial.kind == "duet" else ((result,) for result in results):
        fresh = tuple(result for result in together if result.case not in state.done[trial.id])
        for result in fresh:
            state.add(result)
        yield fresh


def _add_spent_seconds(results: Iterator[Result], state: GroupState) -> tuple[Result, ...]:
    """The results of a duet; if the rule evaluates pairs, with the wall-clock seconds that the whole pair took."""
    start = time.monotonic()
    together = tuple(results)
    if not state.rule.wants_verdicts:
        return together
    spent = {SPENT_SECONDS.name: time.monotonic() - start}
    return tuple(
        result
        if result.sample is None
        else replace(result, sample=replace(result.sample, metrics={**result.sample.metrics, **spent}))
        for result in together
    )


def _format_cases(trial: Trial) -> str:
    modes = list(dict.fromkeys(case.mode for case in trial.cases))
    places = list(dict.fromkeys(case.environment for case in trial.cases))
    return " + ".join(modes) + (f" in {' and '.join(places)}" if len(places) > 1 else "")


def _build_progress(doing: str, state: GroupState, rounds: int, spent: float) -> Progress:
    limit = state.rule.max_seconds
    if rounds == 0:
        return Progress(doing, 0.0, limit)
    needed = state.rule.predict_rounds(rounds, state.duets, state.estimates)
    left = (needed - rounds) * spent / rounds
    if limit is not None:
        left = min(left, limit - spent)
    return Progress(doing, min(1.0, spent / (spent + left)) if spent + left > 0 else 1.0, max(0.0, left))
