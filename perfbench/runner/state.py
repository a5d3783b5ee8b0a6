"""Progress and collected results of one group of cases while it is measured."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.model import CPU_SECONDS, Case, CaseGroup, Change, Output, Package, Result, Sample, Settings, Trial
from perfbench.runner import interleave, known_changes, output_diff, plan
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.stopping import StoppingRule
from perfbench.stats import pairs, signed_rank

MAX_FAILURES = 2
"""A crash in a duet drops the pair; after more than this many a case is given up."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The trial that comes next, the share of the group that is done (0 to 1), and the seconds that are left, if known.

    ``rounds``: how many are done.
    """

    doing: str
    share: float
    seconds_left: float | None
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a group lacked when its time was over.

    ``half_width``: of the widest interval, as a share of its ratio; None where a pair has too few rounds for an interval.
    ``seconds``: those that reaching the precision would probably take.
    """

    half_width: float | None
    seconds: float


def join_shortfalls(shortfalls: Sequence[Shortfall]) -> Shortfall | None:
    """What several groups lacked together; None if none lacked anything."""
    if not shortfalls:
        return None
    widths = [shortfall.half_width for shortfall in shortfalls]
    measured = [width for width in widths if width is not None]
    widest = max(measured) if len(measured) == len(widths) else None
    return Shortfall(widest, sum(shortfall.seconds for shortfall in shortfalls))


def format_cases(trial: Trial) -> str:
    """``lightweight + full``, with the environments where they differ."""
    modes = list(dict.fromkeys(case.mode for case in trial.cases))
    places = list(dict.fromkeys(case.environment for case in trial.cases))
    return " + ".join(modes) + (f" in {' and '.join(places)}" if len(places) > 1 else "")


