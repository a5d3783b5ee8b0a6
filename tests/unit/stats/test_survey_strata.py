"""Strata and percentiles of a surveyed corpus: by hand, against NumPy, and without bias."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.stats import survey
from perfbench.stats.survey_draws import compute_inclusion, draw_distinct_batches
from perfbench.stats.survey_error import PairNoise
from perfbench.stats.survey_strata import (
    compute_effective_draws,
    estimate_byte_percentiles,
    estimate_percentiles,
    estimate_strata,
    weighted_quantile,
)

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)

finite = st.floats(-1e6, 1e6)


# --------------------------------------------------------------------------------------------------------- strata


def make_draws(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    before = rng.lognormal(0, 0.5, count)
    return before, before * rng.lognormal(0, 0.1, count), rng.uniform(0.001, 0.02, count)


def test_stratum_has_the_estimate_of_its_own_draws() -> None:
    before, after, shares = make_draws(20)
    labels = ["racing"] * 12 + ["football"] * 8
    noise, chances = PairNoise(0.03, 0.1), np.linspace(0.1, 1, 20)
    strata = {
        stratum.label: stratum
        for stratum in estimate_strata(labels, before, after, shares, 0.9, inclusion=chances, noise=noise)
    }
    inside = slice(0, 12)
    assert strata["racing"].estimate == survey.estimate_ratio(
        before[inside], after[inside], shares[inside], 0.9, inclusion=chances[inside], noise=noise
    )
    again = {stratum.label: stratum.estimate for stratum in estimate_strata(labels, before, after, shares)}
    assert again["football"] == survey.estimate_ratio(before[12:], after[12:], shares[12:])


def test_shares_of_bytes_and_seconds_by_hand_and_largest_first() -> None:
    strata = estimate_strata(["a", "b", "b", "c"], [1.0, 2.0, 3.0, 20.0], [1.0] * 4, [0.1, 0.2, 0.2, 0.1])
    assert [stratum.label for stratum in strata] == ["c", "b", "a"]
    assert [stratum.share_of_bytes for stratum in strata] == pytest.approx([0.25, 0.5, 0.25])
    assert [stratum.share_of_seconds for stratum in strata] == pytest.approx([200 / 235, 25 / 235, 10 / 235])
    chances = [0.5, 1.0, 1.0, 0.25]
    drawn = estimate_strata(
        ["a", "b", "b", "c"], [1.0, 2.0, 3.0, 20.0], [1.0] * 4, [0.1, 0.2, 0.2, 0.1], inclusion=chances
    )
    assert [stratum.share_of_bytes for stratum in drawn] == pytest.approx([0.4, 0.4, 0.2])
    assert [stratum.share_of_seconds for stratum in drawn] == pytest.approx([80 / 87, 5 / 87, 2 / 87])


def test_strata_of_the_same_seconds_stand_in_the_order_of_their_labels() -> None:
    strata = estimate_strata(["z", "y"], [1.0, 1.0], [1.0, 1.0], [0.1, 0.1])
    assert [stratum.label for stratum in strata] == ["y", "z"]


def test_stratum_with_five_draws_has_a_ratio_and_no_interval() -> None:
    before, after, shares = make_draws(11)
    few, many = sorted(
        estimate_strata(["few"] * 5 + ["many"] * 6, before, after, shares), key=lambda stratum: stratum.label
    )
    assert not few.has_interval
    assert math.isfinite(few.estimate.ratio)
    assert many.has_interval


def test_draws_and_labels_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="3 draws need as many labels, not 2"):
        estimate_strata(["a", "b"], [1.0] * 3, [1.0] * 3, [0.1] * 3)


@pytest.mark.statistical
def test_interval_of_a_stratum_covers_its_own_ratio() -> None:
    rng = np.random.default_rng(11)
    runs = hits = 0
    for seed in range(1500):
        if seed % 25 == 0:
            sizes, labels = rng.lognormal(0, 1.3, 2000), np.array(["a", "b", "b"])[rng.integers(0, 3, 2000)]
            before = sizes * rng.lognormal(0, 0.35, 2000)
            after = before * rng.lognormal(0, 0.18, 2000) * np.where(labels == "a", 1.3, 1.0)
        sample = draw_distinct_batches(sizes, 72, seed)
        drawn = sample.indices
        chances = compute_inclusion(sizes[drawn], sample.thresholds[-1])
        shares = sizes[drawn] / sizes.sum()
        strata = estimate_strata(
            list(labels[drawn]), before[drawn], after[drawn], shares, inclusion=chances, noise=PairNoise(0.0, 0.0)
        )
        for stratum in strata:
            inside = labels == stratum.label
            runs += 1
            hits += stratum.estimate.low <= after[inside].sum() / before[inside].sum() <= stratum.estimate.high
    slack = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert 0.93 - slack <= hits / runs <= 0.97 + slack


# ---------------------------------------------------------------------------------------------------- percentiles


@REPEATABLE
@given(st.lists(finite, min_size=1, max_size=30), st.floats(0, 1))
def test_equal_weights_give_the_quantile_of_hazen(values: list[float], probability: float) -> None:
    expected = np.quantile(values, probability, method="hazen")
    assert weighted_quantile(values, [3.0] * len(values), probability) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@REPEATABLE
@given(st.lists(st.tuples(finite, st.integers(0, 5)), min_size=1, max_size=20), st.floats(0, 1))
def test_quantile_ignores_values_without_weight_and_never_leaves_the_others(
    rows: list[tuple[float, int]], probability: float
) -> None:
    if not any(weight for _, weight in rows):
        return
    values, weights = zip(*rows, strict=True)
    weighted = [value for value, weight in rows if weight]
    quantile = weighted_quantile(values, weights, probability)
    assert min(weighted) <= quantile <= max(weighted)
    assert quantile == weighted_quantile(weighted, [weight for weight in weights if weight], probability)


def test_quantile_lies_between_the_middles_of_the_weights_by_hand() -> None:
    """Weights 1, 2, 1 have their middles at 1/8, 1/2 and 7/8."""
    values, weights = [30.0, 10.0, 20.0], [1.0, 1.0, 2.0]
    assert weighted_quantile(values, weights, 0.125) == 10.0
    assert weighted_quantile(values, weights, 0.5) == 20.0
    assert weighted_quantile(values, weights, 0.875) == 30.0
    assert weighted_quantile(values, weights, 0.3125) == pytest.approx(15.0)
    assert weighted_quantile(values, weights, 0.0) == 10.0
    assert weighted_quantile(values, weights, 1.0) == 30.0


@pytest.mark.parametrize(
    ("values", "weights", "probability", "message"),
    [
        ([], [], 0.5, "needs a weight"),
        ([1.0], [1.0, 2.0], 0.5, "needs a weight"),
        ([math.nan], [1.0], 0.5, "finite"),
        ([1.0], [-1.0], 0.5, "not negative"),
        ([1.0], [0.0], 0.5, "not all zero"),
        ([1.0], [1.0], 1.1, "between 0 and 1"),
        ([1.0], [1.0], -0.1, "between 0 and 1"),
    ],
)
def test_quantile_refuses_what_it_cannot_weigh(
    values: list[float], weights: list[float], probability: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        weighted_quantile(values, weights, probability)


def test_market_percentiles_weigh_draws_by_the_markets_that_they_stand_for() -> None:
    before, ratios = np.geomspace(0.5, 8.0, 40), np.linspace(1.0, 2.0, 40)
    after, chances = before * ratios, np.where(np.arange(40) < 20, 1.0, 0.25)
    plain = estimate_percentiles(before, after, chances)
    assert plain.median == pytest.approx(weighted_quantile(ratios, 1 / chances, 0.5))
    assert plain.low == pytest.approx(weighted_quantile(ratios, 1 / chances, 0.05))
    assert plain.high == pytest.approx(weighted_quantile(ratios, 1 / chances, 0.95))
    assert plain.effective == pytest.approx(100**2 / (20 + 20 * 16))
    equal = estimate_percentiles(before, after, np.full(40, 0.5))
    assert equal.median == pytest.approx(np.quantile(ratios, 0.5, method="hazen"))
    assert equal.effective == pytest.approx(40)


def test_byte_percentiles_weigh_draws_by_their_bytes() -> None:
    before, ratios = np.geomspace(0.5, 8.0, 40), np.linspace(1.0, 2.0, 40)
    after = before * ratios
    shares, chances = np.full(40, 0.01), np.where(np.arange(40) < 20, 1.0, 0.25)
    of_bytes = estimate_byte_percentiles(before, after, shares, inclusion=chances)
    assert of_bytes.median == pytest.approx(weighted_quantile(ratios, 1 / chances, 0.5))
    again = estimate_byte_percentiles(before, after, np.linspace(0.001, 0.1, 40))
    assert again.median == pytest.approx(1.5)
    assert again.effective == pytest.approx(40)


def test_outer_percentiles_take_twenty_effective_draws() -> None:
    nineteen = estimate_percentiles(np.ones(19), np.linspace(1, 2, 19), np.full(19, 0.1))
    assert math.isnan(nineteen.low)
    assert math.isnan(nineteen.high)
    assert nineteen.median == pytest.approx(1.5)
    twenty = estimate_percentiles(np.ones(20), np.linspace(1, 2, 20), np.full(20, 0.125))
    assert 1.0 <= twenty.low < twenty.median < twenty.high <= 2.0


def test_effective_draws_by_hand() -> None:
    assert compute_effective_draws(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
