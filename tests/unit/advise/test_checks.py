"""Orders of candidates against those of the user's set-up, with made-up check passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.advices import HERE_DIFFERENCE
from support.runs import HERE, MARKET, scenario

from perfbench.advise.checks import OutputChecker, describe_check
from perfbench.advise.model import OutputCheck
from perfbench.errors import NotMeasured, OutputsDiffer
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Failure, Output, Result, Trial
from perfbench.runner import output_check, repeat_check
from perfbench.runner.output_check import DigestCache
from perfbench.runner.trial import Conditions
from perfbench.worker.protocol import OutputDigest

SECONDS = 0.25
"""Of every check pass."""

Digests = Mapping[tuple[str, int], tuple[str, int]]


def place(name: str) -> CaseInEnvironment:
    return CaseInEnvironment(Case("mine", "run", name, MARKET.name), HERE)


GROUP = CaseGroup(replace(scenario("run"), program="mine.py"), MARKET, (), (place("here"),))


class FakePasses:
    """Check passes with a digest and an amount of work for each environment and hash seed; without one they fail."""

    def __init__(self, digests: Digests, handled: Mapping[str, int]) -> None:
        self.digests = digests
        self.handled = handled
        self.run: list[tuple[str, int]] = []

    def __call__(
        self,
        trials: Sequence[Trial],
        _group: CaseGroup,
        _conditions: Conditions,
        _expected: object,
        digests: DigestCache,
    ) -> Iterator[Result]:
        for trial in trials:
            (case,) = trial.cases
            key = case.environment, trial.hash_seed
            self.run.append(key)
            if key not in self.digests:
                yield Result(trial.id, case.id, failure=Failure("check", "it crashed"))
                continue
            digest, work = self.digests[key]
            handled = self.handled.get(case.environment)
            digests[case.id, ()] = OutputDigest(digest, work, 1024, [digest], [], seconds=SECONDS)
            yield Result(trial.id, case.id, output=Output(digest, work, 1024, (digest,), handled=handled))


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Output, Output]]:
    """The outputs whose difference was explained."""
    seen: list[tuple[Output, Output]] = []

    def explain(trial: Trial, _table: CaseGroup, outputs: tuple[Output, Output], *_others: Any) -> Result:
        seen.append(outputs)
        return Result(trial.id, trial.cases[1].id, difference=HERE_DIFFERENCE)

    monkeypatch.setattr(output_check, "explain_difference", explain)
    return seen


def use(digests: Digests, monkeypatch: pytest.MonkeyPatch, **handled: int) -> tuple[OutputChecker, FakePasses]:
    passes = FakePasses(digests, handled)
    monkeypatch.setattr(output_check, "run_check_passes", passes)
    return OutputChecker(Conditions(None, 60.0)), passes


def test_set_up_that_repeats_itself_is_checked_once_more_for_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {("here", 0): ("a", 10), ("here", 1): ("a", 10), ("fewer", 0): ("a", 4)}
    checker, passes = use(digests, monkeypatch)
    checker.require_repeatable(GROUP)
    assert checker.check(GROUP, [place("fewer")]) == [OutputCheck("same", market=MARKET.name, seconds=SECONDS)]
    assert passes.run == [("here", 0), ("here", 1), ("fewer", 0)]


def test_orders_that_depend_on_the_hash_seed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, _ = use({("here", 0): ("a", 10), ("here", 1): ("b", 10)}, monkeypatch)
    monkeypatch.setattr(repeat_check, "_find_place", lambda *_others: HERE_DIFFERENCE)
    with pytest.raises(OutputsDiffer, match="the orders of made_up differ from run to run: order event 12") as caught:
        checker.require_repeatable(GROUP)
    assert caught.value.exit_code == 6


def test_set_up_that_fails_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, _ = use({}, monkeypatch)
    with pytest.raises(NotMeasured, match="it crashed"):
        checker.require_repeatable(GROUP)


def test_other_orders_are_shown_with_the_first_that_differs(
    monkeypatch: pytest.MonkeyPatch, explained: list[tuple[Output, Output]]
) -> None:
    checker, _ = use({("here", 0): ("a", 10), ("fewer", 0): ("b", 4)}, monkeypatch)
    (check,) = checker.check(GROUP, [place("fewer")])
    assert check == OutputCheck("changes", HERE_DIFFERENCE, MARKET.name, seconds=SECONDS)
    assert [(before.digest, after.digest) for before, after in explained] == [("a", "b")]
    assert describe_check(check) == "order event 12 of market: orders[0].price: 3.2 → 3.25"


def test_candidate_that_fails_keeps_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, _ = use({("here", 0): ("a", 10)}, monkeypatch)
    (check,) = checker.check(GROUP, [place("broken")])
    assert check == OutputCheck("failed", market=MARKET.name, reason="it crashed")
    assert describe_check(check) == "it crashed"


def test_same_orders_need_no_description() -> None:
    assert describe_check(OutputCheck("same")) == ""


def test_set_up_is_checked_together_with_the_first_candidates_of_a_market(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, passes = use({("here", 0): ("a", 10), ("other", 0): ("a", 10)}, monkeypatch)
    for _ in range(2):
        assert [check.status for check in checker.check(GROUP, [place("other")])] == ["same"]
    assert passes.run == [("here", 0), ("other", 0), ("other", 0)]


def test_check_has_the_seconds_of_its_pass_and_one_that_failed_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, _ = use({("here", 0): ("a", 10), ("other", 0): ("a", 10)}, monkeypatch)
    other, broken = checker.check(GROUP, [place("other"), place("broken")])
    assert (other.seconds, broken.seconds) == (SECONDS, None)


NO_ORDERS = {("here", 0): ("none", 10), ("idle", 0): ("none", 10), ("alike", 0): ("none", 10)}


def test_program_without_orders_that_finds_nothing_to_do_in_other_books_is_not_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checker, _ = use(NO_ORDERS, monkeypatch, here=4321, idle=0, alike=4321)
    sides = [place("idle"), place("alike")]
    idle, alike = checker.check(GROUP, sides, alike={side.case.id for side in sides})
    assert describe_check(idle) == "process_market_book is called 0 times, not 4,321"
    assert (idle.status, alike.status) == ("changes", "same")


def test_lever_that_asks_for_less_may_give_strategies_fewer_books(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, _ = use(NO_ORDERS, monkeypatch, here=4321, idle=12)
    assert [check.status for check in checker.check(GROUP, [place("idle")])] == ["same"]