class GroupState:
    """Results of a group so far: samples by case, finished trials, and the cases and pairs that are given up."""

    def __init__(
        self,
        group: CaseGroup,
        settings: Settings,
        rule: StoppingRule,
        results: Iterable[Result],
        expected: Mapping[str, float] | None = None,
        *,
        has_children: bool = False,
    ) -> None:
        """:param results: of an interrupted run of the same plan; those of other groups are ignored.

        :param expected: CPU seconds of a pass by the id of its case, where no solo pass tells.
        :param has_children: a program is known to start processes.
        """
        self.group = group
        self.has_children = has_children
        self.expected = expected or {}
        self.settings = settings
        self.rule = rule
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.outputs: dict[str, Output] = {}
        self.packages: dict[str, tuple[Package, ...]] = {}
        self.done: dict[str, set[str]] = defaultdict(set)
        self.failures: dict[str, int] = defaultdict(int)
        self.given_up: set[str] = set()
        self.broken: set[str] = set()
        """Cases that are given up for another reason than what this machine lacks."""
        self.uncountable: set[str] = set()
        self.unequal_work: set[tuple[str, str]] = set()
        self.unstable: set[str] = set()
        """Cases whose output differs from run to run."""
        own = {case.id for case in group.cases}
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
            if result.failure.trial != "duet" or self.failures[result.case] > MAX_FAILURES:
                self.given_up.add(result.case)
                self.broken |= set() if result.failure.unavailable else {result.case}
        if result.difference is not None and result.difference.against == result.case:
            self.unstable.add(result.case)
        if result.difference is not None and result.difference.less_work:
            self.unequal_work.add((result.difference.against, result.case))

    def needs(self, trial: Trial) -> bool:
        """Whether a trial is still to be done: not finished before, and none of its cases given up."""
        if trial.kind == "check":
            return not self.done[trial.id]
        if trial.kind == "count" and self.uncountable.intersection(case.id for case in trial.cases):
            return False
        if any(set(duet) == set(trial.cases) and self._settled(duet) for duet in self.group.duets):
            return False
        if trial.kind == "alone" and self._is_covered_by_pairs(trial.cases[0]):
            return False
        if trial.kind != "duet" and self._lost_partners(trial.cases[0]):
            return False
        return not self._refused(trial.cases) and not self.done[trial.id]

    def _is_covered_by_pairs(self, case: Case) -> bool:
        """Whether pairs give every metric that a solo pass would. A gate may stop them early, so its solo passes stay."""
        return self.sequential and not self.rule.wants_verdicts and any(case in duet for duet in self.duets)

    def _lost_partners(self, case: Case) -> bool:
        """Whether every case that it is compared with is given up. In a table of modes each mode stays useful alone."""
        partners = {other.id for duet in self.group.duets if case in duet for other in duet if other != case}
        modes_alone = not self.rule.wants_verdicts and len({other.environment for other in self.group.cases}) == 1
        return bool(partners) and not modes_alone and partners <= self.given_up

    def _refused(self, cases: Sequence[Case]) -> bool:
        ids = [case.id for case in cases]
        return bool(self.given_up.intersection(ids)) or bool(
            self.unequal_work.intersection(itertools.permutations(ids))
        )

    @property
    def duets(self) -> list[tuple[Case, Case]]:
        """The duets that can still be measured and are not settled."""
        return [duet for duet in self.group.duets if not self._refused(duet) and not self._settled(duet)]

    def _settled(self, duet: tuple[Case, Case]) -> bool:
        return self.rule.is_settled(*duet, self._log_ratios(duet))

    def _log_ratios(self, duet: tuple[Case, Case]) -> list[float]:
        before, after = duet
        return pairs.compute_log_ratios(self.samples[before.id], self.samples[after.id], self.metric)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left that could be measured in rounds."""
        return not self.duets if self.group.duets else all(case.id in self.given_up for case in self.group.cases)

    @property
    def metric(self) -> str:
        """The name of the metric that ratios of this group are of."""
        every = (sample for samples in self.samples.values() for sample in samples)
        return pairs.choose_metric(every, self.group.scenario.metric)

    @property
    def sequential(self) -> bool:
        """Whether the passes of a pair run one after the other, as if each were alone, and not interleaved on one core."""
        every = (sample for samples in self.samples.values() for sample in samples)
        is_program = bool(self.group.scenario.program)
        return self.has_children or not pairs.is_interleaved(every, self.metric, is_program=is_program)

    def parts(self, trial: Trial) -> tuple[InterleavedSide, ...]:
        """Time slices that let both sides of a duet end together, from the solo passes and the ratio of the pairs so far.

        Before the first pair the ratio comes from the solo passes alone; of a single pass each it may be far off. In a smoke run
        the shorter side is not repeated: each of its passes would have a start-up of its own.
        """
        if self.settings.quick:
            return interleave.plan_slices(0.0, 0.0)
        first, second = (self.samples[case.id] for case in trial.cases)
        passes = [
            pairs.select_values(side, CPU_SECONDS.name, "memory", "alone")
            or [self.expected[case.id]] * (case.id in self.expected)
            for case, side in zip(trial.cases, (first, second), strict=True)
        ]
        if not all(passes):
            return interleave.plan_slices(0.0, 0.0)
        before, after = map(median, passes)
        if logs := pairs.compute_log_ratios(first, second, CPU_SECONDS.name):
            after = before * math.exp(median(logs))
        return interleave.plan_slices(before, after)

    @property
    def rounds(self) -> int:
        """The pairs that every duet has which can still be measured."""
        return min(map(self.count_pairs, self.duets), default=0)

    def count_pairs(self, duet: tuple[Case, Case]) -> int:
        """The pairs of a duet so far."""
        return len(self._log_ratios(duet))

    def has_seconds(self, case: Case) -> bool:
        """Whether a case has a sample of a pair or of a solo pass."""
        return any(sample.kind in ("duet", "alone") for sample in self.samples[case.id])

    def has_begun(self, trial: Trial) -> bool:
        """Whether there is a sample of an earlier trial of the same kind and cases."""
        kind = trial.kind
        pairs_of = [{s.pair for s in self.samples[case.id] if s.kind == kind} for case in trial.cases]
        return bool(set.intersection(*pairs_of))

    def estimates(self, confidence: float) -> list[signed_rank.Estimate | None]:
        """The estimate of every duet that can still be measured, None while its pairs are too few."""
        estimates: list[signed_rank.Estimate | None] = []
        for duet in self.duets:
            logs = self._log_ratios(duet)
            enough = len(logs) >= signed_rank.count_minimum_pairs(confidence)
            estimates.append(signed_rank.estimate(logs, confidence) if enough else None)
        return estimates

    def differing_outputs(self) -> Iterator[tuple[Trial, tuple[Output, Output], tuple[Change, ...]]]:
        """Every duet whose outputs differ: the trial to explain it, both outputs, and the changes announced between them.

        Left out are cases that differ from themselves.
        """
        for before, after in self.group.duets:
            floor = self.group.place(before).floor or self.group.place(after).floor
            trial = plan.plan_difference(before, after)
            if floor or self.done[trial.id] or not {before.id, after.id} <= self.outputs.keys() - self.unstable:
                continue
            outputs = self.outputs[before.id], self.outputs[after.id]
            is_program = bool(self.group.scenario.program)
            if not output_diff.have_equal_outputs(*outputs, before.mode == after.mode, is_program=is_program):
                sides = self.packages.get(before.id, ()), self.packages.get(after.id, ())
                yield (
                    trial,
                    outputs,
                    known_changes.find_known_changes(self.group.scenario.changes, *sides, self.settings.accepted),
                )
