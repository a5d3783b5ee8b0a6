"""Schedule the trials of one group of cases: checks, counts, single passes, rounds of pairs until the stopping rule ends them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from perfbench.model import SPENT_SECONDS, Case, CaseGroup, Result, Settings, Trial
from perfbench.runner import instruction_pass, output_schedule, plan
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.state import GroupState, Progress, Shortfall, format_cases
from perfbench.runner.stopping import StoppingRule, UntilPrecise, compute_half_width
from perfbench.runner.time_limit import Clock, GroupClock
from perfbench.runner.trial import Conditions
from perfbench.stats import signed_rank

SOLO_SHARE = 0.1
"""The share of the time left that a set of memory and solo passes may take where the time is limited."""

MIN_PAIRS = signed_rank.count_minimum_pairs(signed_rank.choose_adaptive_confidence())
"""Pairs below which there is no interval."""

NO_ROUND = -1
"""The number of a round that is only planned to see what one takes."""

SHOWN_KINDS = {"alone": "solo"}
"""What tables call a kind of trial, where the saved format has another word."""

Events = Iterator[tuple[Result, ...] | Progress]


@dataclass(frozen=True, slots=True)
class SurveyRound:
    """The only round that a group is measured in, and the CPU seconds that a pass of each case is expected to take, by its id.

    ``repeats_checks``: the check passes of a program run twice. ``has_children``: it is known to start processes.
    """

    number: int
    expected: Mapping[str, float]
    repeats_checks: bool = False
    has_children: bool = False


def measure_group(
    group: CaseGroup,
    settings: Settings,
    rule: StoppingRule,
    conditions: Conditions,
    before: Iterable[Result] = (),
    clock: Clock = time.monotonic,
    seconds: float | None = None,
) -> Iterator[tuple[Result, ...] | Progress | Shortfall]:
    """Carry out the plan of a group: yields Progress before each trial, and its results as soon as they are there.

    The results of a pair come together. A Shortfall is the last event where the time was over before the intervals were narrow.

    :param before: results of an interrupted run of the same plan; those trials are not measured again.
    :param clock: seconds of a monotonic clock.
    :param seconds: the time for all passes of this group, by default that of the settings; one round is measured in any case.
    """
    state = GroupState(group, settings, rule, before)
    work = _GroupWork(state, conditions, GroupClock(settings.max_time if seconds is None else seconds, clock))
    if not isinstance(rule, UntilPrecise):
        yield from work.measure_in_order()
        return
    yield from work.measure_adaptively()
    if (shortfall := work.find_shortfall(rule)) is not None:
        yield shortfall


def measure_survey_round(
    group: CaseGroup,
    settings: Settings,
    rule: StoppingRule,
    conditions: Conditions,
    before: Iterable[Result],
    draw: SurveyRound,
) -> Events:
    """The events of one draw of a survey, as those of ``measure_group``: its one round, whatever time it takes.

    There are no solo passes where their seconds are expected.
    """
    state = GroupState(group, settings, rule, before, draw.expected, has_children=draw.has_children)
    yield from _GroupWork(state, conditions, GroupClock(math.inf)).measure_draw(draw)


@dataclass(frozen=True, slots=True)
class _GroupWork:
    """The work on one group."""

    state: GroupState
    conditions: Conditions
    clock: GroupClock

    def measure_in_order(self) -> Events:
        """Check passes, counts, single passes, rounds: of a gate, a sweep, or a number of rounds."""
        yield from output_schedule.compare_outputs(self.state, self.conditions, repeats=True)
        yield from self._count_instructions()
        for trial in plan.plan_solo_passes(self.state.group, self.state.settings):
            if self.state.needs(trial) and not self._is_spare(trial):
                yield from self._run_solo_pass(trial)
        yield from self._run_rounds(range(self.state.rule.max_rounds))

    def measure_adaptively(self) -> Events:
        """A first round with what it needs, so that there is a ratio soon; then checks, counts, single passes and rounds."""
        group, settings = self.state.group, self.state.settings
        passes = plan.plan_solo_passes(group, settings)
        with DuetQueue(group, self.conditions) as queue:
            for trial in plan.plan_round(group, 0, settings.seed):
                for solo in passes:
                    if (solo.kind, solo.round) == ("memory", 0) and solo.cases[0] in trial.cases and self._needs(solo):
                        yield from self._run_solo_pass(solo)
                if self._needs(trial):
                    yield from self._run_in_round([trial], 0, queue, [])
        yield from output_schedule.compare_outputs(self.state, self.conditions, repeats=True)
        yield from self._count_instructions()
        for number in range(1 + max((trial.round for trial in passes), default=-1)):
            trials = [trial for trial in passes if trial.round == number and self._needs(trial)]
            is_cheap = self._is_cheap(trials)
            for trial in trials:
                # A memory pass may show that a scenario times itself.
                if self._needs(trial) and (is_cheap or self._is_only_source(trial)):
                    yield from self._run_solo_pass(trial)
        yield from self._run_rounds(range(self.state.rule.max_rounds))

    def measure_draw(self, draw: SurveyRound) -> Events:
        """The one round of a draw of a survey."""
        group, settings = self.state.group, self.state.settings
        yield from output_schedule.compare_outputs(self.state, self.conditions, repeats=draw.repeats_checks)
        yield from self._count_instructions()
        for trial in () if draw.expected else plan.plan_solo_passes(group, settings):
            if self._needs(trial):
                yield from self._run_solo_pass(trial)
        yield from self._run_rounds(range(draw.number, draw.number + 1))
        if not group.duets:
            return
        paired = {case for duet in self.state.duets for case in duet}
        alone = replace(group, places=tuple(p for p in group.places if p.case not in paired), duets=())
        for trial in plan.plan_round(alone, draw.number, settings.seed) if alone.places else ():
            if self._needs(trial):  # the partners of its case all failed: what it takes is known nevertheless
                yield from self._run_trial(trial)

    def find_shortfall(self, rule: UntilPrecise) -> Shortfall | None:
        """What was not reached when the time was over; None if nothing is missing."""
        state, rounds = self.state, self.state.rounds
        if state.is_over or not state.duets or rounds >= rule.max_rounds or rule.is_precise(state.estimates):
            return None
        needed = rule.predict_rounds(rounds, state.duets, state.estimates)
        return Shortfall(compute_half_width(state.estimates), (needed - rounds) * self._expect_round())

    def _needs(self, trial: Trial) -> bool:
        return self.state.needs(trial)

    def _is_only_source(self, trial: Trial) -> bool:
        """Whether a solo pass alone gives the seconds of its case, because what it is compared with failed."""
        (case,) = trial.cases
        is_paired = any(case in duet for duet in self.state.duets)
        return trial.kind == "alone" and not is_paired and not self.state.has_seconds(case)

    def _is_spare(self, trial: Trial) -> bool:
        """Whether a smoke run, the only one here that is timed, does without a solo pass: its pairs have what it would show.

        The first memory pass shows whether a scenario times itself.
        """
        if not self.state.rule.is_timed or self._is_only_source(trial):
            return False
        return trial.kind == "alone" or (self.state.sequential and any(self.state.samples.values()))

    def _is_cheap(self, trials: Sequence[Trial]) -> bool:
        return self.clock.expect(trials) <= SOLO_SHARE * self.clock.left

    def _run_rounds(self, numbers: range) -> Events:
        """Rounds until the rule ends them; a timed rule also ends with the pair that would take too long."""
        group, state, seed = self.state.group, self.state, self.state.settings.seed
        with DuetQueue(group, self.conditions) as queue:
            for number in numbers:
                if state.is_over or state.rule.should_stop(number, state.estimates):
                    return
                trials = plan.plan_round(group, number, seed)
                last = number + 1 == numbers.stop
                coming = [] if last else plan.plan_round(group, number + 1, seed)
                is_measured = False
                for place, trial in enumerate(trials):
                    if state.needs(trial) and self._has_time(trial):
                        yield from self._run_in_round(trials[place:], number, queue, coming)
                        is_measured = True
                if not is_measured and any(map(state.needs, trials)):
                    return

    def _has_time(self, trial: Trial) -> bool:
        """Whether there is time for a trial of a round; the first one of each pair is measured in any case.

        Where the time does not suffice for an interval of every pair, it is kept for those that need least of it.
        """
        if not self.state.rule.is_timed or self.clock.left == math.inf or not self.state.has_begun(trial):
            return True
        own = self.clock.expect([trial])
        others = sum(need for cases, need in self._list_reachable() if cases != set(trial.cases))
        return own + others <= self.clock.left

    def _list_reachable(self) -> list[tuple[set[Case], float]]:
        """The pairs that an interval can be reached for in the time that is left, with the seconds that it takes."""
        round_ = {frozenset(t.cases): t for t in plan.plan_round(self.state.group, NO_ROUND, self.state.settings.seed)}
        needs = sorted(
            (
                (
                    max(0, MIN_PAIRS - self.state.count_pairs(duet)) * self.clock.expect([round_[frozenset(duet)]]),
                    number,
                )
                for number, duet in enumerate(self.state.duets)
            ),
        )
        reachable, left = [], self.clock.left
        for need, number in needs:
            left -= need
            if left < 0:
                break
            reachable.append((set(self.state.duets[number]), need))
        return reachable

    def _run_in_round(self, rest: Sequence[Trial], number: int, queue: DuetQueue, coming: Sequence[Trial]) -> Events:
        """Run the first of the trials that are the rest of their round; ``coming``: those of the next one."""
        trial, *others = rest
        yield self._build_progress(f"round {number + 1}: {format_cases(trial)}", number, rest)
        yield from self._run_trial(trial, queue, partial(self._choose_following, [*others, *coming]))

    def _choose_following(self, trials: Sequence[Trial]) -> tuple[Trial, Sequence[InterleavedSide]] | None:
        """The first of these trials that is still to be done, if it is a duet, with its slices."""
        trial = next((trial for trial in trials if self.state.needs(trial) and self._has_time(trial)), None)
        return (trial, self.state.parts(trial)) if trial is not None and trial.kind == "duet" else None

    def _count_instructions(self) -> Events:
        """Count every case; a case that Valgrind cannot run is timed nevertheless."""
        for trial in plan.plan_counts(self.state.group) if self.state.settings.count else ():
            if self.state.needs(trial):
                yield Progress(f"counting instructions: {format_cases(trial)}, hash seed {trial.hash_seed}", 0.0, None)
                result = instruction_pass.count_instructions(trial, self.state.group, self.conditions)
                self.state.add(result)
                yield (result,)

    def _run_solo_pass(self, trial: Trial) -> Events:
        yield Progress(f"{SHOWN_KINDS.get(trial.kind, trial.kind)} pass: {format_cases(trial)}", 0.0, None)
        yield from self._run_trial(trial)

    def _run_trial(
        self,
        trial: Trial,
        queue: DuetQueue | None = None,
        following: Callable[[], tuple[Trial, Sequence[InterleavedSide]] | None] = lambda: None,
    ) -> Iterator[tuple[Result, ...]]:
        state = self.state
        sequential = state.sequential
        parts = state.parts(trial) if trial.kind == "duet" and not sequential else ()
        with self.clock.timing(trial):
            results = execute_trial(
                trial,
                state.group,
                self.conditions,
                sequential=sequential,
                parts=parts,
                queue=queue,
                following=following,
            )
            for together in [_add_spent_seconds(results, state)] if trial.kind == "duet" else ((r,) for r in results):
                fresh = tuple(result for result in together if result.case not in state.done[trial.id])
                for result in fresh:
                    state.add(result)
                yield fresh

    def _expect_round(self) -> float:
        """The seconds of a round of the pairs that are still measured."""
        trials = plan.plan_round(self.state.group, NO_ROUND, self.state.settings.seed)
        return self.clock.expect(trial for trial in trials if self.state.needs(trial))

    def _build_progress(self, doing: str, rounds: int, rest: Sequence[Trial]) -> Progress:
        """What comes next; ``rounds`` are done, and ``rest`` are the trials of the one that is being measured."""
        state, clock = self.state, self.clock
        each = self._expect_round()
        limit = clock.left if state.rule.is_timed else None
        if rounds == 0 or not each:
            return Progress(doing, 0.0, limit, rounds)
        needed = state.rule.predict_rounds(rounds, state.duets, state.estimates)
        left = (needed - rounds - 1) * each + clock.expect(filter(state.needs, rest))
        left = left if limit is None else min(limit, left)
        share = clock.spent / (clock.spent + left) if clock.spent + left > 0 else 1.0
        return Progress(doing, min(1.0, share), max(0.0, left), rounds)


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
