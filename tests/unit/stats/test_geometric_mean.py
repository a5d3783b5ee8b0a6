"""The geometric mean of ratios with its interval: against hand-made numbers, and its coverage with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfbench.stats import signed_rank
from perfbench.stats.geometric_mean import RatioInterval, combine_ratios


def around(ratio: float, share: float) -> RatioInterval:
    """A ratio with an interval that is symmetrical on the logarithmic scale."""
    return RatioInterval(ratio, ratio / (1 + share), ratio * (1 + share))


def test_mean_of_a_ratio_and_its_inverse_is_one_whichever_side_is_the_reference() -> None:
    mean = combine_ratios([around(2.0, 0.1), around(0.5, 0.1)])
    assert mean.ratio == pytest.approx(1.0)
    turned = combine_ratios([around(0.5, 0.1), around(2.0, 0.1)])
    assert (turned.low, turned.high) == pytest.approx((1 / mean.high, 1 / mean.low))


def test_interval_of_equal_tables_shrinks_with_the_root_of_their_number() -> None:
    for count in (1, 4, 9):
        mean = combine_ratios([around(1.5, 0.06)] * count)
        assert mean.ratio == pytest.approx(1.5)
        assert math.log(mean.high / mean.ratio) == pytest.approx(math.log(1.06) / math.sqrt(count))
        assert math.log(mean.ratio / mean.low) == pytest.approx(math.log(1.06) / math.sqrt(count))


def test_each_end_comes_from_the_same_ends_of_the_tables() -> None:
    mean = combine_ratios(
        [RatioInterval(1.0, math.exp(-0.03), math.exp(0.3)), RatioInterval(1.0, math.exp(-0.04), math.exp(0.4))]
    )
    assert math.log(mean.low) == pytest.approx(-0.05 / 2)
    assert math.log(mean.high) == pytest.approx(0.5 / 2)


def test_mean_has_no_interval_where_a_table_has_none() -> None:
    mean = combine_ratios([around(2.0, 0.1), RatioInterval(8.0, 0.0, math.inf)])
    assert mean.ratio == pytest.approx(4.0)
    assert (mean.low, mean.high) == (0.0, math.inf)
    assert not mean.is_bounded


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.inf, math.nan])
def test_ratio_that_has_no_logarithm_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="positive finite"):
        combine_ratios([around(1.0, 0.1), RatioInterval(ratio, 0.5, 2.0)])


def test_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        combine_ratios([])


def count_covered(noise: np.ndarray, sigmas: list[float], confidence: float) -> tuple[int, int]:
    """How many of the simulated runs have a mean whose interval covers 1, and how many there are.

    :param noise: runs × tables × pairs, of standard deviation 1.
    """
    covered = 0
    for run in noise:
        estimates = [signed_rank.estimate(sigma * pairs, confidence) for sigma, pairs in zip(sigmas, run, strict=True)]
        mean = combine_ratios([RatioInterval(e.ratio, e.low, e.high) for e in estimates])
        covered += mean.low <= 1.0 <= mean.high
    return covered, len(noise)


@pytest.mark.parametrize("pairs", [8, 24])
def test_interval_covers_the_mean_of_three_files(pairs: int) -> None:
    noise = np.random.default_rng(7).standard_normal((300, 3, pairs))
    covered, total = count_covered(noise, [0.015, 0.015, 0.015], 0.95)
    assert covered / total > 0.93  # 95 % less two standard errors of 300 runs


@pytest.mark.statistical
@pytest.mark.parametrize("tables", [2, 5])
@pytest.mark.parametrize("pairs", [6, 12, 48])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "one noisy file"])
def test_interval_covers_in_95_of_100_runs(tables: int, pairs: int, kind: str) -> None:
    dice = np.random.default_rng(11)
    shape = (2000, tables, pairs)
    noise = dice.standard_t(3, shape) / math.sqrt(3) if kind == "heavy tails" else dice.standard_normal(shape)
    sigmas = [0.05 if kind == "one noisy file" and not number else 0.01 for number in range(tables)]
    covered, total = count_covered(noise, sigmas, 0.95)
    assert covered / total > 0.94


@pytest.mark.statistical
def test_interval_of_independent_tables_is_narrower_than_that_of_one_and_not_too_narrow() -> None:
    """A method that ignores the number of tables, or adds widths instead of variances, fails one of the two."""
    dice = np.random.default_rng(13)
    widths, misses = [], 0
    for _ in range(1000):
        estimates = [signed_rank.estimate(0.02 * dice.standard_normal(48)) for _ in range(4)]
        mean = combine_ratios([RatioInterval(e.ratio, e.low, e.high) for e in estimates])
        widths.append(math.log(mean.high / mean.low) / np.mean([math.log(e.high / e.low) for e in estimates]))
        misses += not mean.low <= 1.0 <= mean.high
    assert np.mean(widths) == pytest.approx(0.5, abs=0.02)
    assert 25 <= misses <= 70
