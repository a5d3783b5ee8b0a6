"""The estimates against scipy, against enumeration of every sign, and against simulations with known truth."""

from __future__ import annotations

import itertools
import math
import statistics as standard
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfbench.stats.signed_rank import (
    ADAPTIVE_LOOKS,
    Estimate,
    choose_adaptive_confidence,
    compute_autocorrelation,
    compute_interval,
    compute_p_value,
    compute_sigma,
    count_minimum_pairs,
    estimate,
    halves_disagree,
    hodges_lehmann,
    is_precise_enough,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)

EIGHTHS = st.integers(-800, 800).map(lambda number: number / 8)
"""Sums and halves of these are exact, so that equality means equality."""

rows_of_eighths = st.lists(EIGHTHS, min_size=6, max_size=40)
seeds = st.integers(0, 2**32 - 1)


def walsh_averages(differences: Floats) -> list[float]:
    return sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences.tolist(), 2))


def signed_rank_p(differences: Floats, centre: float, method: str = "exact") -> float:
    options = {} if method == "exact" else {"correction": True}
    return float(stats.wilcoxon(differences - centre, method=method, **options).pvalue)


def points_around(end: float, differences: Floats) -> tuple[float, float]:
    """A point just below this end of an interval and one just above it, tied with no Walsh average."""
    averages = [-math.inf, *walsh_averages(differences), math.inf]
    place = averages.index(end)
    below, above = averages[place - 1], averages[place + 1]
    return (
        (below + end) / 2 if math.isfinite(below) else end - 1.0,
        (above + end) / 2 if math.isfinite(above) else end + 1.0,
    )


# ---------------------------------------------------------------------------------------------------- interval


@REPEATABLE
@given(seeds, st.sampled_from([6, 7, 8, 12, 17, 24, 48, 136]), st.sampled_from([0.9, 0.95, 0.965]))
def test_the_interval_holds_what_scipys_exact_test_does_not_reject(seed: int, pairs: int, confidence: float) -> None:
    differences = np.random.default_rng(seed).standard_t(3, pairs)
    low, high = compute_interval(differences, confidence)
    outside_low, inside_low = points_around(low, differences)
    inside_high, outside_high = points_around(high, differences)
    level = 1 - confidence
    assert signed_rank_p(differences, outside_low) <= level + 1e-12
    assert signed_rank_p(differences, inside_low) > level
    assert signed_rank_p(differences, inside_high) > level
    assert signed_rank_p(differences, outside_high) <= level + 1e-12


@pytest.mark.parametrize("pairs", [201, 320])
def test_the_normal_approximation_beyond_200_pairs_is_that_of_scipy(pairs: int) -> None:
    differences = np.random.default_rng(pairs).standard_normal(pairs)
    low, high = compute_interval(differences)
    outside, inside = points_around(low, differences)
    assert signed_rank_p(differences, outside, "approx") <= 0.05 < signed_rank_p(differences, inside, "approx")
    assert signed_rank_p(differences, outside) <= 0.05
    assert low < hodges_lehmann(differences) < high


def test_the_example_of_hollander_and_wolfe() -> None:
    """Depression scores of nine patients before and after tranquilizer therapy: examples 3.1 to 3.4 of the book."""
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    assert hodges_lehmann(after - before) == pytest.approx(-0.46)
    assert compute_interval(after - before) == pytest.approx((-0.786, -0.010))


@REPEATABLE
@given(rows_of_eighths)
def test_negating_the_differences_flips_the_interval(row: list[float]) -> None:
    differences = np.array(row)
    low, high = compute_interval(differences)
    assert compute_interval(-differences) == (-high, -low)
    assert hodges_lehmann(-differences) == -hodges_lehmann(differences)


@REPEATABLE
@given(rows_of_eighths, EIGHTHS, st.sampled_from([0.5, 2.0, 64.0]))
def test_shifting_and_stretching_the_differences_shifts_and_stretches_the_interval(
    row: list[float], shift: float, factor: float
) -> None:
    differences = np.array(row)
    low, high = compute_interval(differences)
    assert compute_interval(differences * factor + shift) == (low * factor + shift, high * factor + shift)
    assert hodges_lehmann(differences * factor + shift) == hodges_lehmann(differences) * factor + shift


