"""The steps of an advice, measured by a stand-in: their order, their records, and how an interrupted one continues."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from support.advices import HERE_DIFFERENCE, proposal
from support.runs import HERE, MARKET, run, scenario, settings

from perfbench.advise import session
from perfbench.advise.candidates import SortedProposals, sort_proposals
from perfbench.advise.document import AdviceRecord
from perfbench.advise.markets import SplitGroups
from perfbench.advise.model import AdviceOptions, FloorPart, MarketSeconds, OutputCheck, Remainder
from perfbench.advise.search_steps import Combination, PairAnswer, PairRequest
from perfbench.advise.session import AdviceSession
from perfbench.datasets import inspection
from perfbench.errors import OutputsDiffer, UsageProblem
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Settings
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress
from perfbench.worker.program_messages import Proposals

PROPOSALS = [
    proposal("inplay"),
    proposal("changing"),
    proposal("useless"),
    proposal("kept_books", tried=False),
    proposal("isolation", kind="changes"),
]
GAINS = {0: 0.3}


class StandIn:
    """Stands for the measurements, and lists what was measured."""

    differs = False
    measured: ClassVar[list[str]] = []

    def __init__(
        self, groups: SplitGroups, _settings: Settings, options: AdviceOptions, _observe: Callable[[str], None]
    ) -> None:
        self.groups = groups
        self._options = options

    def check_base(self) -> None:
        self.measured.append("repeat")
        if self.differs:
            raise OutputsDiffer("the orders differ from run to run")

    def time_market(self, group: CaseGroup, packed_bytes: int) -> MarketSeconds:
        assert group.market is not None
        self.measured.append(f"pass {group.market.name}")
        return MarketSeconds(group.market.name, 1.0, 1.1, 1000, packed_bytes=packed_bytes)

    def note_pass(self, passed: MarketSeconds, wall_seconds: float) -> None:
        assert wall_seconds >= 0

    def propose(self) -> Proposals:
        self.measured.append("propose")
        return Proposals(PROPOSALS, {})

    def use(self, proposals: Proposals) -> SortedProposals:
        return sort_proposals(proposals.proposals, include_changes=self._options.include_changes)

    def build_environments(self, numbers: Sequence[int]) -> None:
        assert numbers

    def check(self, numbers: Sequence[int]) -> list[OutputCheck]:
        self.measured.extend(f"check {number}" for number in numbers)
        return [OutputCheck("changes", HERE_DIFFERENCE) if n == 1 else OutputCheck("same") for n in numbers]

    def answer(self, request: PairRequest) -> PairAnswer:
        self.measured.append(request.key)
        numbers = random.Random(request.key)
        true = sum(GAINS.get(n, 0.0) for n in request.after) - sum(GAINS.get(n, 0.0) for n in request.before)
        return PairAnswer(tuple(true + numbers.gauss(0, 0.01) for _ in range(request.pairs)))

    def measure_remainder(self, combination: Combination, _proposals: Proposals, _folder: Path) -> Remainder:
        self.measured.append(f"remainder {list(combination)}")
        return Remainder("1.0", (FloorPart("reading", 0.1),))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    monkeypatch.setattr(StandIn, "measured", [])
    monkeypatch.setattr(session, "AdviceMeasurements", StandIn)
    monkeypatch.setattr(inspection, "is_unchanged", lambda _market: True)
    return StandIn


def prepare(markets: int = 2, *, program: str = "mine.py") -> PreparedRun:
    described = replace(scenario("run", name="mine"), program=program)
    groups = []
    for number in range(markets):
        market = replace(MARKET, name=f"1.{number}")
        place = CaseInEnvironment(Case("mine", "run", "here", market.name), HERE)
        groups.append(CaseGroup(described, market, (), (place,)))
    made = replace(run(()), settings=settings(max_time=600.0), scenarios=(described,))
    return PreparedRun(tuple(groups), made)


def start(
    prepared: PreparedRun, before: Sequence[AdviceRecord] = (), *, include_changes: bool = False
) -> AdviceSession:
    return AdviceSession(prepared, AdviceOptions(include_changes=include_changes), Path(), print, before)


def collect(steps: AdviceSession) -> Iterator[AdviceRecord]:
    for _, event in steps.measure():
        if not isinstance(event, Progress):
            yield from event


def test_steps_lead_from_the_check_of_the_set_up_to_a_confirmed_lever(stand_in: type[StandIn]) -> None:
    steps = start(prepare())
    records = list(collect(steps))
    document = steps.document(complete=True)
    assert stand_in.measured[:4] == ["repeat", "pass 1.0", "pass 1.1", "propose"]
    assert stand_in.measured[-1] == "remainder [0]"
    assert len({record.step for record in records}) == len(records)
    assert document.result.combination == (0,)
    assert document.result.confirmed
    assert (document.training, document.held_out) == (("1.0",), ("1.1",))
    assert [candidate.kind for candidate in document.candidates] == ["same", "changes", "same"]
    assert [named.lever for named in document.named] == ["kept_books"]
    assert document.run.finished


def test_time_that_is_over_ends_without_a_profile_of_the_rest_and_says_so(stand_in: type[StandIn]) -> None:
    prepared = prepare()
    short = replace(prepared, run=replace(prepared.run, settings=settings(max_time=1e-9)))
    steps = start(short)
    assert list(collect(steps))[-1].step == "remainder"
    assert stand_in.measured[-1] != "remainder [0]"
    assert steps.document(complete=True).remainder == Remainder("1.0", problem="not profiled: the time was over")


def test_lever_that_changes_orders_is_not_timed_unless_included(stand_in: type[StandIn]) -> None:
    list(collect(start(prepare())))
    assert not [key for key in stand_in.measured if key.startswith("screen [] [1]")]
    stand_in.measured.clear()
    steps = start(prepare(), include_changes=True)
    list(collect(steps))
    assert [key for key in stand_in.measured if key.startswith("screen [] [1]")]
    assert [key for key in stand_in.measured if key.startswith("screen [] [3]")]
    assert steps.document().result.combination == (0,)


def test_interrupted_advice_continues_after_every_record_and_ends_alike(stand_in: type[StandIn]) -> None:
    whole = start(prepare())
    records = [replace(record, seconds=1.0) for record in collect(whole)]
    for done in range(len(records)):
        stand_in.measured.clear()
        resumed = start(prepare(), records[:done])
        list(collect(resumed))
        result = resumed.document(complete=True).result
        assert (result.combination, result.confirmed) == ((0,), True)
        assert not {record.step for record in records[:done]} & set(stand_in.measured)


def test_document_can_be_asked_for_at_any_step() -> None:
    steps = start(prepare())
    for _, _event in steps.measure():
        document = steps.document()
        assert not document.run.finished
        assert len(document.result.screened) in (0, len(document.candidates))


def test_progress_says_what_is_done() -> None:
    doing = [event.doing for _, event in start(prepare()).measure() if isinstance(event, Progress)]
    assert doing[0] == "check passes: are the orders the same each time?"
    assert any(text.startswith("alone, pairs 1–1: inplay") for text in doing)
    assert any(text.startswith("confirming the combination, pairs 1–12: inplay") for text in doing)


def test_program_whose_orders_differ_from_run_to_run_gets_no_advice(
    stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_in, "differs", True)
    with pytest.raises(OutputsDiffer):
        list(collect(start(prepare())))
    assert stand_in.measured == ["repeat"]


def test_scenario_that_is_no_program_is_refused() -> None:
    with pytest.raises(UsageProblem, match="mine is a scenario, not a program"):
        start(prepare(program=""))


def test_market_that_was_changed_meanwhile_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "is_unchanged", lambda market: market.name == "1.0")
    steps = start(prepare())
    list(collect(steps))
    assert steps.document().run.problems == ("1.1 was changed while it was measured: measure it again",)
