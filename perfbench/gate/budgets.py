"""Budgets of a gate: what was measured against each limit on memory, instructions, metrics and ratios between modes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.model import PEAK_RSS_BYTES, Budget, Comparison, GatePolicy, Measurement, Metric, Verdict
from perfbench.stats import instructions, rank_sum, sequential
from perfbench.stats.metrics import select_metric_values
from perfbench.stats.pairs import select_values
from perfbench.util import formatting

NOISE_WARNING_FACTOR = 2.0
"""Multiple of the calibrated sigma above which a gate warns (docs/concepts/warnings.md)."""

MIN_MEMORY_BYTES = 1_000_000
"""Increases of memory up to this are ignored (docs/concepts/metrics.md, "Memory")."""

PEAK_MEMORY = "peak memory"
SIZE_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """What one comparison came to against one budget.

    ``before`` is None where the limit is on the value after alone. ``measured`` is the figure that the limit is on, in words;
    ``breach`` says how the limit is exceeded, and is empty where it is not.
    """

    budget: Budget
    before: float | None
    after: float
    measured: str
    breach: str = ""


def evaluate_budgets(
    policy: GatePolicy,
    before: Measurement,
    after: Measurement,
    comparison: Comparison | None,
    own: Sequence[Metric] = (),
    cases: int = 1,
) -> tuple[BudgetResult, ...]:
    """The result of every budget that applies to a comparison and was measured, in the order of the policy.

    :param own: the metrics of the scenario; :param cases: the number of comparisons of the gate.
    """
    across = before.case.environment != after.case.environment
    results: list[BudgetResult | None] = []
    for budget in policy.budgets:
        if budget.kind == "ratio":
            limited = not across and (budget.mode, budget.other) == (after.case.mode, before.case.mode)
            results.append(_evaluate_ratio(budget, before, comparison) if limited else None)
        elif across and budget.metric:
            metric = next((metric for metric in own if metric.name == budget.metric), None)
            results.append(_evaluate_metric(budget, metric, before, after, cases) if metric else None)
        elif across and budget.kind == "count":
            results.append(_evaluate_count(budget, before, after))
        elif across:
            results.append(_evaluate_memory(budget, before, after))
    return tuple(result for result in results if result is not None)


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
    results = evaluate_budgets(policy, before, after, comparison, own, cases)
    breaches = [result.breach for result in results if result.breach]
    limited = any(result.budget.kind == "ratio" for result in results)
    if comparison is not None and comparison.verdict is Verdict.REGRESSED and not limited:
        breaches.insert(0, describe_regression(comparison))
    return tuple(breaches)


def describe_regression(comparison: Comparison) -> str:
    """``is slower: +3.1 %``, with the part of a corpus that has regressed; that part alone where the whole is faster."""
    change = formatting.format_change(comparison.ratio)
    if comparison.part and comparison.ratio < 1:
        return f"is slower in a part: {comparison.part}; the whole corpus {change}"
    return f"is slower: {change}{f', {comparison.part}' if comparison.part else ''}"


def find_unreported(policy: GatePolicy, measurement: Measurement, own: Sequence[Metric]) -> tuple[str, ...]:
    """The metrics that have a budget and that a case should report and does not."""
    limited = {budget.metric for budget in policy.budgets}
    missing = [m.name for m in own if m.name in limited and not select_metric_values(m, measurement)]
    if policy.limits_memory and not _select_peaks(measurement):
        missing.append(PEAK_MEMORY)
    return tuple(missing)


def format_budget(budget: Budget) -> str:
    """A budget as it is typed: ``memory=5%``, ``peak=200MB``, ``patched/lightweight=1.8``, ``pause_ms=20``."""
    if budget.kind == "ratio":
        return f"{budget.mode}/{budget.other}={budget.limit:g}"
    name = budget.metric or budget.kind
    if budget.kind == "peak":
        unit, scale = next(((unit, scale) for unit, scale in SIZE_UNITS if budget.limit >= scale), SIZE_UNITS[-1])
        return f"{name}={budget.limit / scale:g}{unit}"
    return f"{name}={budget.limit:g}" if budget.kind == "number" else f"{name}={100 * budget.limit:g}%"


def _evaluate_ratio(budget: Budget, before: Measurement, comparison: Comparison | None) -> BudgetResult | None:
    if comparison is None:
        return None
    breach = f"takes {comparison.ratio:.3f} times {before.case.mode}: the limit is {budget.limit:g}"
    regressed = comparison.verdict is Verdict.REGRESSED
    measured = f"{comparison.ratio:.3f} ({formatting.format_interval(comparison.low, comparison.high)})"
    return BudgetResult(budget, comparison.before, comparison.after, measured, breach if regressed else "")


def _evaluate_metric(
    budget: Budget, metric: Metric, before: Measurement, after: Measurement, cases: int
) -> BudgetResult | None:
    sides = [select_metric_values(metric, side) for side in (before, after)]
    if not all(sides):
        return None
    first, second = map(median, sides)
    if budget.kind == "number":
        amount = formatting.format_amount(second, metric.unit)
        bound = "at least" if metric.better == "higher" else "at most"
        breach = f"{metric.name} {amount}: allowed is {bound} {formatting.format_amount(budget.limit, metric.unit)}"
        exceeded = _exceeds_limit(metric, second, budget.limit)
        return BudgetResult(budget, None, second, amount, breach if exceeded else "")
    amounts = formatting.format_amount_pair(first, second, metric.unit)
    breach = f"{metric.name} {amounts}: worse by more than {budget.limit:.1%}"
    exceeded = _is_worse(metric, sides[0], sides[1], budget.limit, cases)
    return BudgetResult(budget, first, second, _describe_change(amounts, first, second), breach if exceeded else "")


def _is_worse(metric: Metric, before: Sequence[float], after: Sequence[float], limit: float, cases: int) -> bool:
    """Whether a metric is worse by more than a share: at the level of the gate, or in all samples where they are too few."""
    sign = -1 if metric.better == "higher" else 1
    moved = [sign * value + limit * abs(value) for value in before]
    signed = [sign * value for value in after]
    lowest_p = 1 / math.comb(len(before) + len(after), len(before))
    return rank_sum.compute_rank_sum_p_above(moved, signed) <= max(sequential.ONE_SIDED_ERROR / max(1, cases), lowest_p)


def _exceeds_limit(metric: Metric, value: float, limit: float) -> bool:
    return value < limit if metric.better == "higher" else value > limit


def _evaluate_count(budget: Budget, before: Measurement, after: Measurement) -> BudgetResult | None:
    count = instructions.compare_counts(before, after)
    if count is None:
        return None
    amounts, change = formatting.format_quantity_pair(count.before, count.after), formatting.format_share(count.ratio)
    breach = f"executes {amounts} instructions, {change}: more than {100 * budget.limit:g}% above"
    exceeded = count.ratio > 1 + budget.limit
    return BudgetResult(budget, count.before, count.after, f"{amounts}, {change}", breach if exceeded else "")


def _evaluate_memory(budget: Budget, before: Measurement, after: Measurement) -> BudgetResult | None:
    peaks = [_select_peaks(side) for side in (before, after)]
    if not all(peaks):
        return None
    first, second = map(median, peaks)
    if budget.kind == "peak":
        amount = formatting.format_bytes(second)
        breach = f"{PEAK_MEMORY} {amount}: the limit is {formatting.format_bytes(budget.limit)}"
        return BudgetResult(budget, None, second, amount, breach if second > budget.limit else "")
    amounts = formatting.format_bytes_pair(first, second)
    exceeded = second - first > MIN_MEMORY_BYTES and second > first * (1 + budget.limit)
    breach = f"{PEAK_MEMORY} {amounts}: more than {budget.limit:.1%} above"
    return BudgetResult(budget, first, second, _describe_change(amounts, first, second), breach if exceeded else "")


def _select_peaks(measurement: Measurement) -> list[float]:
    return select_values(measurement.samples, PEAK_RSS_BYTES.name, "memory")


def _describe_change(amounts: str, first: float, second: float) -> str:
    return f"{amounts}, {formatting.format_share(second / first)}" if first > 0 else amounts
