"""Numbers that only the modes know, such as bytes per update or the longest pause: how they compare. Pure.

They come from passes that nobody halted: those alone, and those of pairs that run one after the other. In a pair by turns on one
core a pass is halted again and again, and whatever it times by the wall clock would have the turns of the other side in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from perfbench.model import CPU_SECONDS, METRICS, Measurement, Metric, MetricComparison, Verdict
from perfbench.stats import pairs, rank_sum
from perfbench.stats.comparison import EQUIVALENCE_MARGIN, MIN_EFFECT

CONFIDENCE = 0.95


def compare_metric(metric: Metric, before: Measurement | None, after: Measurement) -> MetricComparison | None:
    """The number in a case, against the case before; None where the case does not report it."""
    values = select_metric_values(metric, after)
    if not values:
        return None
    own = MetricComparison(metric, median(values))
    others = select_metric_values(metric, before) if before is not None else []
    return compare_samples(metric, others, values) if others else own


def compare_samples(metric: Metric, before: Sequence[float], after: Sequence[float]) -> MetricComparison:
    """How two sets of samples of a metric compare; both have at least one, finite."""
    first, second = median(before), median(after)
    if min(*before, *after) > 0:
        ratio, low, high = rank_sum.compute_shift_interval(before, after, CONFIDENCE)
        ends = math.log(low) if low > 0 else -math.inf, math.log(high)
        return MetricComparison(metric, second, first, ratio, low, high, _classify_interval(metric, *ends))
    scale = max(abs(first), abs(second)) or 1.0
    _, low, high = rank_sum.compute_difference_interval(before, after, CONFIDENCE)
    return MetricComparison(metric, second, first, verdict=_classify_interval(metric, low / scale, high / scale))


def select_metric_values(metric: Metric, measurement: Measurement) -> list[float]:
    """The metric in every pass that nobody halted; for peak memory, and for the seconds, those that were made for them."""
    by_turns = pairs.choose_metric(measurement.samples, measurement.metric) == CPU_SECONDS.name
    kinds = ("memory", "alone") if by_turns else ("memory", "alone", "duet")
    samples = [sample for sample in measurement.samples if sample.kind in kinds]
    found = [{**s.numbers, **(s.metrics if metric.name in METRICS else {})}.get(metric.name) for s in samples]
    return [value for value in found if value is not None]


def _classify_interval(metric: Metric, low: float, high: float) -> Verdict | None:
    """What an interval of the change says, as a logarithm or as a share: the same margins as for seconds (method.md).

    None for a number of which neither more nor less is better.
    """
    if metric.better == "neither":
        return None
    if metric.better == "higher":
        low, high = -high, -low
    if low > MIN_EFFECT:
        return Verdict.REGRESSED
    if high < -MIN_EFFECT:
        return Verdict.IMPROVED
    return Verdict.UNCHANGED if low > -EQUIVALENCE_MARGIN and high < EQUIVALENCE_MARGIN else Verdict.INCONCLUSIVE
