"""Geometric mean of the ratios of independent tables, and its confidence interval from theirs.

The mean of normalised numbers is geometric: it alone does not depend on which side is the reference (Fleming, Wallace, *How not to
lie with statistics: the correct way to summarize benchmark results*, Communications of the ACM 29(3), 1986).

The interval is that of MOVER, the method of variance estimates recovery (Zou, Donner, *Construction of confidence limits about
effect measures: a general approach*, Statistics in Medicine 27, 2008). With the log ratio θᵢ of table i, the ends lᵢ and uᵢ of its
interval, and K tables:

    mean of θᵢ  −  √Σ(θᵢ − lᵢ)² / K   …   mean of θᵢ  +  √Σ(uᵢ − θᵢ)² / K

The distance from an estimate to an end of its interval stands for its standard error, and variances of independent estimates add
up. The tables are independent, because each has pairs of its own. The confidence is that of the intervals that go in. The
signed-rank interval of few pairs is wider than a normal one of the same standard error, so that the result errs towards width.
Simulated coverage: docs/concepts/estimate.md#several-files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """The ratio after / before of one table, and the ends of its interval; 0 and infinity where it has none."""

    ratio: float
    low: float
    high: float

    @property
    def is_bounded(self) -> bool:
        """Whether both ends are known."""
        return self.low > 0 and math.isfinite(self.high)


def combine_ratios(ratios: Sequence[RatioInterval]) -> RatioInterval:
    """The geometric mean of these ratios with its interval; 0 to infinity if one of them has no interval.

    It is the mean of these tables: how a ratio varies from file to file is not in the interval. Raises ValueError if there are no
    ratios, and for one that is not positive or not finite.
    """
    if not ratios:
        raise ValueError("a mean takes at least one ratio")
    if any(not (ratio.ratio > 0 and math.isfinite(ratio.ratio)) for ratio in ratios):
        raise ValueError("a geometric mean takes positive finite ratios")
    count = len(ratios)
    logs = [math.log(ratio.ratio) for ratio in ratios]
    mean = math.fsum(logs) / count
    if not all(ratio.is_bounded for ratio in ratios):
        return RatioInterval(math.exp(mean), 0.0, math.inf)
    below = math.hypot(*(log - math.log(ratio.low) for log, ratio in zip(logs, ratios, strict=True))) / count
    above = math.hypot(*(math.log(ratio.high) - log for log, ratio in zip(logs, ratios, strict=True))) / count
    return RatioInterval(math.exp(mean), math.exp(mean - below), math.exp(mean + above))
