"""Measure a corpus: draw after draw until the interval is narrow, the time is over, or every batch was measured."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Protocol

from perfbench.model import (
    CHILD_SECONDS,
    CPU_SECONDS,
    SHARDED_DRAWS,
    SOLO_ROUNDS,
    Case,
    CaseGroup,
    Corpus,
    Draw,
    GatePolicy,
    Result,
    Sample,
    Settings,
)
from perfbench.runner.state import Progress, Shortfall
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan
from perfbench.runner.survey.draw import DrawTask, Events, name_side
from perfbench.runner.survey.survey_time import SurveyTime, choose_limit
from perfbench.stats import pairs, sequential, survey, survey_census, survey_gate
from perfbench.stats.survey_decision import decide_drawn
from perfbench.stats.survey_samples import DrawnSeconds, collect_drawn_seconds

Side = tuple[str, str]
"""Mode and environment."""


class Engine(Protocol):
    """Where draws are measured: in this process, on several cores, or on a cluster."""

    def measure(self, tasks: Iterable[DrawTask]) -> Events:
        """The events of all tasks, in the order in which they come; a task is taken when it can begin."""


@dataclass(slots=True)
class SurveyState:
    """The results of a survey of one group so far."""

    group: CaseGroup
    plan: SurveyPlan
    samples: dict[Side, dict[str, list[Sample]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    by_batch: dict[str, list[Result]] = field(default_factory=lambda: defaultdict(list))
    finished: set[tuple[str, str]] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)
    _cases: dict[str, tuple[Side, str]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Take in one result; those of other groups are ignored."""
        if result.opened is not None:
            self._add_batch(result)
        place = self._cases.get(result.case)
        if place is None:
            return
        side, batch = place
        self.by_batch[batch].append(result)
        self.finished.add((result.trial, result.case))
        if result.sample is not None:
            self.samples[side][batch].append(result.sample)

    def _add_batch(self, result: Result) -> None:
        assert result.opened is not None
        name, market = result.opened.batch, result.opened.market
        if all(result_before.opened is None for result_before in self.by_batch[name]):
            self.by_batch[name].append(result)
        if market is None:
            self.empty.add(name)
            return
        self.sizes[name] = market.size_bytes
        for case in self.group.cases:
            self._cases[replace(case, data=name).id] = name_side(case), name

    def is_done(self, draw: Draw) -> bool:
        """Whether a draw needs no measuring: its batch is empty, or each of its cases has a result of this round."""
        if draw.batch in self.empty:
            return True
        cases = [replace(case, data=draw.batch).id for case in self.group.cases]
        rounds = {
            result.case
            for result in self.by_batch[draw.batch]
            if result.sample is not None and _belongs_to(result.sample, draw)
        }
        return set(cases) <= rounds

    def expect_seconds(self) -> tuple[tuple[Side, float], ...]:
        """The median CPU seconds a plain byte of each mode and environment; empty until every one was measured."""
        rates = []
        for case in self.group.cases:
            side = name_side(case)
            own = [
                sample.metrics[CPU_SECONDS.name] / self.sizes[batch]
                for batch, samples in self.samples[side].items()
                for sample in samples
                if sample.kind in ("duet", "alone")
            ]
            if not own:
                return ()
            rates.append((side, median(own)))
        return tuple(rates)

    @property
    def has_children(self) -> bool:
        """Whether a program has started processes in any pass."""
        every = (sample for side in self.samples.values() for samples in side.values() for sample in samples)
        return bool(self.group.scenario.program) and any(CHILD_SECONDS.name in sample.metrics for sample in every)

    @property
    def metric(self) -> str:
        """The metric that ratios are of."""
        every = (sample for side in self.samples.values() for samples in side.values() for sample in samples)
        return pairs.choose_metric(every, self.group.scenario.metric)

    def build_corpus(self, draws: Sequence[Draw]) -> Corpus:
        """The corpus with these draws and what was opened so far."""
        opened = (
            result.opened for results in self.by_batch.values() for result in results if result.opened is not None
        )
        first = tuple(draw for draw in draws if draw.round == 0)
        return replace(self.plan.corpus, draws=first, opened=tuple(opened))

    def collect(self, draws: Sequence[Draw]) -> list[DrawnSeconds]:
        """The seconds of these draws: of each pair of cases, or of each case where none are paired."""
        corpus = self.build_corpus(draws)
        sides: list[tuple[Case, Case | None]] = [*self.group.duets] or [(case, None) for case in self.group.cases]
        return [
            collect_drawn_seconds(
                corpus,
                self.metric,
                self.samples[name_side(before)],
                None if after is None else self.samples[name_side(after)],
            )
            for before, after in sides
        ]


