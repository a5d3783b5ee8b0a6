"""Budgets of a gate: limits on memory, instruction counts, metrics and ratios between modes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from perfbench.model import PEAK_RSS_BYTES, Comparison, GatePolicy, Measurement, Metric, Verdict
from perfbench.stats import instructions, rank_sum, sequential
from perfbench.stats.metrics import select_metric_values
from perfbench.stats.pairs import select_values
from perfbench.util import formatting

NOISE_WARNING_FACTOR = 2.0
"""Multiple of the calibrated sigma above which a gate warns (docs/method.md, "Warnings")."""

MIN_MEMORY_BYTES = 1_000_000
"""Increases of memory up to this are ignored (docs/method.md, "Memory")."""


def find_breaches(
    policy: GatePolicy,
    before: Measurement,
    after: Measurement,
    comparison: Comparison | None,
    own: Sequence[Metric] = (),
    cases: int = 1,
) -> tuple[str, ...]:
    """The reasons why one comparison fails the gate, a line each: a regression, an exceeded budget.

    :param own: the metrics of the scenario; :param cases: the number of comparisons of the gate.
    """
    breaches: list[str] = []
    across = before.case.environment != after.case.environment
    if comparison is not None and comparison.verdict is Verdict.REGRESSED:
        limit = None if across else policy.limit(after.case.mode, before.case.mode)
        if limit is None:
            breaches.append(f"is slower: {formatting.format_change(comparison.ratio)}")
        else:
            breaches.append(f"takes {comparison.ratio:.3f} times {before.case.mode}: the limit is {limit:g}")
    if across:
        breaches += _find_memory_breaches(policy, before, after)
        breaches += _find_count_breaches(policy, before, after)
        breaches += _find_metric_breaches(policy, before, after, own, cases)
    return tuple(breaches)


def find_unreported(policy: GatePolicy, measurement: Measurement, own: Sequence[Metric]) -> tuple[str, ...]:
    """The metrics that have a budget and that a case should report and does not."""
    limited = {budget.metric for budget in policy.budgets}
    return tuple(m.name for m in own if m.name in limited and not select_metric_values(m, measurement))


def _find_metric_breaches(
    policy: GatePolicy, before: Measurement, after: Measurement, own: Sequence[Metric], cases: int
) -> Iterable[str]:
    metrics = {metric.name: metric for metric in own}
    for budget in policy.budgets:
        if budget.metric not in metrics:
            continue
        metric = metrics[budget.metric]
        standard, values = (select_metric_values(metric, side) for side in (before, after))
        if not (standard and values):
            continue
        first, second = (formatting.format_amount(median(side), metric.unit) for side in (standard, values))
        if budget.kind == "change" and _is_worse(metric, standard, values, budget.limit, cases):
            yield f"{metric.name} {first} → {second}: worse by more than {budget.limit:.1%}"
        elif budget.kind == "number" and _exceeds_limit(metric, median(values), budget.limit):
            bound = "at least" if metric.better == "higher" else "at most"
            yield f"{metric.name} {second}: allowed is {bound} {formatting.format_amount(budget.limit, metric.unit)}"


def _is_worse(metric: Metric, before: Sequence[float], after: Sequence[float], limit: float, cases: int) -> bool:
    """Whether a metric is worse by more than a share: at the level of the gate, or in all samples where they are too few."""
    sign = -1 if metric.better == "higher" else 1
    moved = [sign * value + limit * abs(value) for value in before]
    signed = [sign * value for value in after]
    lowest_p = 1 / math.comb(len(before) + len(after), len(before))
    return rank_sum.compute_rank_sum_p_above(moved, signed) <= max(sequential.ONE_SIDED_ERROR / max(1, cases), lowest_p)


def _exceeds_limit(metric: Metric, value: float, limit: float) -> bool:
    return value < limit if metric.better == "higher" else value > limit


def _find_count_breaches(policy: GatePolicy, before: Measurement, after: Measurement) -> Iterable[str]:
    count = instructions.compare_counts(before, after)
    for budget in policy.budgets:
        if budget.kind == "count" and count is not None and count.ratio > 1 + budget.limit:
            yield (
                f"executes {formatting.format_quantity(count.before)} → {formatting.format_quantity(count.after)} instructions, "
                f"{formatting.format_share(count.ratio)}: more than {100 * budget.limit:g}% above"
            )


def _find_memory_breaches(policy: GatePolicy, before: Measurement, after: Measurement) -> Iterable[str]:
    peaks = [select_values(side.samples, PEAK_RSS_BYTES.name, "memory") for side in (before, after)]
    if not all(peaks):
        return
    first, second = map(median, peaks)
    for budget in policy.budgets:
        if budget.kind == "memory" and second - first > MIN_MEMORY_BYTES and second / first - 1 > budget.limit:
            change = f"{formatting.format_bytes(first)} → {formatting.format_bytes(second)}"
            yield f"peak memory {change}: more than {budget.limit:.1%} above"
        if budget.kind == "peak" and second > budget.limit:
            yield f"peak memory {formatting.format_bytes(second)}: the limit is {formatting.format_bytes(budget.limit)}"
