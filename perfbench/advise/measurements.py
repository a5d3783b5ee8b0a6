"""The measurements of an advice: checks, passes, proposals and pairs of one program on its markets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.advise import available, worker_pass
from perfbench.advise.candidates import SortedProposals, sort_proposals
from perfbench.advise.checks import OutputChecker, describe_check
from perfbench.advise.environment_words import select_mentioned
from perfbench.advise.lever_files import list_lever_files
from perfbench.advise.markets import SplitGroups
from perfbench.advise.model import AdviceOptions, MarketSeconds, OutputCheck, Remainder
from perfbench.advise.pairs import PairMeasurer, PlacedPair
from perfbench.advise.remainder import find_own_market, measure_remainder
from perfbench.advise.search_steps import Combination, PairAnswer, PairRequest
from perfbench.advise.sides import Sides
from perfbench.errors import NotMeasured, UsageProblem
from perfbench.model import CaseGroup, CaseInEnvironment, Settings
from perfbench.runner import machine
from perfbench.runner.trial import Conditions
from perfbench.worker.program_messages import SAME, Proposals

CANDIDATE_TIMEOUT_FACTOR, LEAST_TIMEOUT = 10.0, 30.0
"""A pass of a candidate may take this many times a pass of the user's set-up, and at least this many seconds."""

CHECK_TIMEOUT_SHARE = 0.3
"""The share of that for a check pass, whose timeout is multiplied again (``runner/output_check.py``)."""


class AdviceMeasurements:
    """Measures one program. ``groups`` are its markets, each with the user's set-up as its only case."""

    def __init__(
        self, groups: SplitGroups, settings: Settings, options: AdviceOptions, observe: Callable[[str], None]
    ) -> None:
        """Raises UsageProblem as ``list_lever_files`` does. ``observe`` receives lines about environments that are built."""
        core, spare = machine.choose_cores()
        base = groups.training[0].places[0]
        mode = groups.training[0].scenario.baseline
        self.groups = groups
        self._options = options
        self._observe = observe
        self._files = list_lever_files(options.folders, options.levers)
        self._conditions = Conditions(core, settings.timeout, spare=spare)
        self._checker = OutputChecker(self._conditions)
        self._measurer = PairMeasurer(self._conditions, settings.seed)
        self._sides = Sides(
            base.case.environment, dict(settings.names), self._files, observe, needs=(*settings.tools, *mode.needs)
        )

    def check_base(self) -> None:
        """Check that the user's set-up works and is repeatable. Raises NotMeasured, OutputsDiffer."""
        self._checker.require_repeatable(self.groups.training[0])

    def time_market(self, group: CaseGroup, packed_bytes: int) -> MarketSeconds:
        """Time a pass of the user's set-up. Raises NotMeasured."""
        sample = worker_pass.time_pass(group, group.places[0], self._conditions)
        return worker_pass.describe_pass(group, sample, packed_bytes)

    def note_pass(self, passed: MarketSeconds, wall_seconds: float) -> None:
        """Take in what a pass of the user's set-up took; candidates are given up that take many times as long."""
        self._measurer.note_pass((), passed.market, passed.cpu_seconds, passed.child_seconds)
        limit = max(LEAST_TIMEOUT, CANDIDATE_TIMEOUT_FACTOR * wall_seconds)
        timeout = min(self._conditions.timeout, limit)
        self._measurer.conditions = replace(self._conditions, timeout=timeout)
        self._checker.conditions = replace(self._conditions, timeout=CHECK_TIMEOUT_SHARE * timeout)

    def propose(self) -> Proposals:
        """Have every lever look at the user's set-up on all training markets. Raises NotMeasured."""
        group = worker_pass.join_markets(self.groups.training)
        words = available.list_available(group.places[0].environment, set(self._files), self._observe)
        return worker_pass.request_proposals(group, self._files.values(), words, self._conditions)

    def use(self, proposals: Proposals) -> SortedProposals:
        """Take in the proposals; returns those that are tried, whose places are the numbers of candidates, and the others."""
        chosen = sort_proposals(proposals.proposals, include_changes=self._options.include_changes)
        program = self.groups.training[0].scenario.program
        self._sides.proposals = chosen.tried
        self._sides.imported = select_mentioned(proposals.packages, program)
        return chosen

    def build_environments(self, numbers: Sequence[int]) -> None:
        """Build the environments of these candidates, several at a time."""
        self._sides.build(self.groups.training[0].places[0].environment, [(number,) for number in numbers])

    def check(self, numbers: Sequence[int]) -> list[OutputCheck]:
        """Check some candidates on the training markets, as many at a time as there are cores."""
        return self._check([(number,) for number in numbers], self.groups.training)

    def answer(self, request: PairRequest) -> PairAnswer:
        """Measure what a search requests. What fails is part of the answer."""
        start = time.monotonic()
        try:
            if request.step == "verify":
                return PairAnswer(failure=self._verify(request.after), seconds=time.monotonic() - start)
            groups = self.groups.held_out if request.step == "confirm" else self.groups.training
            return self._measurer.measure(request, [self._place_pair(group, request) for group in groups])
        except (NotMeasured, UsageProblem) as error:
            return PairAnswer(failure=str(error), seconds=time.monotonic() - start)

    def measure_remainder(self, combination: Combination, proposals: Proposals, folder: Path) -> Remainder:
        """What is left of the time with this combination, on the first training market."""
        group = self.groups.training[0]
        market = group.market or find_own_market(proposals.noted, folder)
        return measure_remainder(group, combination, self._sides, self._conditions, market, folder)

    def _verify(self, combination: Combination) -> str:
        """Why a combination gives other orders on a market that it was not checked on; empty if it gives the same."""
        groups = self.groups.all if len(combination) > 1 else self.groups.held_out
        checked = len(combination) == 1 and groups == self.groups.training
        (check,) = self._check([combination], () if checked else groups)
        return describe_check(check)

    def _check(self, combinations: Sequence[Combination], groups: Sequence[CaseGroup]) -> list[OutputCheck]:
        """The first check of each combination that is not the same, else that of the last group."""
        checks = {combination: OutputCheck("same") for combination in combinations}
        for group in groups:
            placed = {c: self._place(group, c) for c in combinations if checks[c].status == "same"}
            sides = {c: side for c, side in placed.items() if isinstance(side, CaseInEnvironment)}
            checks |= {c: OutputCheck("failed", reason=why) for c, why in placed.items() if isinstance(why, str)}
            alike = {side.case.id for combination, side in sides.items() if self._keeps_books(combination)}
            checks |= dict(zip(sides, self._checker.check(group, list(sides.values()), alike), strict=True))
        return [checks[combination] for combination in combinations]

    def _keeps_books(self, combination: Combination) -> bool:
        """Whether no lever of a combination asks for less, or changes anything."""
        return all(self._sides.proposals[number].kind == SAME for number in combination)

    def _place(self, group: CaseGroup, combination: Combination) -> CaseInEnvironment | str:
        """The case of a combination, or why there is none."""
        try:
            return self._sides.place(group, combination)
        except (NotMeasured, UsageProblem) as error:
            return str(error)

    def _place_pair(self, group: CaseGroup, request: PairRequest) -> PlacedPair:
        before, after = (self._sides.place(group, combination) for combination in (request.before, request.after))
        return PlacedPair(group, before, after)
