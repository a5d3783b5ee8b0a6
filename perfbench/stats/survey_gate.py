"""Group-sequential test of a gate on a corpus: its ratio and those of its strata, at looks fixed before the first ratio.

Each look has the one-sided level at which the gate of one market tests (``sequential.compute_level``), with Student's t in place of
ranks: the ratio of totals is a mean, and the signed ranks of markets that differ do not test it (Jennison, Turnbull, *Group
Sequential Methods*, section 4.4: the levels of normal looks hold for t statistics). Half of the error probability is the corpus's,
half is shared equally by its strata; what has regressed passes its part on to the others (weighted Holm 1979; for sequential tests
Maurer, Bretz 2013). Simulated error rates: docs/concepts/survey.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perfbench.model import Verdict
from perfbench.stats import sequential, survey
from perfbench.stats.survey_draws import compute_inclusion
from perfbench.stats.survey_error import MIN_DRAWS, PairNoise
from perfbench.stats.verdict_bounds import VerdictBounds

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CORPUS_PART = 0.5
"""The part of the error probability that the corpus has where strata are tested too."""

MIN_STRATUM_SECONDS = 0.1
"""The share of the seconds from which on a stratum must be conclusive before a gate stops early."""


@dataclass(frozen=True, slots=True)
class PartSeconds:
    """The seconds of a stratum in each pair, before and after; 0 where the batch has none of it.

    A batch of several markets may be inside in part. The noise of a part is not that of its batch.
    """

    before: Sequence[float] | Floats
    after: Sequence[float] | Floats

    def find_inside(self) -> Mask:
        """Which pairs have something of the stratum."""
        return np.asarray((np.asarray(self.before) > 0) & (np.asarray(self.after) > 0))


@dataclass(frozen=True, slots=True)
class SurveyedPairs:
    """The pairs of the drawn batches in order of the draws, with the shares of the batches in the bytes of the corpus.

    ``thresholds`` are those of ``survey_draws.draw_distinct_batches`` with these shares, one for each draw; None for draws with
    replacement. ``numbers`` are those of the draws that have a pair, from 0, where some had nothing to measure; None: all have one.
    """

    before: Sequence[float] | Floats
    after: Sequence[float] | Floats
    shares: Sequence[float] | Floats
    thresholds: Sequence[float] | Floats | None = None
    numbers: Sequence[int] | None = None

    @property
    def draws(self) -> int:
        """How many draws there are, with those that have no pair."""
        return len(self.before) if self.numbers is None or self.thresholds is None else len(self.thresholds)

    def count_pairs(self, draws: int) -> int:
        """How many of the first draws have a pair."""
        return draws if self.numbers is None else int(np.searchsorted(self.numbers, draws))

    def compute_inclusion(self, draws: int) -> Floats | None:
        """The probability of each pair of the first draws to be among them; None for draws with replacement."""
        if self.thresholds is None:
            return None
        return compute_inclusion(np.asarray(self.shares)[: self.count_pairs(draws)], float(self.thresholds[draws - 1]))

    def estimate(
        self, draws: int, confidence: float, noise: PairNoise | None = None, part: PartSeconds | None = None
    ) -> survey.RatioEstimate:
        """The ratio by the first draws, of everything or of a stratum. Raises ValueError as ``survey.estimate_ratio``."""
        count, sides = self.count_pairs(draws), part or PartSeconds(self.before, self.after)
        inside = np.ones(count, dtype=bool) if part is None else part.find_inside()[:count]
        first, second, shares = (np.asarray(side)[:count][inside] for side in (sides.before, sides.after, self.shares))
        chances = self.compute_inclusion(draws)
        inclusion = None if chances is None else chances[inside]
        whole = part is None or np.array_equal(first, np.asarray(self.before)[:count][inside])
        return survey.estimate_ratio(
            first, second, shares, confidence, inclusion=inclusion, noise=noise if whole else None
        )

    def select(self, mask: ArrayLike) -> PartSeconds:
        """The stratum of those pairs that are inside as a whole; ``mask`` may be that of more draws."""
        inside = np.asarray(mask, dtype=bool)[: len(self.before)]
        return PartSeconds(np.where(inside, self.before, 0.0), np.where(inside, self.after, 0.0))


@dataclass(frozen=True, slots=True)
class RatioVerdict:
    """The verdict on the ratio of a corpus, or of a stratum, with its interval at the confidence of a look.

    ``detectable`` is the smallest change, as a share, that this look detects in 95 % of gates.
    """

    label: str
    verdict: Verdict
    estimate: survey.RatioEstimate
    detectable: float


@dataclass(frozen=True, slots=True)
class SurveyVerdict:
    """The verdicts on a corpus and its strata at the last look that the draws reach. ``settled``: no more draws are needed.

    The corpus is labelled by the empty string.
    """

    corpus: RatioVerdict
    strata: tuple[RatioVerdict, ...]
    settled: bool

    @property
    def regressed(self) -> bool:
        """Whether the corpus or a stratum of it has regressed."""
        return any(part.verdict is Verdict.REGRESSED for part in (self.corpus, *self.strata))


def select_looks(most: int) -> tuple[int, ...]:
    """The looks of a gate with at most this many draws: those of a survey before the last draw, and the last draw.

    Raises ValueError without a draw.
    """
    if most < 1:
        raise ValueError(f"a gate has at least one draw, not {most}")
    return (*(look for look in survey.LOOKS if look < most), most)


def decide_survey(
    pairs: SurveyedPairs,
    most: int,
    allowed: VerdictBounds,
    *,
    strata: Mapping[str, ArrayLike | PartSeconds] | None = None,
    family: int = 0,
    noise: PairNoise | None = None,
    side: float = sequential.ONE_SIDED_ERROR,
) -> SurveyVerdict:
    """The verdicts after the draws so far; before the first look inconclusive. Raises ValueError without a draw and for an
    unnamed stratum.

    :param most: the maximum of draws; :param family: of tested strata. Both are fixed before the first ratio.
    :param strata: by name, which of the pairs are inside, or the seconds of those that are inside in part; they may overlap. The
        first ``family`` of them that reach ``MIN_DRAWS`` draws are tested.
    :param noise: of the measurements, as in ``survey.estimate_ratio``.
    :param side: the probability that unchanged code is reported as regressed, over all looks, the corpus and its strata; the same
        for improved.
    """
    looks = select_looks(most)
    draws = max((look for look in looks if look <= pairs.draws and pairs.count_pairs(look)), default=0)
    named = {
        name: part if isinstance(part, PartSeconds) else pairs.select(part) for name, part in (strata or {}).items()
    }
    if "" in named:
        raise ValueError("a stratum needs a name")
    if draws == 0:
        estimate = pairs.estimate(pairs.draws, 1.0 - 2.0 * sequential.compute_level(looks, side), noise)
        return SurveyVerdict(RatioVerdict("", Verdict.INCONCLUSIVE, estimate, math.inf), (), settled=False)
    tested: dict[str, PartSeconds | None] = {"": None, **_select_strata(named, pairs.count_pairs(draws), family)}

    def evaluate(label: str, part: float) -> RatioVerdict:
        level = sequential.compute_level(looks, side * part)
        return _evaluate(pairs, label, draws, level, allowed, noise, tested[label])

    own = CORPUS_PART if family else 1.0
    results = _apply_holm({label: (1.0 - CORPUS_PART) / family if label else own for label in tested}, evaluate)
    regressed = any(result.verdict is Verdict.REGRESSED for result in results.values())
    settled = regressed or draws == looks[-1] or _is_conclusive(results, tested, pairs, draws)
    return SurveyVerdict(results[""], tuple(results[label] for label in tested if label), settled)


def _apply_holm(parts: Mapping[str, float], evaluate: Callable[[str, float], RatioVerdict]) -> dict[str, RatioVerdict]:
    """The results with these parts of the error probability; what has regressed passes its part on to the others."""
    results: dict[str, RatioVerdict] = {}
    regressed: set[str] = set()
    while True:
        left = 1.0 - sum(parts[label] for label in regressed)
        rest = [label for label in parts if label not in regressed]
        results |= {label: evaluate(label, parts[label] / left) for label in rest}
        more = {label for label in rest if results[label].verdict is Verdict.REGRESSED}
        regressed |= more
        if not more or len(regressed) == len(parts):
            return results


def _evaluate(
    pairs: SurveyedPairs,
    label: str,
    draws: int,
    level: float,
    allowed: VerdictBounds,
    noise: PairNoise | None,
    part: PartSeconds | None,
) -> RatioVerdict:
    """The verdict on the corpus or a stratum at this one-sided level."""
    estimate = pairs.estimate(draws, 1.0 - 2.0 * level, noise, part)
    if not math.isfinite(estimate.high):
        return RatioVerdict(label, Verdict.INCONCLUSIVE, estimate, math.inf)
    error = math.hypot(estimate.spread / math.sqrt(estimate.draws), estimate.noise_error)
    needed = math.log(estimate.high / estimate.ratio) + NormalDist().inv_cdf(sequential.POWER) * error
    verdict = allowed.classify_ratio(estimate.low, estimate.high)
    return RatioVerdict(label, verdict, estimate, needed + max(0.0, allowed.worse))


def _select_strata(strata: Mapping[str, PartSeconds], count: int, family: int) -> dict[str, PartSeconds]:
    """Those strata that have the fewest draws for an interval, in the order in which they reached them; ``family`` at most.

    The order is the same at later looks, so that no more strata than that are ever tested.
    """
    reached = []
    for label, part in strata.items():
        places = np.flatnonzero(part.find_inside()[:count])
        if places.size >= MIN_DRAWS:
            reached.append((int(places[MIN_DRAWS - 1]), label))
    return {label: strata[label] for _, label in sorted(reached)[:family]}


def _is_conclusive(
    results: Mapping[str, RatioVerdict], tested: Mapping[str, PartSeconds | None], pairs: SurveyedPairs, draws: int
) -> bool:
    """Whether the corpus and each stratum with much of its seconds have a verdict other than inconclusive."""
    chances, count = pairs.compute_inclusion(draws), pairs.count_pairs(draws)
    weights = 1.0 / (np.asarray(pairs.shares)[:count] if chances is None else chances)
    whole = float(weights @ np.asarray(pairs.before)[:count])
    return all(
        results[label].verdict is not Verdict.INCONCLUSIVE
        for label, part in tested.items()
        if part is None or weights @ np.asarray(part.before)[:count] >= MIN_STRATUM_SECONDS * whole
    )