def _belongs_to(sample: Sample, draw: Draw) -> bool:
    return (sample.kind, sample.round) in (("duet", draw.round), ("alone", SOLO_ROUNDS + draw.round))


def measure_survey(
    group: CaseGroup,
    plan: SurveyPlan,
    settings: Settings,
    engine: Engine,
    results: Iterable[Result] = (),
    clock: Callable[[], float] = time.monotonic,
    comparisons: int = 1,
    seconds: float | None = None,
) -> Iterator[tuple[Result, ...] | Progress | Shortfall]:
    """The events of a survey of one group; the results of a draw come as soon as they are there.

    :param comparisons: how many a gate makes in all, which share its error probability.
    :param results: of an interrupted run of the same plan; what they have is not measured again.
    :param seconds: the time limit, by default that of the settings. A draw that would take longer is not begun, but for the first;
        a gate always reaches its look, which alone gives a verdict.
    """
    state = SurveyState(group, plan)
    for result in results:
        state.add(result)
    time_of_draws = SurveyTime(choose_limit(settings, seconds), clock, settings.jobs)
    drawn: list[Draw] = []
    for stage in plan_stages(plan, settings):
        drawn += stage
        open_draws: Iterable[Draw] = (draw for draw in stage if not state.is_done(draw))
        if settings.gate is None:
            open_draws = itertools.takewhile(lambda _: time_of_draws.fits_another(), open_draws)
        tasks = (build_task(draw, state, settings) for draw in time_of_draws.count(open_draws))
        for event in engine.measure(tasks):
            if isinstance(event, Progress):
                yield time_of_draws.place(event)
            else:
                for result in event:
                    state.add(result)
                yield event
        if _is_enough(state, drawn, settings, comparisons):
            return
        if not time_of_draws.fits_another():
            if settings.gate is None and (shortfall := _find_shortfall(state, drawn, settings, time_of_draws)):
                yield shortfall
            return


def plan_stages(plan: SurveyPlan, settings: Settings) -> Iterator[tuple[Draw, ...]]:
    """The draws between two looks. The first ones are measured again where the noise of a pair has to be known.

    After the last batch the whole corpus begins again: repeated measurements make the interval of a census narrower. A gate
    looks at it once, when its maximum of pairs is reached: that of a corpus of few batches is made of repetitions.
    """
    draws = plan.corpus.draws
    fixed = settings.rounds or (SHARDED_DRAWS if settings.shard != (1, 1) else None)
    most = (settings.gate.max_pairs if settings.gate else 0) or len(draws)
    looks = [fixed] if fixed is not None else list(survey_gate.select_looks(min(most, len(draws))))
    done, repeated = 0, 0
    for look in looks:
        stage = list(draws[done:look])
        done = min(look, len(draws))
        repeats = max(repeated, survey_census.count_repeats(_compute_inclusion(draws[:done], len(plan.batches))))
        stage += [replace(draw, round=1) for draw in draws[repeated:repeats]]
        repeated = repeats
        if settings.gate is not None and look == looks[-1] and len(draws) == len(plan.batches):
            stage += itertools.chain(*_repeat_census(draws, repeated, most))
        yield select_shard(stage, settings)
    if len(draws) == len(plan.batches) and settings.gate is None:
        for again in _repeat_census(draws, repeated, fixed or MAX_DRAWS):
            yield select_shard(again, settings)


