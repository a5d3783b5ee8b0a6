"""What a machine lets a gate see: from pairs of the same release, and of the same release made slower by a known share. Pure.

The pairs are read in five ways (method.md): how they scatter and whether they are biased; what gates of unchanged code would have
said, live in order of time and resampled; what gates of slower code would have said; and what the same passes would have said,
had all of one side run before the other.
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
"""Pairs after which a gate can know already what is twice the smallest change."""

GROUP_SIZE = 12
"""Passes of a side in a comparison that runs one side after the other."""

WELCH_CRITICAL_T = 2.074
"""The two-sided 5 % point of Student's t with 22 degrees of freedom, those of two groups of 12."""

MINIMUM_TOLERANCE = 0.05
"""By how much the fastest pass may be slower: pytest-benchmark's ``min:5%``."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proportion:
    """``found`` of ``tried``, with the 95 % interval of Wilson (*Probable inference*, JASA 22, 1927)."""

    found: int
    tried: int

    @property
    def share(self) -> float:
        """``found`` / ``tried``; not a number without a trial."""
        return self.found / self.tried if self.tried else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end; everything is possible without a trial."""
        if not self.tried:
            return 0.0, 1.0
        z, n = NormalDist().inv_cdf(0.975), self.tried
        middle = (self.share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(self.share * (1 - self.share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class SlowdownDetection:
    """What pairs say of a pass that was made slower by the share ``injected``: the ratio, and how often a gate would find it.

    ``found`` by all the pairs there are, ``early`` by 17 of them, and ``in_time`` by as many as a gate has the time for.
    """

    injected: float
    ratio: float
    low: float
    high: float
    pairs: int
    found: Proportion
    early: Proportion
    in_time: Proportion

    @property
    def recovered(self) -> bool:
        """Whether the interval holds what was injected."""
        return self.low <= 1 + self.injected <= self.high


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sigma`` of a pair, the ``bias`` of two builds of one release with its interval as log ratios, and what gates would say.

    ``live`` and ``resampled`` are false alarms of gates on unchanged code; ``mean`` and ``minimum`` those of comparisons that run
    one side after the other and judge by a t-test, or by the fastest pass. ``looks`` are those that the gates had.
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
    """From the log ratios of unchanged code and the seconds of its one side, both in order of time.

    :param most: pairs that a gate would have. Raises ValueError for fewer than 12 pairs.
    """
    looks = sequential.select_looks(most)
    level = sequential.compute_level(looks)
    found = signed_rank.estimate(differences)
    rng = np.random.default_rng(seed)
    values = np.asarray(differences)
    return Calibration(
        pairs=found.pairs,
        sigma=found.sigma,
        bias=math.log(found.ratio),
        bias_low=math.log(found.low),
        bias_high=math.log(found.high),
        autocorrelation=found.autocorrelation,
        looks=looks,
        live=_count_regressed(_split_windows(values, looks), looks, level),
        resampled=_count_regressed((_flip_blocks(values, looks[-1], rng) for _ in range(RESAMPLE_COUNT)), looks, level),
        mean=_compare_sequential_groups(seconds, _welch_rejects),
        minimum=_compare_sequential_groups(seconds, _minimum_rejects),
    )


def analyse_slowdown(
    injected: float, differences: Sequence[float], looks: tuple[int, ...], seed: int
) -> SlowdownDetection:
    """What the pairs of a pass that was made slower say, and how often gates of so many pairs find it when resampled.

    :param looks: of a gate that had the time for all of them; pairs that go beyond them have the level of more looks.
    """
    found = signed_rank.estimate(differences)
    rng = np.random.default_rng(seed)
    values = np.asarray(differences)
    level = sequential.compute_level(max(looks, sequential.select_looks(values.size), key=len))
    rates = []
    for most in (values.size, EARLY_LOOK, looks[-1]):
        given = sequential.select_looks(min(most, values.size))
        resampled = (_resample_blocks(values, given[-1], rng) for _ in range(RESAMPLE_COUNT // 3))
        rates.append(_count_regressed(resampled, given, level))
    return SlowdownDetection(injected, found.ratio, found.low, found.high, found.pairs, *rates)


def _count_regressed(rows: Iterator[Floats], looks: tuple[int, ...], level: float) -> Proportion:
    """How many gates say regressed."""
    said = [simulate_gate(row, looks, level) is Verdict.REGRESSED for row in rows]
    return Proportion(sum(said), len(said))


def simulate_gate(differences: Floats, looks: tuple[int, ...], level: float) -> Verdict:
    """What a gate of one case says of these pairs: the first clear look counts."""
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
    said = [alarm(first, second) for first, second in zip(groups[::2], groups[1::2], strict=False)]
    return Proportion(sum(said), len(said))


def _welch_rejects(first: Sequence[float], second: Sequence[float]) -> bool:
    spread = math.sqrt(variance(first) / len(first) + variance(second) / len(second))
    return abs(fmean(second) - fmean(first)) > WELCH_CRITICAL_T * spread


def _minimum_rejects(first: Sequence[float], second: Sequence[float]) -> bool:
    return min(second) > (1 + MINIMUM_TOLERANCE) * min(first)
