"""Numbers that only the modes know, such as bytes per update or the longest pause: how they compare. Pure.

They come from passes that nobody halted: those alone, and those of pairs that run one after the other. In a pair by turns on one
core a pass is halted again and again, and whatever it times by the wall clock would have the turns of the other side in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from perfbench import pairing, unpaired
from perfbench.comparing import DELTA, EPS
from perfbench.model import CPU_SECONDS, METRICS, Measurement, Metric, Reported, Verdict

CONFIDENCE = 0.95


def reported(metric: Metric, before: Measurement | None, after: Measurement) -> Reported | None:
    """The number in a case, against the case before; None where the case does not report it."""
    values = values_of(metric, after)
    if not values:
        return None
    own = Reported(metric, median(values))
    others = values_of(metric, before) if before is not None else []
    return compare(metric, others, values) if others else own


def compare(metric: Metric, before: Sequence[float], after: Sequence[float]) -> Reported:
    """How two sets of samples of a metric compare; both have at least one, finite."""
    first, second = median(before), median(after)
    if min(*before, *after) > 0:
        ratio, low, high = unpaired.shift_interval(before, after, CONFIDENCE)
        ends = math.log(low) if low > 0 else -math.inf, math.log(high)
        return Reported(metric, second, first, ratio, low, high, _verdict(metric, *ends))
    scale = max(abs(first), abs(second)) or 1.0
    _, low, high = unpaired.difference_interval(before, after, CONFIDENCE)
    return Reported(metric, second, first, verdict=_verdict(metric, low / scale, high / scale))


def values_of(metric: Metric, measurement: Measurement) -> list[float]:
    """The metric in every pass that nobody halted; for peak memory, and for the seconds, those that were made for them."""
    by_turns = pairing.metric_of(measurement.samples, measurement.metric) == CPU_SECONDS.name
    kinds = ("memory", "alone") if by_turns else ("memory", "alone", "duet")
    samples = [sample for sample in measurement.samples if sample.kind in kinds]
    found = [{**s.numbers, **(s.metrics if metric.name in METRICS else {})}.get(metric.name) for s in samples]
    return [value for value in found if value is not None]


def _verdict(metric: Metric, low: float, high: float) -> Verdict | None:
    """What an interval of the change says, as a logarithm or as a share: the same margins as for seconds (method.md).

    None for a number of which neither more nor less is better.
    """
    if metric.better == "neither":
        return None
    if metric.better == "higher":
        low, high = -high, -low
    if low > EPS:
        return Verdict.REGRESSED
    if high < -EPS:
        return Verdict.IMPROVED
    return Verdict.UNCHANGED if low > -DELTA and high < DELTA else Verdict.INCONCLUSIVE