def _repeat_census(draws: Sequence[Draw], repeated: int, most: int) -> Iterator[list[Draw]]:
    """Every draw again, round after round, until there are ``most`` pairs; the first ``repeated`` were measured twice before."""
    done = len(draws)
    for number in itertools.count(1):
        if done >= most:
            return
        again = [replace(draw, round=number) for draw in (draws[repeated:] if number == 1 else draws)]
        done += len(draws)
        yield again


def _compute_inclusion(draws: Sequence[Draw], batches: int) -> list[float]:
    """The probability of each draw to be in the sample that ends with the last."""
    threshold = draws[-1].threshold if draws and len(draws) < batches else 0.0
    return [min(1.0, draw.share * threshold) if threshold else 1.0 for draw in draws]


def select_shard(draws: Sequence[Draw], settings: Settings) -> tuple[Draw, ...]:
    """The draws that belong to the shard of these settings: every n-th one."""
    part, parts = settings.shard
    return tuple(draw for draw in draws if draw.number % parts == part - 1)


def build_task(draw: Draw, state: SurveyState, settings: Settings) -> DrawTask:
    """The task of a draw, with what is there of its batch and what its passes are expected to take."""
    batch = state.plan.find(draw.batch)
    return DrawTask(
        draw=draw,
        group=state.group,
        members=tuple(state.plan.listing.members[index] for index in batch.members),
        packed_bytes=batch.packed_bytes,
        settings=settings,
        before=tuple(state.by_batch[draw.batch]),
        expected=state.expect_seconds(),
        has_children=state.has_children,
    )


def _find_shortfall(
    state: SurveyState, drawn: Sequence[Draw], settings: Settings, time_of_draws: SurveyTime
) -> Shortfall | None:
    """What was not reached when the time was over; the error of a sample falls with the square root of its draws."""
    estimates = _estimate(state, drawn)
    finite = [e for e in estimates if e is not None and e.low > 0 and math.isfinite(e.high)]
    if not finite or len(finite) < len(estimates):
        missing = max(0, survey.LOOKS[0] - time_of_draws.begun)
        return Shortfall(None, missing * time_of_draws.each)
    widest = max((estimate.high / estimate.low) ** 0.5 - 1 for estimate in finite)
    draws = time_of_draws.begun * ((widest / settings.survey_precision) ** 2 - 1)
    return Shortfall(widest, max(1.0, draws) * time_of_draws.each)


def _is_enough(state: SurveyState, drawn: Sequence[Draw], settings: Settings, comparisons: int) -> bool:
    """Whether the verdict of a gate is clear, or every interval narrow enough; never where the number of draws is fixed."""
    if settings.rounds is not None or settings.shard != (1, 1):
        return False
    if settings.gate is not None:
        return _is_settled(state, drawn, settings.gate, comparisons)
    return all(
        estimate is not None and survey.is_precise_enough(estimate, settings.survey_precision)
        for estimate in _estimate(state, drawn)
    )


def _estimate(state: SurveyState, drawn: Sequence[Draw]) -> list[survey.RatioEstimate | survey.TotalEstimate | None]:
    """The estimate of each comparison, or of each total; None while its draws are too few."""
    confidence = survey.choose_survey_confidence()
    return [d.estimate_ratio(confidence) or d.estimate_total(confidence) for d in state.collect(drawn)]


def _is_settled(state: SurveyState, drawn: Sequence[Draw], policy: GatePolicy, comparisons: int) -> bool:
    ((before, after),) = state.group.duets
    verdict = decide_drawn(
        state.collect(drawn)[0],
        state.build_corpus(drawn),
        policy.most(before.id, after.id),
        sequential.build_bounds(policy, before, after),
        sequential.ONE_SIDED_ERROR / comparisons,
        samples=(state.samples[name_side(before)], state.samples[name_side(after)]),
    )
    return verdict is not None and verdict.settled
