"""Compare metrics that modes report themselves, such as bytes per update or the longest pause.

Only passes that were never paused count: solo passes, and those of sequential pairs. In an interleaved pair a pass is paused again
and again, so that a wall time would include slices of the other side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from perfbench.model import CPU_SECONDS, METRICS, Measurement, Metric, MetricComparison, Verdict
from perfbench.stats import pairs, rank_sum
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS, VerdictBounds

CONFIDENCE = 0.95


def compare_metric(metric: Metric, before: Measurement | None, after: Measurement) -> MetricComparison | None:
    """The metric of a case compared with the case before; None where the case does not report it."""
    values = select_metric_values(metric, after)
    if not values:
        return None
    own = MetricComparison(metric, median(values))
    others = select_metric_values(metric, before) if before is not None else []
    return compare_samples(metric, others, values) if others else own


def compare_samples(metric: Metric, before: Sequence[float], after: Sequence[float]) -> MetricComparison:
    """The comparison of two sets of samples of a metric; each has at least one, all finite.

    A side whose median is at the floor of the metric has no ratio: the difference is compared with the floor.
    """
    first, second = median(before), median(after)
    if min(*before, *after) > 0 and min(first, second) > metric.floor:
        ratio, low, high = rank_sum.compute_shift_interval(before, after, CONFIDENCE)
        ends = math.log(low) if low > 0 else -math.inf, math.log(high)
        return MetricComparison(metric, second, first, ratio, low, high, _classify_interval(metric, *ends))
    _, low, high = rank_sum.compute_difference_interval(before, after, CONFIDENCE)
    if metric.floor > 0:
        bounds = VerdictBounds(metric.floor, -metric.floor, -metric.floor, metric.floor)
        return MetricComparison(metric, second, first, verdict=_classify_interval(metric, low, high, bounds))
    scale = max(abs(first), abs(second)) or 1.0
    return MetricComparison(metric, second, first, verdict=_classify_interval(metric, low / scale, high / scale))


def select_metric_values(metric: Metric, measurement: Measurement) -> list[float]:
    """The metric in every pass that was never paused; peak memory comes from memory passes."""
    interleaved = pairs.choose_metric(measurement.samples, measurement.metric) == CPU_SECONDS.name
    kinds = ("memory", "alone") if interleaved else ("memory", "alone", "duet")
    samples = [sample for sample in measurement.samples if sample.kind in kinds]
    values = [{**s.numbers, **(s.metrics if metric.name in METRICS else {})}.get(metric.name) for s in samples]
    return [value for value in values if value is not None]


def _classify_interval(
    metric: Metric, low: float, high: float, bounds: VerdictBounds = STANDARD_BOUNDS
) -> Verdict | None:
    """The verdict on an interval of the change; None for a metric without a direction.

    The margins of a logarithm or a share are those for seconds (docs/concepts/metrics.md, "Metrics that a mode reports").
    """
    if metric.better == "neither":
        return None
    if metric.better == "higher":
        low, high = -high, -low
    return bounds.classify(low, high)
