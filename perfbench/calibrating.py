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

from perfbench import gating, sequential, statistics
from perfbench.comparing import DELTA, EPS
from perfbench.gating import Bounds
from perfbench.model import Verdict

RESAMPLES = 3000
BLOCK = 6
"""Pairs that stay together when resampled, so that neighbours may be alike."""

EARLY = 17
"""Pairs after which a gate can know already what is twice the smallest change."""

GROUP = 12
"""Passes of a side in a comparison that runs one side after the other."""

WELCH = 2.074
"""The two-sided 5 % point of Student's t with 22 degrees of freedom, those of two groups of 12."""

MINIMUM_ALLOWED = 0.05
"""By how much the fastest pass may be slower: pytest-benchmark's ``min:5%``."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
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
class Slowed:
    """What pairs say of a pass that was made slower by the share ``injected``: the ratio, and how often a gate would find it.

    ``found`` by all the pairs there are, ``early`` by 17 of them, and ``in_time`` by as many as a gate has the time for.
    """

    injected: float
    ratio: float
    low: float
    high: float
    pairs: int
    found: Rate
    early: Rate
    in_time: Rate

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
    live: Rate
    resampled: Rate
    mean: Rate
    minimum: Rate

    def detectable(self, pairs: int) -> float:
        """The smallest change, as a share, that a gate with these looks sees by so many pairs."""
        return sequential.detectable(self.sigma, pairs, sequential.level(self.looks), EPS)


def calibrated(differences: Sequence[float], seconds: Sequence[float], most: int, seed: int) -> Calibration:
    """From the log ratios of unchanged code and the seconds of its one side, both in order of time.

    :param most: pairs that a gate would have. Raises ValueError for fewer than 12 pairs.
    """
    looks = sequential.looks(most)
    level = sequential.level(looks)
    found = statistics.estimate(differences)
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
        live=_alarms(_windows(values, looks), looks, level),
        resampled=_alarms((_flipped(values, looks[-1], rng) for _ in range(RESAMPLES)), looks, level),
        mean=_in_turn(seconds, _welch),
        minimum=_in_turn(seconds, _by_minimum),
    )


def slowed(injected: float, differences: Sequence[float], looks: tuple[int, ...], seed: int) -> Slowed:
    """What the pairs of a pass that was made slower say, and how often gates of so many pairs find it when resampled.

    :param looks: of a gate that had the time for all of them; pairs that go beyond them have the level of more looks.
    """
    found = statistics.estimate(differences)
    rng = np.random.default_rng(seed)
    values = np.asarray(differences)
    level = sequential.level(max(looks, sequential.looks(values.size), key=len))
    rates = []
    for most in (values.size, EARLY, looks[-1]):
        given = sequential.looks(min(most, values.size))
        resampled = (_blocks(values, given[-1], rng) for _ in range(RESAMPLES // 3))
        rates.append(_alarms(resampled, given, level))
    return Slowed(injected, found.ratio, found.low, found.high, found.pairs, *rates)


def _alarms(rows: Iterator[Floats], looks: tuple[int, ...], level: float) -> Rate:
    """How many gates say regressed."""
    said = [gate(row, looks, level) is Verdict.REGRESSED for row in rows]
    return Rate(sum(said), len(said))


def gate(differences: Floats, looks: tuple[int, ...], level: float) -> Verdict:
    """What a gate of one case says of these pairs: the first clear look counts."""
    verdict = Verdict.INCONCLUSIVE
    for look in looks:
        if look <= differences.size:
            verdict = gating.verdict_of(differences[:look], level, STRICT)
            if verdict is not Verdict.INCONCLUSIVE:
                break
    return verdict


STRICT = Bounds(worse=EPS, better=-EPS, floor=-DELTA, ceiling=DELTA)


def _windows(values: Floats, looks: tuple[int, ...]) -> Iterator[Floats]:
    """One gate after the other on the pairs in order of time; each takes as many as it needs."""
    level, start = sequential.level(looks), 0
    while start + looks[-1] <= values.size:
        window = values[start : start + looks[-1]]
        yield window
        used = next(
            (look for look in looks if gating.verdict_of(window[:look], level, STRICT) is not Verdict.INCONCLUSIVE),
            looks[-1],
        )
        start += used


def _flipped(values: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Blocks of neighbours at random places, each with a random sign: unchanged code with this machine's noise.

    Without the signs a bias that these pairs happen to have would count as a change.
    """
    signs = np.repeat(rng.choice([-1.0, 1.0], math.ceil(size / BLOCK)), BLOCK)[:size]
    return np.asarray(signs * _blocks(values, size, rng))


def _blocks(values: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Blocks of neighbours at random places of the circle of all pairs (Politis, Romano, *A circular block-resampling
    procedure for stationary data*, 1992)."""
    starts = rng.integers(0, values.size, math.ceil(size / BLOCK))
    places = (starts[:, None] + np.arange(BLOCK)[None, :]).ravel() % values.size
    chosen: Floats = values[places][:size]
    return chosen


def _in_turn(seconds: Sequence[float], alarm: Callable[[Sequence[float], Sequence[float]], bool]) -> Rate:
    """Groups of passes of the same code, one after the other, each compared with the next."""
    groups = [seconds[start : start + GROUP] for start in range(0, len(seconds) - GROUP + 1, GROUP)]
    said = [alarm(first, second) for first, second in zip(groups[::2], groups[1::2], strict=False)]
    return Rate(sum(said), len(said))


def _welch(first: Sequence[float], second: Sequence[float]) -> bool:
    spread = math.sqrt(variance(first) / len(first) + variance(second) / len(second))
    return abs(fmean(second) - fmean(first)) > WELCH * spread


def _by_minimum(first: Sequence[float], second: Sequence[float]) -> bool:
    return min(second) > (1 + MINIMUM_ALLOWED) * min(first)