@REPEATABLE
@given(rows_of_eighths, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter_to_the_interval(row: list[float], random: object) -> None:
    shuffled = list(row)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert compute_interval(shuffled) == compute_interval(row)


@REPEATABLE
@given(rows_of_eighths)
def test_more_confidence_never_narrows_the_interval_and_the_estimate_lies_inside(row: list[float]) -> None:
    ends = [compute_interval(row, confidence) for confidence in (0.5, 0.8, 0.9, 0.95, 0.96)]
    lows, highs = zip(*ends, strict=True)
    assert list(lows) == sorted(lows, reverse=True)
    assert list(highs) == sorted(highs)
    assert lows[0] <= hodges_lehmann(row) <= highs[0]


@settings(REPEATABLE, max_examples=25)
@given(st.lists(st.integers(0, 5), min_size=6, max_size=9))
def test_ties_and_zeros_only_make_the_interval_cover_more(magnitudes: list[int]) -> None:
    covering = total = 0
    for signs in itertools.product((-1, 1), repeat=len(magnitudes)):
        low, high = compute_interval(np.array(magnitudes) * signs)
        covering += low <= 0 <= high
        total += 1
    assert covering / total >= 0.95


def test_coverage_over_all_signs_is_the_largest_that_untied_ranks_allow() -> None:
    """With 8 pairs: 2 · P(W ≤ 3) = 2 · 5 / 256 are rejected; one rank more would reject 7 / 128 > 5 %."""
    magnitudes = np.array([1.0, 2.1, 4.3, 8.7, 16.9, 33.0, 65.0, 129.0])
    rejected = sum(
        not low <= 0 <= high
        for signs in itertools.product((-1, 1), repeat=8)
        for low, high in [compute_interval(magnitudes * signs)]
    )
    assert rejected == 10


def test_equal_differences_give_an_interval_of_one_point() -> None:
    assert compute_interval([0.0] * 6) == (0.0, 0.0)
    assert compute_interval([0.25] * 12) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("confidence", "fewest"), [(0.5, 2), (0.9, 5), (0.95, 6), (0.965, 6), (0.96875, 6), (0.99, 8), (0.9982, 11)]
)
def test_fewer_pairs_than_can_bear_the_confidence_are_refused(confidence: float, fewest: int) -> None:
    assert count_minimum_pairs(confidence) == fewest
    assert stats.wilcoxon(np.arange(1, fewest + 1), method="exact").pvalue <= 1 - confidence + 1e-12
    low, high = compute_interval(np.arange(1.0, fewest + 1), confidence)
    assert (low, high) == (1.0, fewest)
    with pytest.raises(ValueError, match=f"{fewest - 1} pairs are too few for {confidence} confidence: it takes"):
        compute_interval(np.arange(1.0, fewest), confidence)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95.0, math.nan])
def test_confidence_outside_0_and_1_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="a confidence lies between 0 and 1"):
        compute_interval([0.1] * 10, confidence)


# ---------------------------------------------------------------------------------------------------- p-value


@REPEATABLE
@given(seeds, st.integers(1, 60), st.sampled_from([0.0, 0.4, -3.0]))
def test_the_p_value_is_that_of_scipys_exact_test(seed: int, pairs: int, effect: float) -> None:
    differences = effect + np.random.default_rng(seed).standard_t(3, pairs)
    assert compute_p_value(differences) == pytest.approx(signed_rank_p(differences, 0.0), rel=1e-9)


@REPEATABLE
@given(seeds, st.integers(1, 60), st.sampled_from([0.0, 0.4, -3.0]), st.sampled_from([0.25, 1.0]))
def test_a_smallest_effect_is_subtracted_before_the_one_sided_test(
    seed: int, pairs: int, effect: float, smallest: float
) -> None:
    differences = effect + np.random.default_rng(seed).standard_t(3, pairs)
    greater = stats.wilcoxon(differences - smallest, method="exact", alternative="greater").pvalue
    less = stats.wilcoxon(differences + smallest, method="exact", alternative="less").pvalue
    expected = min(1.0, 2 * min(greater, less))
    assert compute_p_value(differences, smallest) == pytest.approx(expected, rel=1e-9)


