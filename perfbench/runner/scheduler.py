"""Schedule the trials of one group of cases: checks, counts, single passes, rounds of pairs until the stopping rule ends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from perfbench.model import SPENT_SECONDS, CaseGroup, Result, Settings, Trial
from perfbench.runner import instruction_pass, known_changes, output_check, plan
from perfbench.runner.state import GroupState, Progress
from perfbench.runner.trial import Conditions, execute_trial
from perfbench.stats import signed_rank
from perfbench.stats.signed_rank import ADAPTIVE_LOOKS


def measure_group(
    table: CaseGroup,
    settings: Settings,
    conditions: Conditions,
    before: Iterable[Result] = (),
    clock: Callable[[], float] = time.monotonic,
    gated: int = 0,
) -> Iterator[tuple[Result, ...] | Progress]:
    """Carry out the plan of a table. Yields results as soon as they are there, pairs together, and before each trial what comes.

    :param before: results of an interrupted run of the same plan; what they hold is not measured again.
    :param gated: how many comparisons the gate judges, of which this table is one.
    """
    state = GroupState(table, settings, before, gated)
    yield from _compare_outputs(state, conditions)
    yield from _count_instructions(state, conditions)
    for trial in plan.plan_solo_passes(table, settings):
        if state.wanted(trial):
            yield Progress(f"{trial.kind} pass: {_format_cases(trial)}", 0.0, None)
            yield from _run_trial(trial, state, conditions)
    start = clock()
    for number in range(settings.rounds or ADAPTIVE_LOOKS[-1]):
        spent = clock() - start
        if state.over or _should_stop(state, settings, number, spent):
            return
        for trial in plan.plan_round(table, number, settings.seed):
            if state.wanted(trial):
                yield _build_progress(
                    f"round {number + 1}: {_format_cases(trial)}", state, settings, number, clock() - start
                )
                yield from _run_trial(trial, state, conditions)


def _compare_outputs(state: GroupState, conditions: Conditions) -> Iterator[tuple[Result, ...] | Progress]:
    checks = [trial for trial in plan.plan_checks(state.table) if state.wanted(trial)]
    if checks:
        yield Progress("check passes: is the output the same?", 0.0, None)
    remembered: output_check.DigestCache = {}
    for result in output_check.run_check_passes(
        checks, state.table, conditions, _find_expected_changes(state), remembered
    ):
        state.add(result)
        yield (result,)
    for trial, outputs, known in state.unlike():
        yield Progress(f"where do the outputs of {_format_cases(trial)} differ?", 0.0, None)
        result = output_check.explain_difference(trial, state.table, outputs, known, conditions, remembered)
        state.add(result)
        yield (result,)


def _count_instructions(state: GroupState, conditions: Conditions) -> Iterator[tuple[Result, ...] | Progress]:
    """What valgrind cannot run is not counted, and timed nevertheless."""
    for trial in plan.plan_counts(state.table) if state.settings.count else ():
        if state.wanted(trial):
            yield Progress(f"counting instructions: {_format_cases(trial)}, hash seed {trial.hash_seed}", 0.0, None)
            result = instruction_pass.count_instructions(trial, state.table, conditions)
            state.add(result)
            yield (result,)


def _find_expected_changes(state: GroupState) -> dict[str, output_check.ChangeSets]:
    """For each case the announced changes that lie between it and the first case that it is compared with."""
    expected: dict[str, output_check.ChangeSets] = {}
    for duet in state.table.duets:
        before, after = (state.table.place(case).environment.packages for case in duet)
        known = known_changes.find_known_changes(state.table.scenario.changes, before, after, state.settings.accepted)
        for case in duet:
            expected.setdefault(case.id, output_check.build_change_sets(known))
    return expected


def _run_trial(trial: Trial, state: GroupState, conditions: Conditions) -> Iterator[tuple[Result, ...]]:
    parts = state.parts(trial) if trial.kind == "duet" and not state.in_turn else ()
    results = execute_trial(trial, state.table, conditions, in_turn=state.in_turn, parts=parts)
    for together in [_add_spent_seconds(results, state)] if trial.kind == "duet" else ((result,) for result in results):
        fresh = tuple(result for result in together if result.case not in state.done[trial.id])
        for result in fresh:
            state.add(result)
        yield fresh


def _add_spent_seconds(results: Iterator[Result], state: GroupState) -> tuple[Result, ...]:
    """The results of a duet; in a gate with what all of it took."""
    start = time.monotonic()
    together = tuple(results)
    if state.settings.gate is None:
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


def _should_stop(state: GroupState, settings: Settings, rounds: int, spent: float) -> bool:
    """Whether to stop before another round."""
    if settings.rounds is not None or settings.gate is not None or rounds == 0:
        return False
    if spent >= settings.max_time:
        return True
    if rounds not in ADAPTIVE_LOOKS:
        return False
    return all(
        result is not None and signed_rank.is_precise_enough(result, settings.precision)
        for result in state.estimates(signed_rank.choose_adaptive_confidence())
    )


def _build_progress(doing: str, state: GroupState, settings: Settings, rounds: int, spent: float) -> Progress:
    needed = settings.rounds or _read_max_pairs(state, settings) or _estimate_rounds(state, settings, rounds)
    if rounds == 0:
        return Progress(doing, 0.0, None if settings.rounds else settings.max_time)
    left = (needed - rounds) * spent / rounds
    if settings.rounds is None:
        left = min(left, settings.max_time - spent)
    return Progress(doing, min(1.0, spent / (spent + left)) if spent + left > 0 else 1.0, max(0.0, left))


def _read_max_pairs(state: GroupState, settings: Settings) -> int:
    """In a gate the rounds that there may be, else 0."""
    terms = settings.gate
    return 0 if terms is None else max((terms.most(*(case.id for case in duet)) for duet in state.duets), default=1)


def _estimate_rounds(state: GroupState, settings: Settings, rounds: int) -> int:
    """The look at which every interval should be narrow enough: its width falls with the square root of the pairs."""
    known = [result for result in state.estimates(signed_rank.choose_adaptive_confidence()) if result is not None]
    widest = max(((result.high - result.low) / 2 / result.ratio for result in known), default=0.0)
    needed = max(rounds + 1, round(rounds * (widest / settings.precision) ** 2))
    return next((look for look in ADAPTIVE_LOOKS if look >= needed), ADAPTIVE_LOOKS[-1])
