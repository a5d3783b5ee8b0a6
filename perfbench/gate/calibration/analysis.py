"""Analysis of calibration pairs: noise, false alarms, and detection of injected slowdowns (docs/concepts/calibration.md).

The pairs give their scatter and bias; the verdicts of gates on unchanged code, live in order of time and resampled; those of gates
on slowed code; and the verdicts that the same passes would have given, had all of one side run before the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

import numpy as np
from numpy.typing import NDArray

from perfbench.model import Verdict
from perfbench.stats import sequential, signed_rank
from perfbench.stats.verdict_bounds import MIN_EFFECT, STANDARD_BOUNDS

RESAMPLE_COUNT = 3000
BLOCK_LENGTH = 6
"""Pairs that stay together when resampled, so that neighbours may be alike."""

EARLY_LOOK = 17
"""Pairs after which a gate can detect twice the smallest change."""

GROUP_SIZE = 12
"""Passes of a side in a comparison that runs one side after the other."""

WELCH_CRITICAL_T = 2.074
"""The two-sided 5 % point of Student's t with 22 degrees of freedom, those of two groups of 12."""

MINIMUM_TOLERANCE = 0.05
"""Tolerance of the fastest pass: pytest-benchmark's ``min:5%``."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proportion:
    """``count`` of ``tried``, with the 95 % interval of Wilson (*Probable inference*, JASA 22, 1927)."""

    count: int
    tried: int

    @property
    def share(self) -> float:
        """``count`` / ``tried``; not a number without a trial."""
        return self.count / self.tried if self.tried else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end; 0 to 1 without a trial."""
        if not self.tried:
            return 0.0, 1.0
        z, n = NormalDist().inv_cdf(0.975), self.tried
        middle = (self.share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(self.share * (1 - self.share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class SlowdownDetection:
    """The detection of a slowdown by the share ``injected``: the estimated ratio, and how often a gate detects it.

    ``detected`` with all pairs, ``early`` with 17 of them, and ``in_time`` with as many as a gate has time for.
    """

    injected: float
    ratio: float
    low: float
    high: float
    pairs: int
    detected: Proportion
    early: Proportion
    in_time: Proportion

    @property
    def recovered(self) -> bool:
        """Whether the interval contains the injected slowdown."""
        return self.low <= 1 + self.injected <= self.high


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sigma`` of a pair, the ``bias`` of two builds of one release with its interval as log ratios, and the false alarms.

    ``live`` and ``resampled`` are false alarms of gates on unchanged code; ``mean`` and ``minimum`` those of comparisons that run
    one side after the other and decide by a t-test, or by the fastest pass. ``looks`` are those of the gates.
    """

    pairs: int
    sigma: float
    bias: float
    bias_low: float
    bias_high: float
    autocorrelation: float
    looks: tuple[int, ...]
    live: Proportion
    resampled: Proportion
    mean: Proportion
    minimum: Proportion

    def compute_detectable(self, pairs: int) -> float:
        """The smallest change, as a share, that a gate with these looks detects with this many pairs."""
        return sequential.compute_detectable(self.sigma, pairs, sequential.compute_level(self.looks), MIN_EFFECT)


def analyse_unchanged(differences: Sequence[float], seconds: Sequence[float], most: int, seed: int) -> Calibration:
    """Analyse the log ratios of unchanged code and the seconds of one side, both in order of time.

    :param most: pairs that a gate would have. Raises ValueError for fewer than 12 pairs.
    """
    looks = sequential.select_looks(most)
    level = sequential.compute_level(looks)
    estimate = signed_rank.estimate(differences)
    rng = np.random.default_rng(seed)
    values = np.asarray(differences)
    return Calibration(
        pairs=estimate.pairs,
        sigma=estimate.sigma,
        bias=math.log(estimate.ratio),
        bias_low=math.log(estimate.low),
        bias_high=math.log(estimate.high),
        autocorrelation=estimate.autocorrelation,
        looks=looks,
        live=_count_regressed(_split_windows(values, looks), looks, level),
        resampled=_count_regressed((_flip_blocks(values, looks[-1], rng) for _ in range(RESAMPLE_COUNT)), looks, level),
        mean=_compare_sequential_groups(seconds, _welch_rejects),
        minimum=_compare_sequential_groups(seconds, _minimum_rejects),
    )


def analyse_slowdown(
    injected: float, differences: Sequence[float], looks: tuple[int, ...], seed: int
) -> SlowdownDetection:
    """Analyse the pairs of a slowed pass: the ratio, and how often resampled gates detect the slowdown.

    :param looks: of a gate that had the time for all of them; pairs that go beyond them have the level of more looks.
    """
    estimate = signed_rank.estimate(differences)
    rng = np.random.default_rng(seed)
    values = np.asarray(differences)
    level = sequential.compute_level(max(looks, sequential.select_looks(values.size), key=len))
    rates = []
    for most in (values.size, EARLY_LOOK, looks[-1]):
        given = sequential.select_looks(min(most, values.size))
        resampled = (_resample_blocks(values, given[-1], rng) for _ in range(RESAMPLE_COUNT // 3))
        rates.append(_count_regressed(resampled, given, level))
    return SlowdownDetection(injected, estimate.ratio, estimate.low, estimate.high, estimate.pairs, *rates)


def _count_regressed(rows: Iterator[Floats], looks: tuple[int, ...], level: float) -> Proportion:
    """The share of gates with the verdict regressed."""
    regressed = [simulate_gate(row, looks, level) is Verdict.REGRESSED for row in rows]
    return Proportion(sum(regressed), len(regressed))


def simulate_gate(differences: Floats, looks: tuple[int, ...], level: float) -> Verdict:
    """The verdict of a gate of one case on these pairs, from the first conclusive look."""
    verdict = Verdict.INCONCLUSIVE
    for look in looks:
        if look <= differences.size:
            verdict = sequential.decide_verdict(differences[:look], level, STANDARD_BOUNDS)
            if verdict is not Verdict.INCONCLUSIVE:
                break
    return verdict


def _split_windows(values: Floats, looks: tuple[int, ...]) -> Iterator[Floats]:
    """One gate after the other on the pairs in order of time; each takes as many as it needs."""
    level, start = sequential.compute_level(looks), 0
    while start + looks[-1] <= values.size:
        window = values[start : start + looks[-1]]
        yield window
        used = next(
            (
                look
                for look in looks
                if sequential.decide_verdict(window[:look], level, STANDARD_BOUNDS) is not Verdict.INCONCLUSIVE
            ),
            looks[-1],
        )
        start += used


def _flip_blocks(values: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Blocks of neighbours at random places, each with a random sign: unchanged code with this machine's noise.

    Without the signs a bias that these pairs happen to have would count as a change.
    """
    signs = np.repeat(rng.choice([-1.0, 1.0], math.ceil(size / BLOCK_LENGTH)), BLOCK_LENGTH)[:size]
    return np.asarray(signs * _resample_blocks(values, size, rng))


def _resample_blocks(values: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Blocks of neighbours at random places of the circle of all pairs (Politis, Romano, *A circular block-resampling
    procedure for stationary data*, 1992)."""
    starts = rng.integers(0, values.size, math.ceil(size / BLOCK_LENGTH))
    places = (starts[:, None] + np.arange(BLOCK_LENGTH)[None, :]).ravel() % values.size
    chosen: Floats = values[places][:size]
    return chosen


def _compare_sequential_groups(
    seconds: Sequence[float], alarm: Callable[[Sequence[float], Sequence[float]], bool]
) -> Proportion:
    """Groups of passes of the same code, one after the other, each compared with the next."""
    groups = [seconds[start : start + GROUP_SIZE] for start in range(0, len(seconds) - GROUP_SIZE + 1, GROUP_SIZE)]
    alarms = [alarm(first, second) for first, second in zip(groups[::2], groups[1::2], strict=False)]
    return Proportion(sum(alarms), len(alarms))


def _welch_rejects(first: Sequence[float], second: Sequence[float]) -> bool:
    spread = math.sqrt(variance(first) / len(first) + variance(second) / len(second))
    return abs(fmean(second) - fmean(first)) > WELCH_CRITICAL_T * spread


def _minimum_rejects(first: Sequence[float], second: Sequence[float]) -> bool:
    return min(second) > (1 + MINIMUM_TOLERANCE) * min(first)
