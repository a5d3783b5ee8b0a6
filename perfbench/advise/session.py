"""Measure an advice step by step: each step is a record in a journal, from which an interrupted advice is resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.advise.candidates import SortedProposals, describe_candidates
from perfbench.advise.document import AdviceRecord
from perfbench.advise.markets import ListedCorpus, find_corpus, split_groups
from perfbench.advise.measurements import AdviceMeasurements
from perfbench.advise.model import AdviceDocument, AdviceOptions, Candidate, OutputCheck, Remainder
from perfbench.advise.search import CandidateSearch
from perfbench.advise.search_steps import PairRequest, SearchResult
from perfbench.datasets import inspection
from perfbench.errors import UsageProblem
from perfbench.model import SCHEMA, CaseGroup
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress
from perfbench.worker.program_messages import Proposals

Event = tuple[CaseGroup, Progress | Sequence[AdviceRecord]]

REMAINDER_PASSES = 5
"""Passes that the floor and the profile take; time for them is kept from the search."""

CHECK_SHARE = 0.5
"""The share of the time limit after which no more candidates are checked."""

NO_TIME_TO_PROFILE = "not profiled: the time was over"
NO_TIME_TO_CHECK = "no time left to check its orders: raise --max-time"

DOING = {
    "screen": "alone, pairs",
    "verify": "are the orders the same on all markets?",
    "combine": "added to the combination, pairs",
    "confirm": "confirming the combination, pairs",
}
"""What a step of the search does, in the progress."""


class AdviceSession:
    """Measures the advice for a prepared program. ``document`` can be asked for at any time."""

    def __init__(
        self,
        prepared: PreparedRun,
        options: AdviceOptions,
        folder: Path,
        observe: Callable[[str], None],
        before: Sequence[AdviceRecord] = (),
    ) -> None:
        """Raises UsageProblem for a scenario that is no program, and for a folder without lever files.

        :param folder: for temporary files; :param before: records of an interrupted session.
        """
        for group in prepared.tables:
            if not group.scenario.program:
                raise UsageProblem(
                    f"{group.scenario.name} is a scenario, not a program",
                    hint="name your own backtest, PATH.py or PATH.py:FUNCTION (docs/quants/my-backtest.md)",
                )
        self._prepared = prepared
        self._options = options
        self._folder = folder
        self._groups = split_groups(prepared.tables)
        self._work = AdviceMeasurements(self._groups, prepared.run.settings, options, observe)
        self._records = {record.step: record for record in before}
        self._chosen = SortedProposals((), ())
        self._search: CandidateSearch | None = None
        self._corpus: ListedCorpus | None = None
        self._problems: list[str] = []

    def measure(self) -> Iterator[Event]:
        """Execute the steps that have no record yet: yields Progress before each, then its records.

        Raises NotMeasured if the user's set-up cannot be measured, OutputsDiffer if its orders differ from run to run.
        """
        self._corpus = find_corpus(self._prepared.run.settings)
        yield from self._do("repeat", "check passes: are the orders the same each time?", self._check_base)
        for group in self._groups.all:
            yield from self._time_market(group)
        yield from self._do("propose", "a pass in which the levers look at it", self._propose)
        proposals = self._records["propose"].proposals or Proposals([], {})
        self._chosen = self._work.use(proposals)
        yield from self._check_candidates()
        yield from self._measure_search()
        yield from self._do("remainder", "who owns the rest of the time?", lambda: self._measure_remainder(proposals))
        for group in self._groups.all:
            if group.market is not None and not inspection.is_unchanged(group.market):
                self._problems.append(f"{group.market.name} was changed while it was measured: measure it again")

    def document(self, *, complete: bool = False, problem: str = "") -> AdviceDocument:
        """The document of the steps so far, with one more problem if there is one."""
        run = self._prepared.run
        problems = (*run.problems, *self._problems, problem)
        records = self._records
        remainder = records["remainder"].remainder if "remainder" in records else None
        return AdviceDocument(
            schema=SCHEMA,
            run=replace(run, finished=complete, problems=tuple(dict.fromkeys(filter(None, problems)))),
            options=self._options,
            training=_list_markets(self._groups.training),
            held_out=_list_markets(self._groups.held_out),
            seconds=tuple(record.passed for record in records.values() if record.passed is not None),
            named=self._chosen.named,
            candidates=self._list_candidates(),
            result=self._result,
            corpus=self._corpus.size if self._corpus is not None else None,
            remainder=remainder or Remainder(),
        )

    @property
    def _result(self) -> SearchResult:
        return self._search.result() if self._search is not None else SearchResult()

    @property
    def _spent(self) -> float:
        """Wall-clock seconds of all steps so far."""
        return sum(record.seconds for record in self._records.values())

    def _do(self, step: str, doing: str, work: Callable[[], AdviceRecord]) -> Iterator[Event]:
        """Execute a step, unless it has a record."""
        if step in self._records:
            return
        yield self._report(doing)
        start = time.monotonic()
        record = work()
        yield self._note(replace(record, step=step, seconds=time.monotonic() - start))

    def _report(self, doing: str) -> Event:
        limit = self._prepared.run.settings.max_time
        left = max(0.0, limit - self._spent)
        return self._groups.training[0], Progress(doing, min(1.0, self._spent / limit), left)

    def _note(self, *records: AdviceRecord) -> Event:
        self._records.update({record.step: record for record in records})
        return self._groups.training[0], records

    def _check_base(self) -> AdviceRecord:
        self._work.check_base()
        return AdviceRecord("")

    def _propose(self) -> AdviceRecord:
        return AdviceRecord("", proposals=self._work.propose())

    def _time_market(self, group: CaseGroup) -> Iterator[Event]:
        name = group.market.name if group.market is not None else ""
        packed = self._corpus.packed_bytes.get(name, 0) if self._corpus is not None else 0
        step = f"pass {name}"
        yield from self._do(
            step, "a pass of your set-up", lambda: AdviceRecord("", passed=self._work.time_market(group, packed))
        )
        record = self._records[step]
        if record.passed is not None:
            self._work.note_pass(record.passed, record.seconds)

    def _measure_remainder(self, proposals: Proposals) -> AdviceRecord:
        """What is left with the advice, if there is time to see it."""
        if self._spent >= self._prepared.run.settings.max_time:
            return AdviceRecord("", remainder=Remainder(self._name_first(), problem=NO_TIME_TO_PROFILE))
        combination = self._result.combination if self._result.confirmed else ()
        return AdviceRecord("", remainder=self._work.measure_remainder(combination, proposals, self._folder))

    def _list_candidates(self) -> tuple[Candidate, ...]:
        checks = [self._records.get(f"check {number}") for number in range(len(self._chosen.tried))]
        return tuple(
            Candidate(proposal, record.check if record is not None else None)
            for proposal, record in zip(self._chosen.tried, checks, strict=True)
        )

    def _check_candidates(self) -> Iterator[Event]:
        """Check every candidate, as many at a time as there are cores."""
        waiting = [n for n in range(len(self._chosen.tried)) if f"check {n}" not in self._records]
        if waiting:
            yield self._report("building environments")
            self._work.build_environments(waiting)
        width = os.cpu_count() or 1
        limit, last = CHECK_SHARE * self._prepared.run.settings.max_time, 0.0
        for place in range(0, len(waiting), width):
            numbers = waiting[place : place + width]
            if self._spent + last > limit and place:
                unchecked = OutputCheck("failed", reason=NO_TIME_TO_CHECK)
                yield self._note(*(AdviceRecord(f"check {number}", check=unchecked) for number in waiting[place:]))
                return
            titles = ", ".join(self._chosen.tried[number].title for number in numbers)
            yield self._report(f"are the orders the same? {titles}")
            start = time.monotonic()
            checks = self._work.check(numbers)
            last = time.monotonic() - start
            seconds = last / len(numbers)
            checked = zip(numbers, checks, strict=True)
            yield self._note(*(AdviceRecord(f"check {number}", seconds, check=check) for number, check in checked))

    def _measure_search(self) -> Iterator[Event]:
        """Answer the requests of the search, those with a record from there."""
        described = describe_candidates(self._list_candidates(), include_changes=self._options.include_changes)
        later = REMAINDER_PASSES * self._records[f"pass {self._name_first()}"].seconds
        seconds = self._prepared.run.settings.max_time - self._spent_before_search - later
        self._search = CandidateSearch(described, max(0.0, seconds))
        steps = self._search.run()
        request = next(steps, None)
        while request is not None:
            yield from self._answer(request)
            answer = self._records[request.key].answer
            assert answer is not None
            try:
                request = steps.send(answer)
            except StopIteration:
                return

    @property
    def _spent_before_search(self) -> float:
        """Wall-clock seconds of the steps before the search, the same when it is resumed."""
        later = (r for r in self._records.values() if r.answer is None and r.remainder is None)
        return sum(record.seconds for record in later)

    def _answer(self, request: PairRequest) -> Iterator[Event]:
        titles = [self._chosen.tried[number].title for number in request.after]
        numbers = f" {request.first + 1}–{request.first + request.pairs}" if request.pairs else ""
        doing = f"{DOING[request.step]}{numbers}: {' + '.join(titles)}"
        yield from self._do(request.key, doing, lambda: AdviceRecord("", answer=self._work.answer(request)))

    def _name_first(self) -> str:
        market = self._groups.training[0].market
        return market.name if market is not None else ""


def _list_markets(groups: Sequence[CaseGroup]) -> tuple[str, ...]:
    return tuple(group.market.name for group in groups if group.market is not None)
