"""The verdict read off an interval: regressed, improved, unchanged or inconclusive."""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfbench.model import Verdict

MIN_EFFECT = 0.0025
"""Log ratios up to a quarter of a per cent count as no effect (docs/concepts/estimate.md, "Thresholds")."""

EQUIVALENCE_MARGIN = 0.01
"""An interval within one per cent of no change means ``unchanged`` (docs/concepts/estimate.md, "Thresholds")."""


@dataclass(frozen=True, slots=True)
class VerdictBounds:
    """Thresholds for an interval of the log ratio after / before of something of which less is better.

    Above ``worse`` it means regressed, below ``better`` improved, between ``floor`` and ``ceiling`` unchanged.
    """

    worse: float
    better: float
    floor: float
    ceiling: float

    def classify(self, low: float, high: float) -> Verdict:
        """The verdict on an interval of the log ratio; inconclusive if it lacks an end."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return Verdict.INCONCLUSIVE
        if low > self.worse:
            return Verdict.REGRESSED
        if high < self.better:
            return Verdict.IMPROVED
        return Verdict.UNCHANGED if low > self.floor and high < self.ceiling else Verdict.INCONCLUSIVE

    def classify_ratio(self, low: float, high: float) -> Verdict:
        """The verdict on an interval of the ratio itself; one from 0 or to infinity is inconclusive."""
        if low <= 0 or not math.isfinite(high):
            return Verdict.INCONCLUSIVE
        return self.classify(math.log(low), math.log(high))


STANDARD_BOUNDS = VerdictBounds(
    worse=MIN_EFFECT, better=-MIN_EFFECT, floor=-EQUIVALENCE_MARGIN, ceiling=EQUIVALENCE_MARGIN
)

EQUIVALENCE_BOUNDS = VerdictBounds(
    worse=math.inf, better=-math.inf, floor=-EQUIVALENCE_MARGIN, ceiling=EQUIVALENCE_MARGIN
)
"""Bounds that can only confirm ``unchanged``: where the significance of a change is decided by a test of its own."""
