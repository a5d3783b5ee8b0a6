"""A search gives advice where there is something to gain and nowhere else; simulated with known gains."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.random import Generator

from perfbench.advise.gains import LEAST_PAIRS, MOST_PAIRS, SMALLEST_GAIN, Gain, estimate_gain, plan_confirmation
from perfbench.advise.search import CandidateSearch
from perfbench.advise.search_steps import PairAnswer, PairRequest, SearchCandidate, SearchResult
from perfbench.advise.simulation import Noise, Simulated, drive_search, simulate_search
from perfbench.stats import signed_rank

CANDIDATES = 20
PLANTED = {3: math.log(1.05), 11: math.log(1.20), 17: math.log(2.0)}


def make_normal(numbers: Generator, sigma: float = 0.02) -> Noise:
    return lambda count: [float(value) for value in numbers.normal(0.0, sigma, count)]


def make_heavy_tailed(numbers: Generator) -> Noise:
    """Student's t with 3 degrees of freedom and a scatter of about 3 %: now and then a pair is off by a fifth."""
    return lambda count: [float(0.017 * value) for value in numbers.standard_t(3, count)]


def make_drifting(numbers: Generator) -> Noise:
    """Neighbours in time are correlated by 0.3, as on a machine that others use."""
    last = [0.0]

    def draw(count: int) -> list[float]:
        values = []
        for value in numbers.normal(0.0, 0.02 * math.sqrt(1 - 0.3**2), count):
            last[0] = 0.3 * last[0] + float(value)
            values.append(last[0])
        return values

    return draw


def count_advice(
    runs: int, gains: Sequence[float], make: Callable[[Generator], Noise], candidates: Sequence[SearchCandidate] = ()
) -> int:
    """How many of these simulated searches give advice."""
    own = [
        simulate_search(gains, make(np.random.default_rng(seed)), candidates=candidates or None) for seed in range(runs)
    ]
    return sum(search.result.confirmed for search in own)


@pytest.mark.parametrize("make", [make_normal, make_heavy_tailed, make_drifting])
def test_nothing_to_gain_gives_no_advice(make: Callable[[Generator], Noise]) -> None:
    assert count_advice(100, [0.0] * CANDIDATES, make) <= 1


@pytest.mark.statistical
@pytest.mark.parametrize("make", [make_normal, make_heavy_tailed, make_drifting])
def test_nothing_to_gain_gives_advice_in_fewer_than_1_of_100_runs(make: Callable[[Generator], Noise]) -> None:
    assert count_advice(1000, [0.0] * CANDIDATES, make) <= 10


@pytest.mark.statistical
def test_gain_of_exactly_1_percent_is_advised_in_at_most_1_of_100_runs() -> None:
    """The least favourable case: every candidate gains what is no advice yet, and only one of them can be chosen."""
    alternatives = [SearchCandidate(excludes=frozenset({*range(CANDIDATES)} - {n})) for n in range(CANDIDATES)]
    advised = count_advice(2000, [SMALLEST_GAIN] * CANDIDATES, make_normal, alternatives)
    assert advised <= 20 + 3 * math.sqrt(20)


def search_planted(seed: int, sigma: float = 0.02, seconds: float = 600.0) -> Simulated:
    gains = [PLANTED.get(number, 0.0) for number in range(CANDIDATES)]
    return simulate_search(gains, make_normal(np.random.default_rng(seed), sigma), seconds=seconds)


def test_planted_gains_of_5_and_20_percent_and_2x_are_found_and_ranked() -> None:
    results = [search_planted(seed).result for seed in range(100)]
    assert all(result.confirmed for result in results)
    assert sum(result.combination == tuple(PLANTED) for result in results) >= 90
    longer = [search_planted(seed, seconds=1200.0).result for seed in range(50)]
    assert sum(result.combination == tuple(PLANTED) for result in longer) >= 48
    for result in (*results, *longer):
        order = [step.candidate for step in result.steps if step.outcome in ("first", "added")]
        assert order[:2] == [17, 11]


def test_interval_of_the_confirmation_covers_the_true_gain_of_the_combination() -> None:
    covered, true = 0, sum(PLANTED.values())
    for seed in range(100):
        result = search_planted(seed).result
        low, high = signed_rank.compute_interval(result.gains, 0.98)
        covered += low <= true - sum(PLANTED[n] for n in PLANTED.keys() - set(result.combination)) <= high
    assert covered >= 95


