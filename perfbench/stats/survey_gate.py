"""Group-sequential test of a gate on a corpus: its ratio and those of its strata, at looks fixed before the first ratio.

Each look has the one-sided level at which the gate of one market tests (``sequential.compute_level``), with Student's t in place of
ranks: the ratio of totals is a mean, and the signed ranks of markets that differ do not test it (Jennison, Turnbull, *Group
Sequential Methods*, section 4.4: the levels of normal looks hold for t statistics). Half of the error probability is the corpus's,
half is shared equally by its strata; what has regressed passes its part on to the others (weighted Holm 1979; for sequential tests
Maurer, Bretz 2013). Simulated error rates: docs/method.md, "A survey of a corpus".
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
        self, draws: int, confidence: float, noise: PairNoise | None = None, inside: Mask | None = None
    ) -> survey.RatioEstimate:
        """The ratio by the first draws, or by those ``inside`` a stratum among them. Raises ValueError as ``estimate_ratio``."""
        count = self.count_pairs(draws)
        chosen = np.ones(count, dtype=bool) if inside is None else inside[:count]
        first, second, shares = (np.asarray(side)[:count][chosen] for side in (self.before, self.after, self.shares))
        chances = self.compute_inclusion(draws)
        inclusion = None if chances is None else chances[chosen]
        return survey.estimate_ratio(first, second, shares, confidence, inclusion=inclusion, noise=noise)


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
    strata: Mapping[str, ArrayLike] | None = None,
    family: int = 0,
    noise: PairNoise | None = None,
    side: float = sequential.ONE_SIDED_ERROR,
) -> SurveyVerdict:
    """The verdicts after the draws so far; before the first look inconclusive. Raises ValueError without a draw and for an
    unnamed stratum.

    :param most: the maximum of draws; :param family: of tested strata. Both are fixed before the first ratio.
    :param strata: by name, which of the draws are inside; they may overlap. The first ``family`` of them that reach ``MIN_DRAWS``
        draws are tested.
    :param noise: of the measurements, as in ``survey.estimate_ratio``.
    :param side: the probability that unchanged code is reported as regressed, over all looks, the corpus and its strata; the same
        for improved.
    """
    looks = select_looks(most)
    draws = max((look for look in looks if look <= pairs.draws and pairs.count_pairs(look)), default=0)
    masks = {name: np.asarray(mask, dtype=bool) for name, mask in (strata or {}).items()}
    if "" in masks:
        raise ValueError("a stratum needs a name")
    if draws == 0:
        estimate = pairs.estimate(pairs.draws, 1.0 - 2.0 * sequential.compute_level(looks, side), noise)
        return SurveyVerdict(RatioVerdict("", Verdict.INCONCLUSIVE, estimate, math.inf), (), settled=False)
    tested: dict[str, Mask | None] = {"": None, **_select_strata(masks, pairs.count_pairs(draws), family)}

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
    inside: Mask | None,
) -> RatioVerdict:
    """The verdict on the corpus or a stratum at this one-sided level."""
    estimate = pairs.estimate(draws, 1.0 - 2.0 * level, noise, inside)
    if not math.isfinite(estimate.high):
        return RatioVerdict(label, Verdict.INCONCLUSIVE, estimate, math.inf)
    error = math.hypot(estimate.spread / math.sqrt(estimate.draws), estimate.noise_error)
    needed = math.log(estimate.high / estimate.ratio) + NormalDist().inv_cdf(sequential.POWER) * error
    verdict = allowed.classify_ratio(estimate.low, estimate.high)
    return RatioVerdict(label, verdict, estimate, needed + max(0.0, allowed.worse))


def _select_strata(masks: Mapping[str, Mask], count: int, family: int) -> dict[str, Mask]:
    """Those strata that have the fewest draws for an interval, in the order in which they reached them; ``family`` at most.

    The order is the same at later looks, so that no more strata than that are ever tested.
    """
    reached = []
    for label, mask in masks.items():
        places = np.flatnonzero(mask[:count])
        if places.size >= MIN_DRAWS:
            reached.append((int(places[MIN_DRAWS - 1]), label))
    return {label: masks[label] for _, label in sorted(reached)[:family]}


def _is_conclusive(
    results: Mapping[str, RatioVerdict], tested: Mapping[str, Mask | None], pairs: SurveyedPairs, draws: int
) -> bool:
    """Whether the corpus and each stratum with much of its seconds have a verdict other than inconclusive."""
    chances, count = pairs.compute_inclusion(draws), pairs.count_pairs(draws)
    seconds = np.asarray(pairs.before)[:count] / (np.asarray(pairs.shares)[:count] if chances is None else chances)
    return all(
        results[label].verdict is not Verdict.INCONCLUSIVE
        for label, mask in tested.items()
        if mask is None or seconds[mask[:count]].sum() >= MIN_STRATUM_SECONDS * seconds.sum()
    )
