"""How many seconds an operation saves: the differences of pairs, for claims that name seconds instead of a ratio.

The Hodges–Lehmann estimate and the signed-rank interval of the differences before − after where passes are paired, the rank-sum
ones where they are not (Hollander, Wolfe, Chicken, *Nonparametric Statistical Methods*, 3rd ed., sections 3.1 to 3.3, 4.2, 4.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from perfbench.model import CPU_SECONDS, METRICS, Measurement, Metric, Saving, Verdict
from perfbench.stats import metrics, pairs, rank_sum, signed_rank
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS
from perfbench.worker.claim_checks import SECONDS_UNITS

Values = tuple[list[float], list[float]]
"""The values before and after."""


def compare_saving(metric: Metric, before: Measurement, after: Measurement, confidence: float) -> Saving | None:
    """The seconds of an operation that ``after`` saves; None where a side has no value.

    A metric that perfbench measures is of a pass, so that it is divided by its work; one that the mode reports is of an operation.

    :param confidence: of the interval of pairs; that of unpaired samples is 95 %.
    """
    unit = SECONDS_UNITS[metric.unit] / (max(1, min(before.works, default=1)) if metric.name in METRICS else 1)
    first, second = _pair_values(metric, before, after)
    if len(first) >= signed_rank.count_minimum_pairs(confidence):
        differences = [(cost - lower) * unit for cost, lower in zip(first, second, strict=True)]
        ends = signed_rank.compute_interval(differences, confidence)
        return _build_saving(first, second, unit, (signed_rank.hodges_lehmann(differences), *ends))
    first, second = (_select_values(metric, side) for side in (before, after))
    if not (first and second):
        return None
    middle, low, high = rank_sum.compute_difference_interval(first, second, metrics.CONFIDENCE)
    return _build_saving(first, second, unit, (-middle * unit, -high * unit, -low * unit))


def _pair_values(metric: Metric, before: Measurement, after: Measurement) -> Values:
    """The values of both sides in every pair; a metric that the mode reports counts only in passes that are never paused."""
    if metric.name in METRICS:
        return pairs.pair_values(before.samples, after.samples, metric.name)
    if pairs.choose_metric(after.samples, after.metric) == CPU_SECONDS.name:
        return [], []
    sides = [
        {s.pair: s.numbers[metric.name] for s in side.samples if s.kind == "duet" and metric.name in s.numbers}
        for side in (before, after)
    ]
    shared = [pair for pair in sides[1] if pair in sides[0]]
    return [sides[0][pair] for pair in shared], [sides[1][pair] for pair in shared]


def _select_values(metric: Metric, side: Measurement) -> list[float]:
    if metric.name in METRICS:
        return pairs.select_values(side.samples, metric.name, "duet", "alone")
    return metrics.select_metric_values(metric, side)


def _build_saving(
    before: Sequence[float], after: Sequence[float], unit: float, interval: tuple[float, float, float]
) -> Saving:
    first, second = median(before) * unit, median(after) * unit
    saved, low, high = interval
    scale = max(abs(first), abs(second))
    finite = math.isfinite(low) and math.isfinite(high)
    # The margins of seconds, relative to the slower side: a cost that falls is a negative change.
    verdict = STANDARD_BOUNDS.classify(-high / scale, -low / scale) if finite and scale else Verdict.INCONCLUSIVE
    return Saving(first, second, saved, low, high, verdict)