def test_single_gain_of_5_percent_is_found_among_20_in_a_noisy_machine_with_more_time() -> None:
    gains = [PLANTED[3] if number == 3 else 0.0 for number in range(CANDIDATES)]
    results = [
        simulate_search(gains, make_normal(np.random.default_rng(seed), 0.04), seconds=3600.0).result
        for seed in range(50)
    ]
    assert sum(result.confirmed and 3 in result.combination for result in results) >= 42


def test_time_limit_is_exceeded_by_no_more_than_a_confirmation() -> None:
    for seconds in (60.0, 300.0, 600.0, 3600.0):
        for seed in range(5):
            searched = search_planted(seed, seconds=seconds)
            assert searched.seconds <= seconds + (LEAST_PAIRS + 9) * 8.0


def test_short_time_begins_with_single_pairs_and_long_time_with_three() -> None:
    def read_first_rung(seconds: float) -> set[int]:
        answered = search_planted(1, seconds=seconds).answered
        return {request.first + request.pairs for request, _ in answered[1:15]}

    assert read_first_rung(600.0) == {1}
    assert read_first_rung(6000.0) == {3}


def test_hopeless_candidates_get_fewer_pairs_than_those_that_gain() -> None:
    result = search_planted(4, seconds=6000.0).result
    pairs = [len(screened.gains) for screened in result.screened]
    assert min(pairs[number] for number in PLANTED) >= 6
    others = [count for number, count in enumerate(pairs) if number not in PLANTED]
    assert sum(others) / len(others) < 10


def replay(search_answers: Sequence[tuple[PairRequest, PairAnswer]], upto: int) -> list[PairRequest]:
    """The requests of a search that is sent these answers."""
    steps = CandidateSearch([SearchCandidate() for _ in range(CANDIDATES)], 600.0).run()
    requests = [next(steps)]
    requests.extend(steps.send(answer) for _, answer in search_answers[:upto])
    return requests


def test_search_asks_the_same_again_when_it_is_sent_the_same_answers() -> None:
    answered = search_planted(5).answered
    assert replay(answered, len(answered) - 1) == [request for request, _ in answered]
    keys = [request.key for request, _ in answered]
    assert len(set(keys)) == len(keys)


def search_with(
    answers: Callable[[PairRequest], PairAnswer], candidates: Sequence[SearchCandidate], seconds: float = 3600.0
) -> tuple[SearchResult, list[PairRequest]]:
    result, answered = drive_search(CandidateSearch(candidates, seconds), answers)
    return result, [request for request, _ in answered]


def answer_exactly(gains: dict[int, float]) -> Callable[[PairRequest], PairAnswer]:
    """Pairs that show these gains with a little noise."""
    numbers = random.Random(1)

    def answer(request: PairRequest) -> PairAnswer:
        true = sum(gains.get(n, 0.0) for n in request.after) - sum(gains.get(n, 0.0) for n in request.before)
        return PairAnswer(tuple(true + numbers.gauss(0, 0.005) for _ in range(request.pairs)), request.pairs * 1.0)

    return answer


def test_candidate_that_changes_the_output_on_held_out_markets_is_not_part_of_the_advice() -> None:
    own = answer_exactly({0: 0.5, 1: 0.2})

    def answer(request: PairRequest) -> PairAnswer:
        if request.step == "verify" and 0 in request.after:
            return PairAnswer(failure="another order at 12:00")
        return own(request)

    result, requests = search_with(answer, [SearchCandidate()] * 3)
    assert result.combination == (1,)
    assert result.confirmed
    first = result.steps[0]
    assert (first.candidate, first.outcome, first.reason) == (0, "failed", "another order at 12:00")
    assert not [request for request in requests if request.step == "confirm" and 0 in request.after]


def test_candidates_that_exclude_each_other_are_not_combined() -> None:
    candidates = [SearchCandidate(excludes=frozenset({1})), SearchCandidate(), SearchCandidate()]
    result, _ = search_with(answer_exactly({0: 0.3, 1: 0.4, 2: 0.1}), candidates)
    assert result.combination == (1, 2)
    assert {step.candidate: step.outcome for step in result.steps} == {1: "first", 0: "excluded", 2: "added"}