@REPEATABLE
@given(rows_of_eighths, st.sampled_from([0.9, 0.95, 0.965]), st.sampled_from([0.0, 0.125, 10.0]))
def test_the_p_value_is_small_exactly_where_the_interval_leaves_the_smallest_effects_out(
    row: list[float], confidence: float, smallest: float
) -> None:
    low, high = compute_interval(row, confidence)
    assert (compute_p_value(row, smallest) <= 1 - confidence + 1e-12) == (low > smallest or high < -smallest)


@REPEATABLE
@given(rows_of_eighths)
def test_the_p_value_does_not_depend_on_the_direction(row: list[float]) -> None:
    assert compute_p_value(row, 0.5) == compute_p_value([-value for value in row], 0.5)


def test_false_alarm_rate_never_exceeds_the_p_value_even_with_ties() -> None:
    """Over all signs of tied magnitudes, with a zero among them."""
    signs = list(itertools.product((-1, 1), repeat=9))
    found = [compute_p_value(np.array([0, 1, 1, 1, 2, 2, 3, 3, 3]) * sign) for sign in signs]
    for level in sorted(set(found)):
        assert sum(p <= level for p in found) / len(signs) <= level + 1e-12


def test_differences_of_one_sign_have_the_smallest_p_value_that_the_pairs_allow() -> None:
    assert compute_p_value([0.07] * 12, 0.0025) == 2 / 2**12
    assert compute_p_value([0.002] * 40, 0.0025) == 1.0
    assert compute_p_value([0.0] * 12) == 1.0


def test_beyond_200_pairs_the_p_value_errs_towards_caution() -> None:
    differences = 0.25 + np.random.default_rng(8).standard_normal(240)
    assert compute_p_value(differences) == pytest.approx(signed_rank_p(differences, 0.0, "approx"), rel=1e-9)
    assert compute_p_value(differences) >= signed_rank_p(differences, 0.0)


# --------------------------------------------------------------------------------------------------- estimates


@REPEATABLE
@given(st.lists(EIGHTHS, min_size=1, max_size=12))
def test_hodges_lehmann_is_the_median_of_the_walsh_averages(row: list[float]) -> None:
    assert hodges_lehmann(row) == standard.median(walsh_averages(np.array(row)))


def test_outliers_below_29_percent_cannot_carry_the_estimate_away() -> None:
    row = [0.01, -0.01, 0.02, -0.02, 0.0, 0.01, -0.01, 1e9, 1e9]
    assert abs(hodges_lehmann(row)) <= 0.02


# ---------------------------------------------------------------------------------------------------- coverage

NOISES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda random, size: random.standard_normal(size),
    "three degrees of freedom": lambda random, size: random.standard_t(3, size) / math.sqrt(3),
    "one in twenty ten times as wild": lambda random, size: (
        np.where(random.random(size) < 0.05, 10.0, 1.0) * random.standard_normal(size)
    ),
    "no mean at all": lambda random, size: random.standard_cauchy(size) / 2,
    "uniform": lambda random, size: random.uniform(-math.sqrt(3), math.sqrt(3), size),
}


@pytest.mark.parametrize("noise", ["normal", "no mean at all"])
@pytest.mark.parametrize(("pairs", "covered"), [(12, 1 - 2 * 0.021240), (24, 1 - 2 * 0.024535)])
def test_the_coverage_at_a_fixed_number_of_pairs_is_that_of_the_null_distribution(
    noise: str, pairs: int, covered: float
) -> None:
    """The tails are those printed in tables of the signed-rank statistic: P(W ≤ 13 of 12), P(W ≤ 81 of 24)."""
    random, runs = np.random.default_rng(2), 2000
    ends = [compute_interval(0.3 + NOISES[noise](random, pairs)) for _ in range(runs)]
    share = sum(low <= 0.3 <= high for low, high in ends) / runs
    assert abs(share - covered) < 3 * math.sqrt(covered * (1 - covered) / runs)


