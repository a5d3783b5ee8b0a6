"""Which candidates must give strategies as many books as the user's set-up: those whose levers all promise the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any

from support.runs import HERE, MARKET, scenario

from perfbench.advise.measurements import AdviceMeasurements
from perfbench.advise.model import OutputCheck
from perfbench.model import Case, CaseGroup, CaseInEnvironment
from perfbench.worker.program_messages import LESS, SAME, Proposal

GROUP = CaseGroup(scenario("run"), MARKET, (), ())


def name_of(combination: Sequence[int]) -> str:
    return "+".join(map(str, combination))


def place(_group: CaseGroup, combination: Sequence[int]) -> CaseInEnvironment:
    return CaseInEnvironment(Case("mine", "run", name_of(combination), MARKET.name), HERE)


class FakeChecker:
    """Notes the environments of the cases whose books are counted."""

    def __init__(self) -> None:
        self.counted: set[str] = set()

    def check(
        self, _group: CaseGroup, places: Sequence[CaseInEnvironment], alike: Collection[str]
    ) -> list[OutputCheck]:
        self.counted |= {side.case.environment for side in places if side.case.id in alike}
        return [OutputCheck("same") for _ in places]


def test_books_are_counted_where_no_lever_asks_for_less() -> None:
    measurements: Any = AdviceMeasurements.__new__(AdviceMeasurements)
    proposals = [Proposal(kind=SAME), Proposal(kind=LESS), Proposal(kind=SAME)]
    measurements._sides = SimpleNamespace(proposals=proposals, place=place)
    measurements._checker = FakeChecker()
    measurements._check([(0,), (1,), (0, 2), (0, 1)], [GROUP])
    assert measurements._checker.counted == {"0", "0+2"}
