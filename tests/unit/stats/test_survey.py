"""Ratio and totals of a corpus: by hand, against plain loops, by invariances, and in simulations with known truth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.stats import survey
from perfbench.stats.survey import (
    RatioEstimate,
    choose_survey_confidence,
    count_draws_needed,
    estimate_ratio,
    estimate_total,
    is_precise_enough,
)
from perfbench.stats.survey_draws import compute_inclusion, compute_shares, draw_distinct_batches
from perfbench.stats.survey_error import PairNoise

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)

BEFORE = [4.0, 1.0, 3.0, 8.0, 2.0, 6.0, 5.0]
AFTER = [5.0, 1.0, 3.5, 6.0, 2.5, 6.0, 5.5]
SHARES = [0.04, 0.01, 0.03, 0.06, 0.03, 0.05, 0.04]
CHANCES = [0.4, 0.1, 0.3, 1.0, 0.3, 0.5, 0.4]

draw_lists = st.lists(
    st.tuples(st.floats(0.1, 50), st.floats(0.5, 2.0), st.floats(0.001, 0.1), st.floats(0.05, 1.0)),
    min_size=6,
    max_size=30,
)


def columns(rows: Sequence[tuple[float, ...]]) -> tuple[np.ndarray, ...]:
    before, ratios, shares, chances = np.array(rows).T
    return before, before * ratios, shares, chances


def interval_by_loops(
    first: Iterable[float],
    second: Iterable[float],
    weights: Iterable[float],
    chances: Iterable[float],
    noise: PairNoise,
) -> tuple[float, float, float]:
    """Σ second / Σ first with its 95 % interval, from the formulas of survey_error, term by term."""
    first, second, weights, chances = list(first), list(second), list(weights), list(chances)
    total_first = sum(x * w for x, w in zip(first, weights, strict=True))
    total_second = sum(x * w for x, w in zip(second, weights, strict=True))
    sampling = noise_variance = sum_weights = sum_squares = 0.0
    for x, y, weight, chance in zip(first, second, weights, chances, strict=True):
        leverage, part = x * weight / total_first, y * weight / total_second
        contribution = part - leverage
        sampling += (1 - chance) * contribution**2 / (1 - leverage) ** 2
        noise_variance += chance * (noise.pair**2 * part**2 + noise.speed**2 * contribution**2)
        sum_weights += (1 - chance) * leverage**2
        sum_squares += (1 - chance) ** 2 * leverage**4
    degrees = max(1.0, sum_weights**2 / sum_squares - 1)
    joined = (sampling + noise_variance) ** 2 / (sampling**2 / degrees + noise_variance**2 / noise.degrees)
    half = stats.t.isf(0.025, joined) * math.sqrt(sampling + noise_variance)
    ratio = total_second / total_first
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)


def ends(estimate: survey.RatioEstimate | survey.TotalEstimate) -> tuple[float, float, float]:
    middle = estimate.ratio if isinstance(estimate, RatioEstimate) else estimate.total
    return middle, estimate.low, estimate.high


# ------------------------------------------------------------------------------------------------------ estimates


def test_total_of_two_draws_by_hand() -> None:
    estimate = estimate_total([2.0, 3.0], [0.1, 0.3])
    assert estimate.total == pytest.approx((20 + 10) / 2)
    assert (estimate.low, estimate.high, estimate.draws) == (0.0, math.inf, 2)


def test_ratio_of_two_draws_weighs_them_by_what_they_stand_for() -> None:
    estimate = estimate_ratio([2.0, 3.0], [4.0, 3.0], [0.1, 0.3])
    assert estimate.ratio == pytest.approx((40 + 10) / (20 + 10))
    assert (estimate.low, estimate.high) == (0.0, math.inf)


def test_inclusion_probabilities_weigh_draws_and_shares_calibrate_totals() -> None:
    ratio = estimate_ratio([2.0, 3.0], [4.0, 3.0], [0.1, 0.3], inclusion=[0.5, 1.0])
    assert ratio.ratio == pytest.approx((8 + 3) / (4 + 3))
    total = estimate_total([2.0, 3.0], [0.1, 0.3], inclusion=[0.5, 1.0])
    assert total.total == pytest.approx((4 + 3) / (0.2 + 0.3))


def test_every_sequence_of_draws_with_replacement_together_gives_the_true_total() -> None:
    """Exhaustively: the mean over all sequences, each with its probability."""
    seconds, shares = np.array([4.0, 1.0, 7.0]), np.array([0.3, 0.1, 0.6])
    for count in (1, 2, 3):
        mean = 0.0
        for sequence in itertools.product(range(3), repeat=count):
            drawn = list(sequence)
            mean += float(shares[drawn].prod()) * estimate_total(seconds[drawn], shares[drawn]).total
        assert mean == pytest.approx(12.0, rel=1e-12)


def test_draws_with_replacement_have_the_interval_of_the_formulas() -> None:
    weights = [1 / share for share in SHARES]
    expected = interval_by_loops(BEFORE, AFTER, weights, [0.0] * 7, PairNoise(0.0, 0.0))
    assert ends(estimate_ratio(BEFORE, AFTER, SHARES)) == pytest.approx(expected, rel=1e-9)
    total = interval_by_loops(SHARES, BEFORE, weights, [0.0] * 7, PairNoise(0.0, 0.0))
    assert ends(estimate_total(BEFORE, SHARES)) == pytest.approx(total, rel=1e-9)


@REPEATABLE
@given(draw_lists, st.floats(0.001, 0.2), st.floats(0.001, 0.2), st.sampled_from([3.0, 12.0, math.inf]))
def test_draws_without_replacement_have_the_interval_of_the_formulas(
    rows: list[tuple[float, ...]], pair: float, speed: float, degrees: float
) -> None:
    before, after, shares, chances = columns(rows)
    chances[0] = 0.5
    noise = PairNoise(pair, speed, degrees)
    ratio = interval_by_loops(before, after, 1 / chances, chances, noise)
    assert ends(estimate_ratio(before, after, shares, inclusion=chances, noise=noise)) == pytest.approx(ratio, rel=1e-6)
    own = replace(noise, pair=speed, speed=0.0)
    total = interval_by_loops(shares, before, 1 / chances, chances, own)
    assert ends(estimate_total(before, shares, inclusion=chances, noise=noise)) == pytest.approx(total, rel=1e-6)


def test_unknown_noise_is_bounded_by_the_scatter_between_draws() -> None:
    estimate = estimate_ratio(BEFORE, AFTER, SHARES, inclusion=CHANCES)
    bound = PairNoise(estimate.scatter, 0.0, 6)
    assert ends(estimate) == ends(estimate_ratio(BEFORE, AFTER, SHARES, inclusion=CHANCES, noise=bound))
    total = estimate_total(BEFORE, SHARES, inclusion=CHANCES)
    limit = PairNoise(0.0, total.scatter, 6)
    assert ends(total) == ends(estimate_total(BEFORE, SHARES, inclusion=CHANCES, noise=limit))


def test_scatter_and_spread_by_hand() -> None:
    """Six equal batches, three of them 20 % slower, drawn with replacement."""
    before, after = [1.0] * 6, [1.0, 1.2] * 3
    estimate = estimate_ratio(before, after, [0.1] * 6)
    half = math.log(1.2) / 2
    assert estimate.scatter == pytest.approx(half * math.sqrt(6 / 5))
    contribution = 0.1 / 6.6 / (1 - 1 / 6)
    assert estimate.spread == pytest.approx(math.sqrt(6 * 6 * contribution**2))
    assert estimate.ratio == pytest.approx(1.1)
    error = estimate.spread / math.sqrt(6)
    assert math.log(estimate.high / 1.1) == pytest.approx(stats.t.isf(0.025, 5) * error)
    total = estimate_total([1.0, 2.0, 4.0] * 2, [0.1] * 6)
    assert total.scatter == pytest.approx(math.log(2) * math.sqrt(2 / 3) * math.sqrt(6 / 5))
    same_rate = estimate_total([1.0, 2.0, 4.0] * 2, [0.05, 0.1, 0.2] * 2)
    assert same_rate.scatter == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(estimate_total([1.0], [0.1]).scatter)
    assert math.isnan(estimate_ratio([1.0], [1.1], [0.1]).scatter)
    assert estimate_ratio([1.0, 1.0], [1.0, 1.2], [0.1, 0.1]).scatter == pytest.approx(half * math.sqrt(2))


def test_census_has_the_noise_of_its_pairs_alone() -> None:
    noise = PairNoise(0.03, 0.1)
    estimate = estimate_ratio(BEFORE, AFTER, SHARES, inclusion=[1.0] * 7, noise=noise)
    parts, leverages = np.array(AFTER) / sum(AFTER), np.array(BEFORE) / sum(BEFORE)
    error = math.sqrt(float((0.0009 * parts**2 + 0.01 * (parts - leverages) ** 2).sum()))
    assert estimate.ratio == pytest.approx(sum(AFTER) / sum(BEFORE))
    assert estimate.spread == 0.0
    assert estimate.noise_error == pytest.approx(error)
    assert estimate.high == pytest.approx(estimate.ratio * math.exp(stats.norm.isf(0.025) * error))
    assert estimate.low == pytest.approx(estimate.ratio / math.exp(stats.norm.isf(0.025) * error))


def test_census_of_two_batches_has_an_interval_if_the_noise_is_given() -> None:
    known = estimate_ratio([2.0, 3.0], [4.0, 3.0], [0.4, 0.6], inclusion=[1.0, 1.0], noise=PairNoise(0.02, 0.0))
    assert 1.3 < known.low < known.ratio < known.high < 1.5
    assert math.isinf(estimate_ratio([2.0], [4.0], [1.0], inclusion=[1.0]).high)


def test_draws_of_one_speed_have_an_exact_total_and_identical_sides_an_exact_ratio() -> None:
    shares = np.array(SHARES)
    assert ends(estimate_total(300 * shares, shares)) == pytest.approx((300.0, 300.0, 300.0))
    assert ends(estimate_ratio(BEFORE, BEFORE, SHARES)) == pytest.approx((1.0, 1.0, 1.0))
    assert ends(estimate_ratio(BEFORE, 2 * np.array(BEFORE), SHARES, inclusion=CHANCES)) == pytest.approx((2.0,) * 3)


def test_six_draws_have_an_interval_and_five_have_none() -> None:
    six = estimate_ratio(BEFORE[:6], AFTER[:6], SHARES[:6])
    assert 0 < six.low < six.ratio < six.high < math.inf
    five = estimate_ratio(BEFORE[:5], AFTER[:5], SHARES[:5])
    assert (five.low, five.high) == (0.0, math.inf)
    assert math.isfinite(five.ratio)


def test_scatter_beyond_all_bounds_gives_an_interval_without_ends() -> None:
    """A single dominant draw leaves one degree of freedom: the interval overflows and must not fail."""
    chances = [0.1, 0.999, 0.999, 0.999, 0.999, 0.999]
    estimate = estimate_ratio([9.0] + [0.1] * 5, [90.0] + [0.1] * 5, SHARES[:6], 0.9999999, inclusion=chances)
    assert (estimate.low, estimate.high) == (0.0, math.inf)


@REPEATABLE
@given(draw_lists, st.randoms(use_true_random=False), st.sampled_from([0.001, 1000.0]))
def test_neither_order_nor_unit_matters(rows: list[tuple[float, ...]], random: object, unit: float) -> None:
    before, after, shares, chances = columns(rows)
    plain = estimate_ratio(before, after, shares, inclusion=chances), estimate_total(before, shares, inclusion=chances)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before, after, shares, chances = columns(shuffled)
    ratio = estimate_ratio(before * unit, after * unit, shares, inclusion=chances)
    total = estimate_total(before * unit, shares, inclusion=chances)
    assert ends(ratio) == pytest.approx(ends(plain[0]), rel=1e-9)
    assert [end / unit for end in ends(total)] == pytest.approx(ends(plain[1]), rel=1e-9)


@REPEATABLE
@given(draw_lists)
def test_more_confidence_never_narrows_the_interval_and_the_estimate_lies_inside(rows: list[tuple[float, ...]]) -> None:
    before, after, shares, _ = columns(rows)
    estimates = [estimate_ratio(before, after, shares, confidence) for confidence in (0.5, 0.8, 0.95, 0.999)]
    lows = [estimate.low for estimate in estimates]
    highs = [estimate.high for estimate in estimates]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert lows[0] <= estimates[0].ratio <= highs[0]


# -------------------------------------------------------------------------------------------------- how many draws


def estimate_with(spread: float, draws: int = 24, noise: float = 0.0) -> RatioEstimate:
    error = math.hypot(spread / math.sqrt(draws), noise)
    half = stats.t.isf(0.025, draws - 1) * error
    return RatioEstimate(1.0, math.exp(-half), math.exp(half), draws, spread, spread, 0.95, noise)


@pytest.mark.parametrize(("spread", "half_width"), [(0.18, 0.03), (0.18, 0.1), (0.4, 0.01), (0.02, 0.03), (0.05, 0.05)])
def test_draws_needed_are_the_fewest_whose_interval_is_narrow(spread: float, half_width: float) -> None:
    needed = count_draws_needed(estimate_with(spread), half_width)

    def half(draws: int) -> float:
        return math.expm1(stats.t.isf(0.025, draws - 1) * spread / math.sqrt(draws))

    assert half(needed) <= half_width
    assert needed == 6 or half(needed - 1) > half_width


def test_scatter_of_eighteen_per_cent_needs_144_draws_for_three_per_cent() -> None:
    assert count_draws_needed(estimate_with(0.18)) == 145


def test_draws_needed_of_a_large_corpus_count_its_noise_as_part_of_the_scatter() -> None:
    both = count_draws_needed(estimate_with(0.18, noise=0.2), 0.03)
    assert both == count_draws_needed(estimate_with(math.hypot(0.18, 0.2 * math.sqrt(24))), 0.03)


def test_draws_needed_of_a_small_corpus_are_fewer_and_at_most_all_of_it() -> None:
    estimate = estimate_with(0.18)
    large = count_draws_needed(estimate, 0.03, np.ones(100_000))
    small = count_draws_needed(estimate, 0.03, np.ones(300))
    assert large == pytest.approx(145, abs=1)
    whole = (1 - 24 / 300) / 24

    def half(draws: int) -> float:
        variance = 0.18**2 / 24 * (1 - draws / 300) / draws / whole
        return math.expm1(stats.t.isf(0.025, draws - 1) * math.sqrt(variance))

    assert half(small) <= 0.03 < half(small - 1)
    assert count_draws_needed(estimate, 0.03, np.ones(30)) < 30
    assert count_draws_needed(estimate_with(0.18, noise=0.05), 0.03, np.ones(300)) == 300
    assert count_draws_needed(estimate_with(0.18, draws=8), 0.03, np.ones(8)) == 8
    assert count_draws_needed(estimate_with(0.18, draws=8), 1e-9, np.ones(20)) == 20


def test_interval_is_precise_enough_up_to_exactly_the_precision() -> None:
    estimate = replace(estimate_with(0.1), ratio=2.0, low=1.9, high=2.0625)
    assert is_precise_enough(estimate, 0.03125)
    assert not is_precise_enough(estimate, 0.03124)
    total = estimate_total(BEFORE, SHARES)
    assert is_precise_enough(total, total.high / total.total - 1 + 1e-12)
    assert not is_precise_enough(total, total.high / total.total - 1 - 1e-9)
    assert not is_precise_enough(estimate_total([1.0], [0.5]), 100.0)


def test_looks_cost_a_share_of_the_error_probability() -> None:
    assert choose_survey_confidence(0.95) == pytest.approx(1 - survey.LOOK_CORRECTION * 0.05)
    assert 0.95 < choose_survey_confidence() == choose_survey_confidence(0.95) < 1
    assert tuple(sorted(survey.LOOKS)) == survey.LOOKS


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("before", "shares", "message"),
    [
        ([], [], "each draw has seconds"),
        ([1.0, 2.0], [0.1], "each draw has seconds"),
        ([[1.0]], [[0.1]], "each draw has seconds"),
        ([1.0, 0.0], [0.1, 0.1], "positive and finite"),
        ([1.0, math.nan], [0.1, 0.1], "positive and finite"),
        ([1.0, math.inf], [0.1, 0.1], "positive and finite"),
        ([1.0, 1.0], [0.1, 0.0], "between 0 and 1"),
        ([1.0, 1.0], [0.1, 1.1], "between 0 and 1"),
    ],
)
def test_draws_that_cannot_be_are_refused(before: list[float], shares: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_total(before, shares)
    with pytest.raises(ValueError, match=message):
        estimate_ratio(before, np.ones_like(before), shares)


def test_sides_of_a_pair_and_probabilities_are_checked_too() -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        estimate_ratio([1.0, 1.0], [1.0, -1.0], [0.1, 0.1])
    with pytest.raises(ValueError, match="each draw has"):
        estimate_ratio([1.0, 1.0], [1.0], [0.1, 0.1])
    with pytest.raises(ValueError, match="each draw has"):
        estimate_ratio([1.0, 1.0], [1.0, 1.0], [0.1, 0.1], inclusion=[1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        estimate_total([1.0, 1.0], [0.1, 0.1], inclusion=[1.0, 1.5])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, math.nan])
def test_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence lies between"):
        estimate_ratio(BEFORE, AFTER, SHARES, confidence)


@pytest.mark.parametrize("precision", [0.0, -0.01, math.nan, math.inf])
def test_precision_that_is_none_is_refused(precision: float) -> None:
    with pytest.raises(ValueError, match="positive share"):
        is_precise_enough(estimate_with(0.1), precision)
    with pytest.raises(ValueError, match="positive share"):
        count_draws_needed(estimate_with(0.1), precision)


def test_draws_needed_are_not_known_without_an_interval() -> None:
    with pytest.raises(ValueError, match="2 draws are too few"):
        count_draws_needed(estimate_ratio([1.0, 2.0], [1.0, 2.5], [0.1, 0.1]))


# ------------------------------------------------------------------------------------------------------ coverage


def cover(batches: int, draws: int, runs: int) -> tuple[float, float]:
    """How often the intervals of ratio and total hold the truth: lognormal sizes, costs and ratios, 3 % and 10 % noise."""
    rng = np.random.default_rng([batches, draws])
    hits = np.zeros(2)
    for seed in range(runs):
        if seed % 25 == 0:
            sizes, cost = rng.lognormal(0, 1.3, batches), rng.standard_normal(batches)
            before = sizes * np.exp(0.35 * cost)
            after = before * np.exp(0.09 * cost + 0.156 * rng.standard_normal(batches))
            shares = compute_shares(sizes)
        sample = draw_distinct_batches(shares, draws, seed)
        drawn, chances = sample.indices, compute_inclusion(shares[sample.indices], sample.thresholds[-1])
        speed = np.exp(0.1 * rng.standard_normal(draws) - 0.005)
        noise = np.exp(0.03 * rng.standard_normal(draws) - 0.00045)
        first, second = before[drawn] * speed, after[drawn] * speed * noise
        known = PairNoise(0.03, 0.1)
        ratio = estimate_ratio(first, second, shares[drawn], inclusion=chances, noise=known)
        total = estimate_total(first, shares[drawn], inclusion=chances, noise=known)
        hits += ratio.low <= after.sum() / before.sum() <= ratio.high, total.low <= before.sum() <= total.high
    return float(hits[0] / runs), float(hits[1] / runs)


@pytest.mark.statistical
@pytest.mark.parametrize("draws", [12, 24, 96])
@pytest.mark.parametrize("batches", [300, 5000])
def test_interval_covers_the_truth_95_times_of_100(batches: int, draws: int) -> None:
    """Bounds: 93 to 97 % and three standard errors of 1,500 runs."""
    slack = 3 * math.sqrt(0.05 * 0.95 / 1500)
    for share in cover(batches, draws, 1500):
        assert 0.93 - slack <= share <= 0.97 + slack
