"""Measure a table: check passes, passes alone, then rounds of duets until every interval is narrow enough."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from perfbench import agreeing, changes, differing, gating, instructions, pairing, planning, statistics, trials, turns
from perfbench.model import (
    CPU_SECONDS,
    SPENT_SECONDS,
    Case,
    Change,
    Output,
    Package,
    Result,
    Sample,
    Settings,
    Table,
    Trial,
)
from perfbench.statistics import LOOKS
from perfbench.trials import Conditions
from perfbench.turns import Part

FAILURES_FORGIVEN = 2
"""A crash in a duet drops the pair; after so many a case is given up."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is about to be measured, which part of the table is done (0 to 1), and the seconds that are left, if known."""

    doing: str
    share: float
    seconds_left: float | None


class State:
    """What is known of a table so far: samples by case, which trials are done, which cases and duets are given up."""

    def __init__(self, table: Table, settings: Settings, results: Iterable[Result], gated: int = 0) -> None:
        self.table = table
        self.settings = settings
        self._gated = gated
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.outputs: dict[str, Output] = {}
        self.packages: dict[str, tuple[Package, ...]] = {}
        self.done: dict[str, set[str]] = defaultdict(set)
        self.failures: dict[str, int] = defaultdict(int)
        self.given_up: set[str] = set()
        self.uncountable: set[str] = set()
        self.unequal_work: set[tuple[str, str]] = set()
        own = {case.id for case in table.cases}
        for result in results:
            if result.case in own:
                self.add(result)

    def add(self, result: Result) -> None:
        """Take in one result."""
        self.done[result.trial].add(result.case)
        if result.sample is not None:
            self.samples[result.case].append(result.sample)
        if result.output is not None:
            self.outputs[result.case] = result.output
        if result.packages:
            self.packages[result.case] = result.packages
        if result.failure is not None and result.failure.trial == "count":
            self.uncountable.add(result.case)
        elif result.failure is not None:
            self.failures[result.case] += 1
            if result.failure.trial != "duet" or self.failures[result.case] > FAILURES_FORGIVEN:
                self.given_up.add(result.case)
        if result.difference is not None and result.difference.less_work:
            self.unequal_work.add((result.difference.against, result.case))

    def wanted(self, trial: Trial) -> bool:
        """Whether a trial is still to be done: not finished before, and none of its cases given up."""
        if trial.kind == "check":
            return not self.done[trial.id]
        if trial.kind == "count" and self.uncountable.intersection(case.id for case in trial.cases):
            return False
        if any(set(duet) == set(trial.cases) and self._settled(duet) for duet in self.table.duets):
            return False
        if trial.kind == "alone" and self._told_by_pairs(trial.cases[0]):
            return False
        if trial.kind != "duet" and self._without_partner(trial.cases[0]):
            return False
        return not self._refused(trial.cases) and not self.done[trial.id]

    def _told_by_pairs(self, case: Case) -> bool:
        """Whether pairs will tell all that a pass alone would. A gate may stop them early."""
        return self.in_turn and self.settings.gate is None and any(case in duet for duet in self.duets)

    def _without_partner(self, case: Case) -> bool:
        """Whether all that a case is compared with is given up. In a table of modes its own numbers are still worth having."""
        partners = {other.id for duet in self.table.duets if case in duet for other in duet if other != case}
        modes_alone = self.settings.gate is None and len({other.environment for other in self.table.cases}) == 1
        return bool(partners) and not modes_alone and partners <= self.given_up

    def _refused(self, cases: Sequence[Case]) -> bool:
        ids = [case.id for case in cases]
        return bool(self.given_up.intersection(ids)) or bool(
            self.unequal_work.intersection(itertools.permutations(ids))
        )

    @property
    def duets(self) -> list[tuple[Case, Case]]:
        """The duets that can still be measured, and in a gate those that are not clear yet."""
        return [duet for duet in self.table.duets if not self._refused(duet) and not self._settled(duet)]

    def _settled(self, duet: tuple[Case, Case]) -> bool:
        terms = self.settings.gate
        if terms is None or self.settings.rounds is not None:
            return False
        before, after = duet
        logs = pairing.log_ratios(self.samples[before.id], self.samples[after.id], self.metric)
        return gating.settled(logs, terms.most(before.id, after.id), self._gated, gating.bounds(terms, before, after))

    @property
    def over(self) -> bool:
        """Whether nothing is left that could be measured in rounds."""
        return not self.duets if self.table.duets else all(case.id in self.given_up for case in self.table.cases)

    @property
    def metric(self) -> str:
        """The metric that counts in this table."""
        every = (sample for samples in self.samples.values() for sample in samples)
        return pairing.metric_of(every, self.table.scenario.metric)

    @property
    def in_turn(self) -> bool:
        """Whether the passes of a pair run one after the other, as if each were alone, and not by turns on one core."""
        return self.metric != CPU_SECONDS.name

    def parts(self, trial: Trial) -> tuple[Part, ...]:
        """The parts that let both sides of a duet end together, by how long the passes alone were and how the pairs differ.

        Before the first pair only the passes tell how the sides differ, and where there is one of each it may be far off.
        """
        first, second = (self.samples[case.id] for case in trial.cases)
        passes = [pairing.values(side, CPU_SECONDS.name, "memory", "alone") for side in (first, second)]
        if not all(passes):
            return turns.arrange(0.0, 0.0)
        before, after = map(median, passes)
        if logs := pairing.log_ratios(first, second, CPU_SECONDS.name):
            after = before * math.exp(median(logs))
        return turns.arrange(before, after)

    def estimates(self, confidence: float) -> list[statistics.Estimate | None]:
        """For every duet that can be measured: what its pairs say, None while they are too few."""
        found: list[statistics.Estimate | None] = []
        for before, after in self.duets:
            logs = pairing.log_ratios(self.samples[before.id], self.samples[after.id], self.metric)
            enough = len(logs) >= statistics.minimum_pairs(confidence)
            found.append(statistics.estimate(logs, confidence) if enough else None)
        return found

    def unlike(self) -> Iterator[tuple[Trial, tuple[Output, Output], tuple[Change, ...]]]:
        """For every duet whose outputs are not the same: what to do, both outputs, and the changes announced between them."""
        for before, after in self.table.duets:
            floor = self.table.place(before).floor or self.table.place(after).floor
            trial = planning.differ(before, after)
            if floor or self.done[trial.id] or not {before.id, after.id} <= self.outputs.keys():
                continue
            outputs = self.outputs[before.id], self.outputs[after.id]
            if not differing.alike(*outputs, same_mode=before.mode == after.mode):
                sides = self.packages.get(before.id, ()), self.packages.get(after.id, ())
                yield trial, outputs, changes.between(self.table.scenario.changes, *sides, self.settings.accepted)