def stop_by_width(differences: Floats, confidence: float, precision: float) -> Estimate:
    """What an adaptive run does: look, and stop at the first interval that is narrow enough."""
    for look in (look for look in ADAPTIVE_LOOKS if look <= differences.size):
        found = estimate(differences[:look], confidence)
        if is_precise_enough(found, precision):
            break
    return found


def coverage(noise: str, sigmas: float, confidence: float, runs: int) -> float:
    """How often the interval of an adaptive run covers the truth, for a sigma of that many times the precision."""
    random, precision, truth = np.random.default_rng(3), 0.01, math.log(2.288)
    covering = 0
    for _ in range(runs):
        noisy = truth + sigmas * precision * NOISES[noise](random, ADAPTIVE_LOOKS[-1])
        found = stop_by_width(noisy, confidence, precision)
        covering += found.low <= 2.288 <= found.high
    return covering / runs


@pytest.mark.parametrize(
    ("noise", "sigmas"),
    [
        ("normal", 1.2),
        ("normal", 2.2),
        ("three degrees of freedom", 2.7),
        ("one in twenty ten times as wild", 2.0),
        ("no mean at all", 1.5),
        ("uniform", 1.5),
    ],
)
def test_the_coverage_survives_stopping_at_the_first_narrow_interval(noise: str, sigmas: float) -> None:
    """16,000 runs of each found 96.4, 95.7, 95.9, 95.7, 96.6 and 95.1 %; 1,200 runs scatter by 0.6 %."""
    assert coverage(noise, sigmas, choose_adaptive_confidence(0.95), 1200) >= 0.94


@pytest.mark.statistical
def test_coverage_erodes_when_looks_are_not_corrected_for() -> None:
    """The reason for ``looking_confidence``: 24,000 runs found 93.9 and 95.6 %; here both see the same 1,200 runs."""
    plain, paid = (coverage("normal", 2.2, confidence, 1200) for confidence in (0.95, choose_adaptive_confidence(0.95)))
    assert 0.93 <= plain < 0.95
    assert paid >= plain + 0.01


# ------------------------------------------------------------------------------------------------------ doubts


