"""The search for the first bad one, over every place where it can be and whatever cannot be measured on the way."""

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
    asked_before = set()
    while (asked := bisection.asked) is not None:
        assert bisection.outcome is None
        assert asked.anchor == candidates[0]
        assert asked.candidate not in asked_before
        asked_before.add(asked.candidate)
        bisection.answer(answer_of(candidates.index(asked.candidate), asked.candidate))
    assert bisection.outcome is not None
    return bisection.outcome


@pytest.mark.parametrize("count", range(2, 41))
def test_the_first_bad_one_is_found_wherever_it_is_with_log_2_n_comparisons(count: int) -> None:
    for first_bad in range(1, count):
        outcome = search(names(count), lambda n, name, bad=first_bad: measured(name, SLOW if n >= bad else 1.0))  # type: ignore[misc]
        assert outcome.end is BisectEnd.FOUND
        assert outcome.suspects == (f"2.{first_bad}.0",)
        assert outcome.last_good == f"2.{first_bad - 1}.0"
        assert outcome.step == pytest.approx(SLOW)
        assert (
            len(outcome.judged) <= Bisection(names(count), EPS).comparisons_at_most <= math.ceil(math.log2(count)) + 1
        )


@given(st.data())
def test_what_cannot_be_measured_never_makes_the_search_name_a_wrong_one(data: st.DataObject) -> None:
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
def test_a_few_that_fail_cost_no_more_comparisons_than_there_are_of_them(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 60))
    first_bad = data.draw(st.integers(1, count - 1))
    skipped = data.draw(st.sets(st.integers(1, count - 2), max_size=3))
    outcome = search(
        names(count),
        lambda n, name: (
            CandidateResult(name, failure="x") if n in skipped else measured(name, SLOW if n >= first_bad else 1.0)
        ),
    )
    failed = sum(judged.sense == "failed" for judged in outcome.judged)
    assert len(outcome.judged) - failed <= math.ceil(math.log2(count)) + 1 + failed


@pytest.mark.parametrize(
    ("last", "sense"),
    [
        (measured("2.9.0", 0.8), "good"),
        (measured("2.9.0", 1.0), "not told"),
        (measured("2.9.0", 1.004, 0.003), "not told"),
    ],
)
def test_without_a_regression_nothing_else_is_compared(last: CandidateResult, sense: str) -> None:
    outcome = search(names(10), lambda _number, _name: last)
    assert outcome.end is BisectEnd.NO_REGRESSION
    assert [judged.sense for judged in outcome.judged] == [sense]
    assert outcome.suspects == ()


def test_a_last_one_that_fails_ends_the_search_with_its_reason() -> None:
    outcome = search(names(10), lambda _number, name: CandidateResult(name, failure="no such wheel"))
    assert outcome.end is BisectEnd.NOT_MEASURED
    assert outcome.judged[0].answer.failure == "no such wheel"


def test_bad_is_beyond_half_of_the_change_so_that_a_smaller_step_does_not_mislead() -> None:
    """+3 % at 3, which is not what was looked for, then +10 % more at 7."""
    costs = [1.0, 1.0, 1.0, 1.03, 1.03, 1.03, 1.03, 1.133, 1.133, 1.133]
    outcome = search(names(10), lambda number, name: measured(name, costs[number]))
    assert outcome.suspects == ("2.7.0",)
    assert outcome.step == pytest.approx(1.1)


def test_the_interval_must_lie_on_one_side_of_the_half() -> None:
    bisection = Bisection(names(4), EPS)
    assert bisection.answer(measured("2.3.0", 1.21)) == "bad"
    assert bisection.asked is not None
    assert bisection.answer(CandidateResult("2.1.0", 1.09, 1.07, 1.11)) == "not told"
    assert bisection.answer(CandidateResult("2.2.0", 1.12, 1.101, 1.14)) == "bad"
    outcome = bisection.outcome
    assert outcome is not None
    assert (outcome.end, outcome.last_good, outcome.suspects) == (BisectEnd.AMBIGUOUS, "2.0.0", ("2.1.0", "2.2.0"))


@given(st.floats(1.02, 3.0), st.integers(2, 30), st.data())
@example(1.02, 12, None)
def test_noise_within_the_intervals_does_not_change_what_is_named(
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
    assert (outcome.end, outcome.suspects, len(outcome.judged)) == (BisectEnd.FOUND, ("b",), 1)


def test_answers_that_nobody_asked_for_and_searches_among_nothing_are_refused() -> None:
    bisection = Bisection(("a", "b", "c"), EPS)
    with pytest.raises(ValueError, match="nobody asked for b"):
        bisection.answer(measured("b", 1.0))
    bisection.answer(measured("c", 1.0))
    with pytest.raises(ValueError, match="nobody asked for b"):
        bisection.answer(measured("b", 1.0))
    for candidates in ((), ("a",), ("a", "a")):
        with pytest.raises(ValueError, match="two candidates or more"):
            Bisection(candidates, EPS)