def test_candidate_that_changes_the_answer_is_measured_and_never_combined() -> None:
    candidates = [SearchCandidate(combinable=False), SearchCandidate()]
    result, _ = search_with(answer_exactly({0: 1.0, 1: 0.1}), candidates)
    assert result.combination == (1,)
    assert len(result.screened[0].gains) >= 6


def test_gains_that_overlap_join_once() -> None:
    """Two candidates that remove the same cost: together they gain no more than one of them."""

    def answer(request: PairRequest) -> PairAnswer:
        gain = {(): 0.0, (0,): 0.30, (1,): 0.25, (0, 1): 0.30}
        numbers = random.Random(request.key)
        true = gain[request.after] - gain[request.before]
        return PairAnswer(tuple(true + numbers.gauss(0, 0.01) for _ in range(request.pairs)), request.pairs * 1.0)

    result, _ = search_with(answer, [SearchCandidate()] * 2)
    assert result.combination == (0,)
    assert {step.candidate: step.outcome for step in result.steps} == {0: "first", 1: "no gain"}


def test_first_candidate_that_was_chosen_by_luck_is_taken_out_again() -> None:
    """A candidate that gains nothing looks best in the screening, and the combination is as fast without it."""

    alone, together = {(): 0.0, (0,): 0.018, (1,): 0.016}, {(0,): 0.0, (1,): 0.03, (0, 1): 0.03}

    def answer(request: PairRequest) -> PairAnswer:
        gain = alone if request.step == "screen" else {**alone, **together}
        true = gain[request.after] - gain[request.before]
        numbers = range(request.first, request.first + request.pairs)
        return PairAnswer(tuple(true + 0.02 * (-1) ** number for number in numbers), request.pairs * 1.0)

    result, requests = search_with(answer, [SearchCandidate()] * 2)
    assert result.combination == (1,)
    assert [(step.candidate, step.outcome) for step in result.steps] == [(0, "first"), (1, "added"), (0, "no gain")]
    assert [request.after for request in requests if request.step == "confirm"] == [(1,)]


def test_candidates_that_promise_most_are_measured_first_and_those_that_time_does_not_reach_are_the_others() -> None:
    """Twelve of 20 candidates fit into the time; the hints point at the one that gains, which is the last in their order."""
    hints = [*(2.0 + 0.1 * number for number in range(CANDIDATES - 2)), math.inf, 1.0]
    candidates = [SearchCandidate(hint=hint) for hint in hints]
    result, requests = search_with(answer_exactly({CANDIDATES - 1: 0.5}), candidates, seconds=25.0)
    assert requests[0].after == (CANDIDATES - 1,)
    assert result.combination == (CANDIDATES - 1,)
    assert result.screened[CANDIDATES - 2].outcome == "no time"


def test_candidate_that_fails_is_left_out_with_its_reason() -> None:
    own = answer_exactly({1: 0.2})

    def answer(request: PairRequest) -> PairAnswer:
        return PairAnswer(failure="timed out after 600 s") if request.after == (0,) else own(request)

    result, _ = search_with(answer, [SearchCandidate()] * 2)
    assert (result.screened[0].outcome, result.screened[0].reason) == ("failed", "timed out after 600 s")
    assert result.combination == (1,)


def test_nothing_to_try_asks_for_nothing() -> None:
    result, requests = search_with(answer_exactly({}), [])
    assert result == SearchResult()
    assert requests == []


def test_confirmation_takes_more_pairs_for_small_gains_in_noise_and_stays_within_its_limits() -> None:
    assert plan_confirmation(Gain(0.7, 0.01, 6), 0.02, 1000) == LEAST_PAIRS
    assert LEAST_PAIRS < plan_confirmation(Gain(0.035, 0.005, 12), 0.02, 1000) < MOST_PAIRS
    assert plan_confirmation(Gain(0.02, 0.015, 12), 0.05, 1000) == MOST_PAIRS
    assert plan_confirmation(Gain(0.02, 0.015, 12), 0.05, 20) == 20
    assert plan_confirmation(Gain(0.02, 0.015, 12), 0.05, 0) == LEAST_PAIRS
    assert plan_confirmation(Gain(0.001, 0.005, 12), 0.02, 1000) == MOST_PAIRS


def test_few_pairs_that_agree_by_chance_keep_the_error_of_all() -> None:
    gain = estimate_gain([0.02, 0.0201, 0.0199], 0.03)
    assert gain.error == pytest.approx(0.03 / math.sqrt(3))
    assert not gain.is_clear
    assert not gain.is_hopeless
