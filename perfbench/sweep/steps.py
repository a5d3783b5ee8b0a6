"""Pairs of neighbouring releases → steps, and which of all the steps of a sweep are real. Pure.

A release is compared with the one before it, by their pairs. Without a change the differences are symmetrical, so that the exact
signed-rank test holds whatever the noise; a change within ± 0.25 % (``comparing.EPS``) is part of its null hypothesis.

A sweep looks at every step of every mode, and takes what stands out. Two corrections hold the chance of *any* false step in a
whole sweep down to 5 %:

- *Within a step*, a run that stops when its intervals are narrow could have stopped at any of its looks. The p-value is multiplied
  by their number (Bonferroni), which holds for every rule of stopping and every noise. The cheaper factor that is behind
  ``statistics.looking_confidence`` was found by simulation at 95 %; nothing says that it holds at the 99.9 % that a sweep needs.
  A fixed number of rounds is one look and costs nothing.
- *Over the steps*, Holm's method (Scandinavian Journal of Statistics 6, 1979), which needs no independence: the modes of a release
  share its passes, and neighbouring steps share a release.

With an anchor every release is paired with that one only. A step between neighbours is the difference of two such comparisons,
tested by the rank-sum test (``unpaired``), and less certain.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from perfbench.model import Verdict
from perfbench.stats import rank_sum, signed_rank
from perfbench.stats.verdict_bounds import EQUIVALENCE_BOUNDS, MIN_EFFECT

SIGNIFICANCE_LEVEL = 0.05
"""The chance of any false step in a whole sweep."""

CONFIDENCE = 0.95
"""That of every interval that is shown."""

ADAPTIVE_LOOK_COUNT = len(signed_rank.ADAPTIVE_LOOKS) + 1
"""An adaptive run may stop at each of the looks, or when its time is up."""


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """From one release to the next that could be measured, in one mode; ``ratio`` is after / before with its 95 % interval.

    ``p_value`` accounts for the looks at this step, ``significant`` and ``verdict`` for all steps and modes of the sweep as well.
    ``paired``: both releases ran side by side. ``output``: whether their outputs are the same: ``yes``, ``no``, or the like.
    ``cases`` are the ids of the two that were compared: in an extended sweep a release may have several, one in each part.
    """

    mode: str
    before: str
    after: str
    ratio: float
    low: float
    high: float
    pairs: int
    p_value: float
    paired: bool
    significant: bool = False
    verdict: Verdict = Verdict.INCONCLUSIVE
    output: str = ""
    cases: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How the samples were taken: the anchor if there is one, the rounds of every table if they were fixed beforehand."""

    anchor: str | None = None
    rounds: int | None = None

    @property
    def looks(self) -> int:
        """At how many numbers of pairs a table may have ended."""
        return 1 if self.rounds is not None else ADAPTIVE_LOOK_COUNT

    @property
    def confidence(self) -> float:
        """What to ask of an interval that is to be a 95 % interval."""
        return CONFIDENCE if self.rounds is not None else signed_rank.choose_adaptive_confidence(CONFIDENCE)


def count_pairs_needed(steps: int, looks: int = 1) -> int:
    """The fewest pairs with which one step can be significant among ``steps`` (steps × modes), if all of its pairs agree.

    Holm's method tests the smallest p-value at 5 % / ``steps``; n pairs of one sign have p = 2 / 2ⁿ, times the looks. Among 72: 12
    pairs, or 15 with the looks of an adaptive run. Raises ValueError for less than one.
    """
    if steps < 1 or looks < 1:
        raise ValueError("at least one step and one look")
    return math.ceil(1 + math.log2(steps * looks / SIGNIFICANCE_LEVEL))


def estimate_paired_step(
    mode: str, before: str, after: str, differences: Sequence[float], plan: SamplingPlan
) -> ReleaseStep:
    """The step that pairs of both releases tell. Too few for an interval: it is 0 to infinity. Raises ValueError without a pair."""
    low, high = -math.inf, math.inf
    if len(differences) >= signed_rank.count_minimum_pairs(plan.confidence):
        low, high = signed_rank.compute_interval(differences, plan.confidence)
    p_value = plan.looks * signed_rank.compute_p_value(differences, MIN_EFFECT)
    ratio, low, high = (math.exp(log) for log in (signed_rank.hodges_lehmann(differences), low, high))
    return ReleaseStep(mode, before, after, ratio, low, high, len(differences), min(1.0, p_value), paired=True)


def estimate_anchored_step(
    mode: str, before: str, after: str, first: Sequence[float], second: Sequence[float], plan: SamplingPlan
) -> ReleaseStep:
    """The step between two releases of which each was paired with the anchor only. Raises ValueError if either has no pair."""
    sides = [[math.exp(difference) for difference in row] for row in (first, second)]
    ratio, low, high = rank_sum.compute_shift_interval(sides[0], sides[1], plan.confidence)
    p_value = plan.looks * rank_sum.compute_shift_p_value(sides[0], sides[1], MIN_EFFECT)
    pairs = min(len(first), len(second))
    return ReleaseStep(mode, before, after, ratio, low, high, pairs, min(1.0, p_value), paired=False)


def mark_significant_steps(steps: Iterable[ReleaseStep]) -> dict[tuple[str, str], ReleaseStep]:
    """The steps with their verdicts, by mode and by the release that they lead to: Holm's method over all of them together."""
    by_p_value = sorted(steps, key=lambda step: step.p_value)
    marked, holds = {}, True
    for rank, step in enumerate(by_p_value):
        holds = holds and step.p_value <= SIGNIFICANCE_LEVEL / (len(by_p_value) - rank)
        marked[step.mode, step.after] = replace(step, significant=holds, verdict=_classify_step(step, holds))
    return marked


def _classify_step(step: ReleaseStep, significant: bool) -> Verdict:
    if significant:
        return Verdict.REGRESSED if step.ratio > 1 else Verdict.IMPROVED
    return EQUIVALENCE_BOUNDS.classify_ratio(step.low, step.high)


def compute_standard_error(step: ReleaseStep, plan: SamplingPlan) -> float:
    """The standard error of the log ratio: half the width of its interval by the normal quantile of its confidence.

    The signed-rank interval of few pairs is wider than a normal one of the same standard error: this errs towards width. Infinite
    where there is no interval.
    """
    if step.low <= 0 or not math.isfinite(step.high):
        return math.inf
    return math.log(step.high / step.low) / 2 / NormalDist().inv_cdf((1 + plan.confidence) / 2)
