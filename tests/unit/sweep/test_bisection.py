"""Bisection over every position of the first bad candidate, with candidates that cannot be measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfbench.sweep.bisection import BisectEnd, Bisection, BisectResult, CandidateResult

EPS = 0.0025
SLOW = 1.13


def names(count: int) -> tuple[str, ...]:
    return tuple(f"2.{number}.0" for number in range(count))


def measured(candidate: str, ratio: float, width: float = 0.01) -> CandidateResult:
    return CandidateResult(candidate, ratio, ratio * (1 - width), ratio * (1 + width))


def search(candidates: Sequence[str], answer_of: Callable[[int, str], CandidateResult]) -> BisectResult:
    """The outcome if every question is answered so; each is asked once, always against the first candidate."""
    bisection = Bisection(candidates, EPS)
    requested = set()
    while (request := bisection.request) is not None:
        assert bisection.outcome is None
        assert request.anchor == candidates[0]
        assert request.candidate not in requested
        requested.add(request.candidate)
        bisection.record(answer_of(candidates.index(request.candidate), request.candidate))
    assert bisection.outcome is not None
    return bisection.outcome


@pytest.mark.parametrize("count", range(2, 41))
def test_bisection_finds_first_bad_candidate_anywhere_with_log_2_n_comparisons(count: int) -> None:
    for first_bad in range(1, count):
        outcome = search(names(count), lambda n, name, bad=first_bad: measured(name, SLOW if n >= bad else 1.0))  # type: ignore[misc]
        assert outcome.end is BisectEnd.FOUND
        assert outcome.suspects == (f"2.{first_bad}.0",)
        assert outcome.last_good == f"2.{first_bad - 1}.0"
        assert outcome.step == pytest.approx(SLOW)
        assert len(outcome.steps) <= 1 + math.ceil(math.log2(count - 1))


@given(st.data())
def test_bisection_never_names_a_wrong_candidate_when_some_cannot_be_measured(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 40))
    first_bad = data.draw(st.integers(1, count - 1))
    skipped = data.draw(st.sets(st.integers(1, count - 2))) if count > 2 else set()

    def answer_of(number: int, name: str) -> CandidateResult:
        if number in skipped:
            return (
                CandidateResult(name, failure="it does not install") if number % 2 else measured(name, 1.06, width=0.2)
            )
        return measured(name, SLOW if number >= first_bad else 1.0)

    outcome = search(names(count), answer_of)
    assert f"2.{first_bad}.0" in outcome.suspects
    last_good = names(count).index(outcome.last_good)
    assert last_good < first_bad
    assert last_good not in skipped
    assert set(range(last_good + 1, last_good + len(outcome.suspects))) <= skipped
    assert outcome.end is (BisectEnd.FOUND if len(outcome.suspects) == 1 else BisectEnd.AMBIGUOUS)


@given(st.data())
def test_failed_candidates_cost_at_most_one_comparison_each(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 60))
    first_bad = data.draw(st.integers(1, count - 1))
    skipped = data.draw(st.sets(st.integers(1, count - 2), max_size=3))
    outcome = search(
        names(count),
        lambda n, name: (
            CandidateResult(name, failure="x") if n in skipped else measured(name, SLOW if n >= first_bad else 1.0)
        ),
    )
    failed = sum(step.status == "failed" for step in outcome.steps)
    assert len(outcome.steps) - failed <= math.ceil(math.log2(count)) + 1 + failed


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (measured("2.9.0", 0.8), "good"),
        (measured("2.9.0", 1.0), "inconclusive"),
        (measured("2.9.0", 1.004, 0.003), "inconclusive"),
    ],
)
def test_bisection_compares_nothing_else_without_a_regression(last: CandidateResult, status: str) -> None:
    outcome = search(names(10), lambda _number, _name: last)
    assert outcome.end is BisectEnd.NO_REGRESSION
    assert [step.status for step in outcome.steps] == [status]
    assert outcome.suspects == ()


def test_bisection_ends_with_the_failure_of_the_last_candidate() -> None:
    outcome = search(names(10), lambda _number, name: CandidateResult(name, failure="no such wheel"))
    assert outcome.end is BisectEnd.NOT_MEASURED
    assert outcome.steps[0].result.failure == "no such wheel"


def test_bisection_ignores_steps_below_half_of_the_change() -> None:
    """+3 % at 3, which is not what was looked for, then +10 % more at 7."""
    costs = [1.0, 1.0, 1.0, 1.03, 1.03, 1.03, 1.03, 1.133, 1.133, 1.133]
    outcome = search(names(10), lambda number, name: measured(name, costs[number]))
    assert outcome.suspects == ("2.7.0",)
    assert outcome.step == pytest.approx(1.1)


def test_candidate_is_inconclusive_when_its_interval_contains_the_half() -> None:
    bisection = Bisection(names(4), EPS)
    assert bisection.record(measured("2.3.0", 1.21)) == "bad"
    assert bisection.request is not None
    assert bisection.record(CandidateResult("2.1.0", 1.09, 1.07, 1.11)) == "inconclusive"
    assert bisection.record(CandidateResult("2.2.0", 1.12, 1.101, 1.14)) == "bad"
    outcome = bisection.outcome
    assert outcome is not None
    assert (outcome.end, outcome.last_good, outcome.suspects) == (BisectEnd.AMBIGUOUS, "2.0.0", ("2.1.0", "2.2.0"))


@given(st.floats(1.02, 3.0), st.integers(2, 30), st.data())
@example(1.02, 12, None)
def test_bisection_result_is_robust_to_noise_within_the_intervals(
    slow: float, count: int, data: st.DataObject | None
) -> None:
    """The truth lies in every interval, and the intervals are narrower than a quarter of the change."""
    first_bad = data.draw(st.integers(1, count - 1)) if data else count // 2
    width = math.log(slow) / 9

    def answer_of(number: int, name: str) -> CandidateResult:
        off = data.draw(st.floats(-width, width)) if data else width
        centre = (math.log(slow) if number >= first_bad else 0.0) + off
        return CandidateResult(name, math.exp(centre), math.exp(centre - width), math.exp(centre + width))

    outcome = search(names(count), answer_of)
    assert outcome.suspects == (f"2.{first_bad}.0",)


def test_two_candidates_take_one_comparison() -> None:
    outcome = search(("a", "b"), lambda _number, name: measured(name, 1.2))
    assert (outcome.end, outcome.suspects, len(outcome.steps)) == (BisectEnd.FOUND, ("b",), 1)


def test_bisection_rejects_unrequested_results_and_too_few_candidates() -> None:
    bisection = Bisection(("a", "b", "c"), EPS)
    with pytest.raises(ValueError, match="b was not requested"):
        bisection.record(measured("b", 1.0))
    bisection.record(measured("c", 1.0))
    with pytest.raises(ValueError, match="b was not requested"):
        bisection.record(measured("b", 1.0))
    for candidates in ((), ("a",), ("a", "a")):
        with pytest.raises(ValueError, match="two candidates or more"):
            Bisection(candidates, EPS)