@REPEATABLE
@given(st.lists(st.integers(0, 12), min_size=4, max_size=40))
def test_the_halves_are_compared_as_scipys_rank_sum_test_does(row: list[float]) -> None:
    first, rest = row[: len(row) // 2], row[len(row) // 2 :]
    if len(set(row)) == 1:
        assert not halves_disagree(row, level=0.999)
        return
    p = stats.mannwhitneyu(first, rest, method="asymptotic", use_continuity=True).pvalue
    assert not halves_disagree(row, level=p * 0.999)
    assert p > 0.999 or halves_disagree(row, level=p * 1.001)


def row_with_rank_sum(first: int, second: int, excess: int) -> list[float]:
    """Ranks whose first ones sum to the least possible and this excess (the Mann–Whitney U)."""
    whole, part = divmod(excess, second)
    ranks = [rank + (second if rank > first - whole else 0) for rank in range(1, first + 1)]
    if part:
        ranks[first - whole - 1] += part
    rest = sorted(set(range(1, first + second + 1)) - set(ranks))
    return [float(rank) for rank in ranks + rest]


@pytest.mark.parametrize("pairs", [8, 9, 12, 17, 24, 33])
def test_halves_disagree_only_when_the_exact_test_agrees(pairs: int) -> None:
    first, second = pairs // 2, pairs - pairs // 2
    disagreeing = 0
    for excess in range(first * second + 1):
        row = row_with_rank_sum(first, second, excess)
        if halves_disagree(row):
            assert stats.mannwhitneyu(row[:first], row[first:], method="exact").pvalue <= 0.01
            disagreeing += 1
    assert disagreeing > 0 or pairs < 11


def test_a_step_in_the_middle_makes_the_halves_disagree() -> None:
    noise = np.random.default_rng(5).standard_normal(24) * 0.01
    assert not halves_disagree(noise)
    assert halves_disagree(noise + np.repeat([0.0, 0.03], 12))


def test_neighbours_that_alternate_or_drift_are_correlated() -> None:
    noise = np.random.default_rng(6).standard_normal(400)
    assert compute_autocorrelation([1.0, -1.0] * 50) == pytest.approx(-0.99)
    assert compute_autocorrelation(noise.cumsum()) > 0.9
    assert abs(compute_autocorrelation(noise)) < 2 / math.sqrt(400)
    assert compute_autocorrelation([0.3, 0.3, 0.3]) == 0.0


@REPEATABLE
@given(st.lists(EIGHTHS, min_size=2, max_size=30), EIGHTHS)
def test_autocorrelation_and_sigma_do_not_depend_on_the_effect(row: list[float], effect: float) -> None:
    shifted = [value + effect for value in row]
    assert -1 <= compute_autocorrelation(row) <= 1
    assert compute_autocorrelation(shifted) == pytest.approx(compute_autocorrelation(row), abs=1e-6)
    assert compute_sigma(row) == pytest.approx(standard.stdev(row))
    assert compute_sigma(shifted) == pytest.approx(compute_sigma(row))


# ---------------------------------------------------------------------------------------------------- estimate


def test_an_estimate_stands_on_the_scale_of_ratios() -> None:
    row = np.log(2.288) + np.array([-0.02, 0.01, 0.0, 0.02, -0.01, 0.03, -0.03, 0.005])
    found = estimate(row)
    low, high = compute_interval(row)
    assert found.ratio == pytest.approx(math.exp(hodges_lehmann(row)))
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert (found.pairs, found.sigma) == (8, compute_sigma(row))
    assert found.autocorrelation == compute_autocorrelation(row)
    assert found.halves_disagree is False
    assert 2.2 < found.low < found.ratio < found.high < 2.35


def test_exchanged_sides_give_the_reciprocal() -> None:
    row = np.random.default_rng(7).normal(0.7, 0.02, 17)
    there, back = estimate(row), estimate(-row)
    assert (1 / back.ratio, 1 / back.high, 1 / back.low) == pytest.approx((there.ratio, there.low, there.high))


def test_interval_must_be_narrow_on_each_side() -> None:
    def with_ends(low: float, high: float) -> Estimate:
        return Estimate(2.0, low, high, 12, 0.01, 0.0, False)

    assert is_precise_enough(with_ends(1.981, 2.019), 0.01)
    assert not is_precise_enough(with_ends(1.979, 2.019), 0.01)
    assert not is_precise_enough(with_ends(1.981, 2.021), 0.01)
    assert is_precise_enough(with_ends(1.979, 2.021), 0.02)


@pytest.mark.parametrize("precision", [0.0, -0.01, math.nan, math.inf])
def test_a_precision_that_is_none_is_refused(precision: float) -> None:
    with pytest.raises(ValueError, match="a precision is a positive share"):
        is_precise_enough(Estimate(1.0, 1.0, 1.0, 8, 0.0, 0.0, False), precision)


def test_adaptive_looks_are_fixed_beforehand() -> None:
    assert ADAPTIVE_LOOKS == (8, 12, 17, 24, 34, 48, 68, 96, 136)


@pytest.mark.parametrize(
    "measure", [estimate, hodges_lehmann, compute_interval, compute_sigma, compute_autocorrelation]
)
@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_a_difference_that_is_no_number_is_named(measure: Callable[[list[float]], object], strange: float) -> None:
    with pytest.raises(ValueError, match=f"difference 4 of 8 is {strange}: not a finite number"):
        measure([0.1, 0.2, 0.3, strange, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("measure", "fewest"), [(hodges_lehmann, 1), (compute_sigma, 2), (compute_autocorrelation, 2), (halves_disagree, 2)]
)
def test_too_few_differences_are_refused(measure: Callable[[list[float]], object], fewest: int) -> None:
    with pytest.raises(ValueError, match=f"at least {fewest} differences"):
        measure([0.1] * (fewest - 1))
