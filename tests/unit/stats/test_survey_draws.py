"""Draws of batches: repeatable, extensible, in proportion to size, and unbiased by their inclusion probabilities."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.stats.survey_draws import (
    compute_inclusion,
    compute_shares,
    compute_target_inclusion,
    draw_distinct_batches,
)

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=60)

SIZES = [5.0, 0.0, 20.0, 1.0, 10.0, 2.0, 40.0, 1.0]

size_lists = st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(any)
seeds = st.integers(0, 2**40)


def test_draws_of_a_seed_are_the_same_for_ever() -> None:
    """A saved plan and its shards on other machines depend on them."""
    draws = draw_distinct_batches(SIZES, 4, seed=7)
    assert draws.indices.tolist() == [6, 2, 4, 0]
    assert draws.thresholds == pytest.approx([0.01793249, 0.02660584, 0.1558804, 0.27021424], rel=1e-6)


@REPEATABLE
@given(size_lists, seeds, st.integers(0, 50), st.integers(0, 50))
def test_fewer_draws_are_the_first_of_more(sizes: list[int], seed: int, count: int, more: int) -> None:
    few, many = draw_distinct_batches(sizes, count, seed), draw_distinct_batches(sizes, count + more, seed)
    assert many.indices[:count].tolist() == few.indices.tolist()
    assert many.thresholds[:count].tolist() == few.thresholds.tolist()


@REPEATABLE
@given(size_lists, seeds)
def test_every_batch_with_bytes_is_drawn_once_and_no_other(sizes: list[int], seed: int) -> None:
    draws = draw_distinct_batches(sizes, len(sizes) + 3, seed)
    assert sorted(draws.indices.tolist()) == [index for index, size in enumerate(sizes) if size]
    assert math.isinf(draws.thresholds[-1])


@REPEATABLE
@given(size_lists, seeds)
def test_thresholds_grow_and_lie_above_the_keys_of_their_sample(sizes: list[int], seed: int) -> None:
    draws = draw_distinct_batches(sizes, len(sizes), seed)
    assert draws.thresholds.tolist() == sorted(draws.thresholds.tolist())
    assert (draws.thresholds > 0).all()
    assert draws.thresholds.shape == draws.indices.shape


@REPEATABLE
@given(size_lists, seeds, st.sampled_from([2.0, 1024.0, 0.25]))
def test_unit_of_the_sizes_changes_neither_draws_nor_probabilities(sizes: list[int], seed: int, unit: float) -> None:
    plain, scaled = draw_distinct_batches(sizes, 9, seed), draw_distinct_batches(np.array(sizes) * unit, 9, seed)
    assert plain.indices.tolist() == scaled.indices.tolist()
    measures = np.array(sizes, dtype=float)[plain.indices]
    chances = compute_inclusion(measures, plain.thresholds[-1])
    assert compute_inclusion(measures * unit, scaled.thresholds[-1]).tolist() == chances.tolist()


def test_seeds_give_different_draws_and_larger_batches_come_first_more_often() -> None:
    orders = {tuple(draw_distinct_batches(SIZES, 7, seed).indices.tolist()) for seed in range(50)}
    assert len(orders) > 25
    first = Counter(int(draw_distinct_batches(SIZES, 1, seed).indices[0]) for seed in range(2000))
    assert first[6] > first[2] > first[4] > first[0] > first[3]


def test_sums_over_the_corpus_are_estimated_without_bias() -> None:
    """Of something that has nothing to do with the sizes; 20,000 seeds, within 4 standard errors."""
    values = np.array([3.0, 0.0, 1.0, 7.0, 2.0, 5.0, 4.0, 6.0])
    sizes = np.array(SIZES)
    for count in (2, 4, 6):
        estimates = []
        for seed in range(20_000):
            draws = draw_distinct_batches(SIZES, count, seed)
            chances = compute_inclusion(sizes[draws.indices], draws.thresholds[-1])
            estimates.append(float((values[draws.indices] / chances).sum()))
        error = np.std(estimates) / math.sqrt(len(estimates))
        assert abs(np.mean(estimates) - values.sum()) < 4 * error


def test_large_batches_are_certain_and_small_ones_in_proportion_to_their_size() -> None:
    assert compute_inclusion([1.0, 2.0, 8.0], 0.25).tolist() == [0.25, 0.5, 1.0]
    assert compute_inclusion([1.0, 2.0], math.inf).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("measures", "threshold"), [([0.0], 1.0), ([-1.0], 1.0), ([1.0], 0.0), ([1.0], math.nan)])
def test_measures_and_thresholds_that_are_not_positive_are_refused(measures: list[float], threshold: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        compute_inclusion(measures, threshold)


# -------------------------------------------------------------------------------------------------- probabilities


def test_shares_are_parts_of_the_bytes() -> None:
    assert compute_shares([1, 0, 3, 4]).tolist() == [0.125, 0.0, 0.375, 0.5]


def test_target_probabilities_by_hand() -> None:
    shares = np.array([0.1, 0.5, 0.3, 0.1])
    assert compute_target_inclusion(shares, 1) == pytest.approx([0.1, 0.5, 0.3, 0.1])
    assert compute_target_inclusion(shares, 2) == pytest.approx([0.2, 1.0, 0.6, 0.2])
    assert compute_target_inclusion(shares, 3) == pytest.approx([0.5, 1.0, 1.0, 0.5])
    assert compute_target_inclusion(shares, 4).tolist() == [1.0] * 4
    assert compute_target_inclusion(shares, 0).tolist() == [0.0] * 4
    assert compute_target_inclusion(np.array([0.5, 0.0, 0.5]), 2) == pytest.approx([1.0, 0.0, 1.0])


@REPEATABLE
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30), st.data())
def test_target_probabilities_sum_to_the_draws_and_follow_the_sizes(sizes: list[int], data: st.DataObject) -> None:
    shares = compute_shares(sizes)
    draws = data.draw(st.integers(1, len(sizes)))
    chances = compute_target_inclusion(shares, draws)
    assert chances.sum() == pytest.approx(draws)
    assert chances.max() <= 1 + 1e-12
    uncertain = chances < 1 - 1e-9
    assert np.ptp(chances[uncertain] / shares[uncertain]) <= 1e-9 * draws / shares.min() if uncertain.any() else True


@pytest.mark.parametrize("draws", [-1, 3])
def test_sample_larger_than_the_corpus_has_no_probabilities(draws: int) -> None:
    with pytest.raises(ValueError, match="a sample has 0 to 2"):
        compute_target_inclusion(np.array([0.5, 0.5, 0.0]), draws)


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("sizes", [[], [0.0, 0.0], [-1.0, 2.0], [math.nan], [math.inf], [[1.0]]])
def test_corpus_without_bytes_is_refused(sizes: list[float]) -> None:
    with pytest.raises(ValueError, match="batches with sizes"):
        draw_distinct_batches(sizes, 3, 1)


def test_negative_number_of_draws_is_refused_and_none_is_none() -> None:
    with pytest.raises(ValueError, match="not negative: -1"):
        draw_distinct_batches(SIZES, -1, 1)
    assert draw_distinct_batches(SIZES, 0, 1).indices.tolist() == []
