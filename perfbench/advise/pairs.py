"""Pairs of two combinations, spread over several markets, as gains."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from perfbench.advise.search_steps import Combination, PairAnswer, PairRequest
from perfbench.advise.sides import pair_group
from perfbench.model import (
    CHILD_SECONDS,
    CPU_SECONDS,
    CaseGroup,
    CaseInEnvironment,
    Result,
    Trial,
)
from perfbench.runner import interleave, plan
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.trial import Conditions
from perfbench.stats import pairs

MAX_FAILED_PAIRS = 2
"""Pairs of a request that may fail; after more of them the candidate is given up."""


@dataclass(frozen=True, slots=True)
class PlacedPair:
    """The two sides of the pairs of a request on one market."""

    group: CaseGroup
    before: CaseInEnvironment
    after: CaseInEnvironment


@dataclass(slots=True)
class PairMeasurer:
    """Measures requests for pairs. It remembers what passes took, so that both sides of later pairs end together.

    ``sequential``: passes of a pair run one after the other, because the program starts processes that cannot be paused with it.
    """

    conditions: Conditions
    seed: int
    sequential: bool = False
    _seconds: dict[tuple[Combination, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def note_pass(self, combination: Combination, market: str, cpu_seconds: float, child_seconds: float) -> None:
        """Remember what a pass took. A program whose child processes work is measured sequentially from then on."""
        self._seconds[combination, market].append(cpu_seconds)
        self.sequential = self.sequential or child_seconds > 0

    def measure(self, request: PairRequest, placed: Sequence[PlacedPair]) -> PairAnswer:
        """Measure the requested pairs, on each market as often as on the others.

        :param placed: the sides on each market.
        """
        start = time.monotonic()
        gains: list[float] = []
        failures: list[str] = []
        for place, pair in enumerate(placed):
            numbers = [n for n in range(request.first, request.first + request.pairs) if n % len(placed) == place]
            for results in self._run(request, pair, numbers):
                failures += [r.failure.message for r in results if r.failure is not None]
                gains += self._read_gain(request, pair, results)
                if len(failures) > MAX_FAILED_PAIRS:
                    return PairAnswer(tuple(gains), time.monotonic() - start, failures[-1])
        failure = failures[-1] if failures and not gains else ""
        return PairAnswer(tuple(gains), time.monotonic() - start, failure)

    def _run(self, request: PairRequest, pair: PlacedPair, numbers: Sequence[int]) -> Iterator[tuple[Result, ...]]:
        """The results of each pair with these numbers on one market."""
        group = pair_group(pair.group, pair.before, pair.after)
        trials = [self._plan(request, pair, number) for number in numbers]
        with DuetQueue(group, self.conditions) as queue:
            for trial, coming in zip(trials, [*trials[1:], None], strict=False):
                yield tuple(
                    execute_trial(
                        trial,
                        group,
                        self.conditions,
                        sequential=self.sequential,
                        parts=self._plan_slices(trial, request, pair),
                        queue=queue,
                        following=partial(self._follow, coming, request, pair),
                    )
                )

    def _plan(self, request: PairRequest, pair: PlacedPair, number: int) -> Trial:
        order = random.Random(f"{self.seed} {request.step} {request.before} {request.after} {number}")
        return plan.build_duet(number, pair.before.case, pair.after.case, order)

    def _follow(
        self, coming: Trial | None, request: PairRequest, pair: PlacedPair
    ) -> tuple[Trial, Sequence[InterleavedSide]] | None:
        return None if coming is None else (coming, self._plan_slices(coming, request, pair))

    def _plan_slices(self, trial: Trial, request: PairRequest, pair: PlacedPair) -> Sequence[InterleavedSide]:
        """Slices that let both sides end together; long equal ones while the seconds of a side are unknown."""
        combinations = {pair.before.case: request.before, pair.after.case: request.after}
        passes = [self._seconds[combinations[case], case.data] for case in trial.cases]
        if not all(passes):
            return interleave.plan_slices(0.0, 0.0)
        return interleave.plan_slices(*map(median, passes))

    def _read_gain(self, request: PairRequest, pair: PlacedPair, results: Sequence[Result]) -> list[float]:
        """The gain of a pair, ln(before / after); none if a side failed."""
        before, after = (
            [result.sample for result in results if result.case == place.case.id and result.sample is not None]
            for place in (pair.before, pair.after)
        )
        for combination, samples in ((request.before, before), (request.after, after)):
            for sample in samples:
                spent = sample.metrics[CPU_SECONDS.name], sample.metrics.get(CHILD_SECONDS.name, 0.0)
                self.note_pass(combination, pair.before.case.data, *spent)
        metric = pairs.choose_metric((*before, *after), pair.group.scenario.metric)
        return [-value for value in pairs.compute_log_ratios(before, after, metric)]
