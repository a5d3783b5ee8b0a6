"""A census: sums, and intervals of the noise alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from perfbench.stats import survey
from perfbench.stats.survey_census import (
    Noise,
    count_repeats,
    estimate_noise,
    estimate_pair_noise,
    measure_ratio,
    measure_total,
)
from perfbench.stats.survey_error import PairNoise


def test_noise_is_pooled_within_repeated_batches() -> None:
    noise = estimate_noise([3, 1, 3, 2, 3, 1], [1.0, 5.0, 2.0, 9.0, 3.0, 5.5])
    assert noise is not None
    assert noise.sigma == pytest.approx(math.sqrt((1 + 0 + 1 + 0.125) / 3))
    assert noise.degrees == 3


def test_noise_of_batches_measured_once_is_not_known() -> None:
    assert estimate_noise([0, 1, 2], [1.0, 2.0, 3.0]) is None
    assert estimate_pair_noise([0, 1], [1.0, 2.0], [1.0, 2.0]) is None


def test_noise_of_a_pair_is_that_of_its_ratio_and_of_the_seconds_before() -> None:
    before, after = [1.0, 2.0, 5.0], [1.1, 2.0, 6.0]
    noise = estimate_pair_noise([0, 0, 1], before, after)
    assert noise is not None
    assert noise.speed == pytest.approx(math.log(2) / math.sqrt(2))
    assert noise.pair == pytest.approx(math.log(1.1) / math.sqrt(2))
    assert noise.degrees == 1


def test_total_of_a_census_is_the_sum_of_its_batches_each_counted_once() -> None:
    total = measure_total([0, 1, 1, 2], [4.0, 2.0, 4.0, 3.0], Noise(0.1, math.inf))
    assert total.total == pytest.approx(4 + 3 + 3)
    error = 0.1 * math.sqrt(0.4**2 + 0.3**2 / 2 + 0.3**2)
    assert total.high == pytest.approx(10 * math.exp(stats.norm.isf(0.025) * error))
    assert total.low == pytest.approx(10 * math.exp(-stats.norm.isf(0.025) * error))
    assert (total.draws, total.scatter) == (4, 0.1)
    assert total.noise_error == pytest.approx(error)


def test_total_without_noise_has_no_ends() -> None:
    total = measure_total([0, 1], [4.0, 2.0], None)
    assert (total.total, total.low, total.high) == (6.0, 0.0, math.inf)
    assert math.isnan(total.scatter)


def test_ratio_of_a_census_has_the_noise_of_pairs_and_of_the_speed() -> None:
    batches, before, after = [0, 1, 1, 2], [4.0, 2.0, 4.0, 3.0], [4.0, 3.0, 5.0, 6.0]
    ratio = measure_ratio(batches, before, after, Noise(0.03, 12.0), 0.9)
    parts, leverages, counts = np.array([4, 4, 6]) / 14, np.array([4, 3, 3]) / 10, np.array([1, 2, 1])
    speed = math.log(2) / math.sqrt(2)
    error = math.sqrt(float((((0.03 * parts) ** 2 + (speed * (parts - leverages)) ** 2) / counts).sum()))
    assert ratio.ratio == pytest.approx(1.4)
    assert ratio.noise_error == pytest.approx(error)
    assert math.log(ratio.high / 1.4) == pytest.approx(stats.t.isf(0.05, 12) * error)
    assert math.log(ratio.low / 1.4) == pytest.approx(-stats.t.isf(0.05, 12) * error)
    assert (ratio.draws, ratio.spread, ratio.confidence) == (4, 0.0, 0.9)


def test_ratio_without_noise_takes_the_scatter_for_it() -> None:
    batches, before, after = [0, 1, 2], [4.0, 3.0, 3.0], [4.0, 4.0, 6.0]
    ratio = measure_ratio(batches, before, after, None)
    assert ratio.scatter > 0.2
    bounded = measure_ratio(batches, before, after, Noise(ratio.scatter, 2.0))
    assert (ratio.low, ratio.high) == (bounded.low, bounded.high)
    assert math.isinf(measure_ratio([0], [4.0], [5.0], None).high)


def test_census_by_either_way_is_the_same() -> None:
    before, after, noise = [4.0, 1.0, 3.0, 8.0], [5.0, 1.0, 3.5, 6.0], PairNoise(0.03, 0.0, 9.0)
    counted = measure_ratio([0, 1, 2, 3], before, after, Noise(0.03, 9.0))
    surveyed = survey.estimate_ratio(before, after, [0.4, 0.1, 0.2, 0.3], inclusion=[1.0] * 4, noise=noise)
    assert (counted.ratio, counted.low, counted.high) == pytest.approx((surveyed.ratio, surveyed.low, surveyed.high))


def test_second_pairs_are_measured_where_the_sample_is_a_large_part_of_the_corpus() -> None:
    assert count_repeats([0.1] * 50) == 0
    assert count_repeats([0.05] * 50 + [1.0] * 10) == 12
    assert count_repeats([1.0] * 5) == 5
    assert count_repeats([]) == 0


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [math.nan] * 3])
def test_measurements_that_cannot_be_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"each measurement has a batch|measurements are finite"):
        estimate_noise([0, 1, 2], values)


def test_seconds_that_are_not_positive_are_refused() -> None:
    for measure in (
        lambda seconds: measure_total([0, 1], seconds, None),
        lambda seconds: measure_ratio([0, 1], seconds, [1.0, 1.0], None),
        lambda seconds: measure_ratio([0, 1], [1.0, 1.0], seconds, None),
        lambda seconds: estimate_pair_noise([0, 0], seconds, [1.0, 1.0]),
    ):
        with pytest.raises(ValueError, match="finite and positive"):
            measure([1.0, 0.0])


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence lies between"):
        measure_total([0], [1.0], None, confidence)


@pytest.mark.statistical
def test_interval_of_a_census_covers_the_truth_with_noise_from_twelve_repeats() -> None:
    rng = np.random.default_rng(8)
    before = rng.lognormal(0, 1.3, 60)
    after = before * rng.lognormal(0, 0.18, 60)
    batches = np.concatenate([np.arange(60), np.arange(12)])
    hits = np.zeros(2)
    for _ in range(2000):
        speed = np.exp(0.1 * rng.standard_normal(72) - 0.005)
        first, second = before[batches] * speed, after[batches] * speed * np.exp(0.03 * rng.standard_normal(72))
        noise = estimate_noise(batches, np.log(second / first))
        ratio = measure_ratio(batches, first, second, noise)
        total = measure_total(batches, first, estimate_noise(batches, np.log(first)))
        hits += ratio.low <= after.sum() / before.sum() <= ratio.high, total.low <= before.sum() <= total.high
    slack = 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert all(0.93 - slack <= share <= 0.97 + slack for share in hits / 2000)