def measure(
    table: Table,
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
    state = State(table, settings, before, gated)
    yield from _compare_outputs(state, conditions)
    yield from _count(state, conditions)
    for trial in planning.passes_alone(table, settings):
        if state.wanted(trial):
            yield Progress(f"{trial.kind} pass: {_names(trial)}", 0.0, None)
            yield from _carry_out(trial, state, conditions)
    start = clock()
    for number in range(settings.rounds or LOOKS[-1]):
        spent = clock() - start
        if state.over or _enough(state, settings, number, spent):
            return
        for trial in planning.round_of(table, number, settings.seed):
            if state.wanted(trial):
                yield _progress(f"round {number + 1}: {_names(trial)}", state, settings, number, clock() - start)
                yield from _carry_out(trial, state, conditions)


def _compare_outputs(state: State, conditions: Conditions) -> Iterator[tuple[Result, ...] | Progress]:
    checks = [trial for trial in planning.checks(state.table) if state.wanted(trial)]
    if checks:
        yield Progress("check passes: is the output the same?", 0.0, None)
    remembered: agreeing.Undone = {}
    for result in agreeing.check(checks, state.table, conditions, _expected(state), remembered):
        state.add(result)
        yield (result,)
    for trial, outputs, known in state.unlike():
        yield Progress(f"where do the outputs of {_names(trial)} differ?", 0.0, None)
        result = agreeing.differ(trial, state.table, outputs, known, conditions, remembered)
        state.add(result)
        yield (result,)


def _count(state: State, conditions: Conditions) -> Iterator[tuple[Result, ...] | Progress]:
    """What valgrind cannot run is not counted, and timed nevertheless."""
    for trial in planning.counts(state.table) if state.settings.count else ():
        if state.wanted(trial):
            yield Progress(f"counting instructions: {_names(trial)}, hash seed {trial.hash_seed}", 0.0, None)
            result = instructions.count(trial, state.table, conditions)
            state.add(result)
            yield (result,)


def _expected(state: State) -> dict[str, agreeing.Sets]:
    """For each case the announced changes that lie between it and the first case that it is compared with."""
    expected: dict[str, agreeing.Sets] = {}
    for duet in state.table.duets:
        before, after = (state.table.place(case).environment.packages for case in duet)
        known = changes.between(state.table.scenario.changes, before, after, state.settings.accepted)
        for case in duet:
            expected.setdefault(case.id, agreeing.sets_of(known))
    return expected


def _carry_out(trial: Trial, state: State, conditions: Conditions) -> Iterator[tuple[Result, ...]]:
    parts = state.parts(trial) if trial.kind == "duet" and not state.in_turn else ()
    results = trials.execute(trial, state.table, conditions, in_turn=state.in_turn, parts=parts)
    for together in [_timed(results, state)] if trial.kind == "duet" else ((result,) for result in results):
        fresh = tuple(result for result in together if result.case not in state.done[trial.id])
        for result in fresh:
            state.add(result)
        yield fresh


def _timed(results: Iterator[Result], state: State) -> tuple[Result, ...]:
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


def _names(trial: Trial) -> str:
    modes = list(dict.fromkeys(case.mode for case in trial.cases))
    places = list(dict.fromkeys(case.environment for case in trial.cases))
    return " + ".join(modes) + (f" in {' and '.join(places)}" if len(places) > 1 else "")


def _enough(state: State, settings: Settings, rounds: int, spent: float) -> bool:
    """Whether to stop before another round."""
    if settings.rounds is not None or settings.gate is not None or rounds == 0:
        return False
    if spent >= settings.max_time:
        return True
    if rounds not in LOOKS:
        return False
    return all(
        result is not None and statistics.precise_enough(result, settings.precision)
        for result in state.estimates(statistics.looking_confidence())
    )


def _progress(doing: str, state: State, settings: Settings, rounds: int, spent: float) -> Progress:
    needed = settings.rounds or _most_pairs(state, settings) or _rounds_needed(state, settings, rounds)
    if rounds == 0:
        return Progress(doing, 0.0, None if settings.rounds else settings.max_time)
    left = (needed - rounds) * spent / rounds
    if settings.rounds is None:
        left = min(left, settings.max_time - spent)
    return Progress(doing, min(1.0, spent / (spent + left)) if spent + left > 0 else 1.0, max(0.0, left))


def _most_pairs(state: State, settings: Settings) -> int:
    """In a gate the rounds that there may be, else 0."""
    terms = settings.gate
    return 0 if terms is None else max((terms.most(*(case.id for case in duet)) for duet in state.duets), default=1)


def _rounds_needed(state: State, settings: Settings, rounds: int) -> int:
    """The look at which every interval should be narrow enough: its width falls with the square root of the pairs."""
    known = [result for result in state.estimates(statistics.looking_confidence()) if result is not None]
    widest = max(((result.high - result.low) / 2 / result.ratio for result in known), default=0.0)
    needed = max(rounds + 1, round(rounds * (widest / settings.precision) ** 2))
    return next((look for look in LOOKS if look >= needed), LOOKS[-1])
