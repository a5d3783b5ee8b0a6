"""What a gate says of a run: a verdict for every case that was declared, and why the gate is not passed. Pure.

The test is the sequential signed-rank test of method.md, with the level of a look solved for any number of cases. Of several cases
each has its share of the chance to be wrong; a case that has regressed leaves its share to the others (Holm, *A simple sequentially
rejective multiple test procedure*, 1979; for sequential tests Maurer, Bretz, *Multiple testing in group sequential trials using
graphical approaches*, 2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perfbench import comparing, counting, formatting, pairing, reported, sequential, statistics, unpaired
from perfbench.comparing import DELTA, EPS
from perfbench.model import METRICS, PEAK_RSS_BYTES, Case, Comparison, Doubt, Measurement, Metric, Run, Verdict
from perfbench.statistics import Floats
from perfbench.terms import Terms

Key = tuple[str, str]
"""The ids of the cases before and after."""

MUCH_MORE = 2.0
"""Times the sigma of the calibration, from which on a gate warns (method.md)."""

LEAST_BYTES = 1_000_000
"""Less memory than this is not worth a verdict (method.md)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an interval of the logarithm of a ratio means.

    Above ``worse`` it says regressed, below ``better`` improved, between ``floor`` and ``ceiling`` unchanged.
    """

    worse: float
    better: float
    floor: float
    ceiling: float


def bounds(terms: Terms, before: Case, after: Case) -> Bounds:
    """What the terms allow in a comparison of two environments, or of two modes in one (method.md).

    A budget for the ratio of modes has no margins: what is not above it is within it.
    """
    limit = terms.limit(after.mode, before.mode) if before.environment == after.environment else None
    if limit is not None:
        return Bounds(worse=math.log(limit), better=-math.inf, floor=-math.inf, ceiling=math.log(limit))
    margin = max(DELTA, math.log1p(terms.threshold))
    return Bounds(worse=max(EPS, math.log1p(terms.threshold)), better=-EPS, floor=-margin, ceiling=margin)


def settled(differences: Sequence[float], most: int, cases: int, allowed: Bounds) -> bool:
    """Whether a case needs no more pairs: it is clear at one of its looks, or has had all of them.

    :param differences: log ratios of its pairs in order of time; :param most: pairs that it may have; :param cases: of the gate.
    """
    looks = sequential.looks(most)
    level = sequential.level(looks, sequential.SIDE / cases)
    if len(differences) >= looks[-1]:
        return True
    return any(
        verdict_of(differences[:look], level, allowed) is not Verdict.INCONCLUSIVE
        for look in looks
        if look <= len(differences)
    )


def verdict_of(differences: Sequence[float] | Floats, level: float, allowed: Bounds) -> Verdict:
    """What log ratios say at this one-sided level."""
    return _verdict(*_interval(differences, level), allowed)


def comparisons(run: Run) -> dict[tuple[str, str], Comparison]:
    """The verdict on every comparison of a gate, by the ids before and after; nothing without a gate.

    A comparison that has no pair is left out: it was not measured.
    """
    terms = run.settings.gate
    if terms is None:
        return {}
    by_id = {measurement.case.id: measurement for measurement in run.measurements}
    whole = [duet for duet in run.duets if by_id.keys() >= set(duet)]
    sides = {(before, after): (by_id[before], by_id[after]) for before, after in whole}
    metrics = {key: pairing.metric_of((*b.samples, *a.samples), a.metric) for key, (b, a) in sides.items()}
    logs = {key: pairing.log_ratios(b.samples, a.samples, metrics[key]) for key, (b, a) in sides.items()}
    looks = {key: sequential.looks(terms.most(*key)) for key in sides}
    allowed = {key: bounds(terms, b.case, a.case) for key, (b, a) in sides.items()}
    used = {key: _reached(values, looks[key]) for key, values in logs.items()}
    regressed, side = _holm(used, looks, allowed)
    return {
        key: _comparison(
            sides[key],
            metrics[key],
            used[key],
            sequential.level(looks[key], side),
            allowed[key],
            terms,
            key in regressed,
        )
        for key in sides
        if used[key]
    }


def _holm(
    used: Mapping[Key, Sequence[float]], looks: Mapping[Key, tuple[int, ...]], allowed: Mapping[Key, Bounds]
) -> tuple[set[Key], float]:
    """Which comparisons have regressed, and the chance to be wrong that is left for each of the others."""
    regressed: set[Key] = set()
    while True:
        side = sequential.SIDE / max(1, len(used) - len(regressed))
        more = {
            key
            for key, values in used.items()
            if key not in regressed
            and len(values) >= looks[key][0]
            and statistics.signed_rank_p_above(values, allowed[key].worse) <= sequential.level(looks[key], side)
        }
        if not more:
            return regressed, side
        regressed |= more


def _reached(differences: Sequence[float], looks: Sequence[int]) -> Sequence[float]:
    """The pairs up to the last look that they reach; all of them, if they do not reach the first."""
    last = max((look for look in looks if look <= len(differences)), default=len(differences))
    return differences[:last]


def _comparison(
    sides: tuple[Measurement, Measurement],
    metric: str,
    differences: Sequence[float],
    level: float,
    allowed: Bounds,
    terms: Terms,
    regressed: bool,
) -> Comparison:
    before, after = map(median, pairing.paired_seconds(sides[0].samples, sides[1].samples, metric))
    pairs = len(differences)
    few = pairs < sequential.LOOKS[0]
    low, high = (-math.inf, math.inf) if few else _interval(differences, level)
    sigma = math.nan if pairs < 2 else statistics.sigma(differences)
    doubts = [Doubt("too few pairs for a verdict", str(pairs))] if few else _doubts(differences, sigma, terms)
    return Comparison(
        METRICS[metric],
        before,
        after,
        math.exp(statistics.hodges_lehmann(differences)),
        math.exp(low),
        math.exp(high),
        pairs,
        sigma,
        Verdict.REGRESSED if regressed else _verdict(low, high, allowed),
        tuple(doubts),
        confidence=1 - 2 * level,
        detectable=math.inf if few else sequential.detectable(sigma, pairs, level, EPS),
    )


def _doubts(differences: Sequence[float], sigma: float, terms: Terms) -> Iterable[Doubt]:
    yield from comparing.doubts(statistics.estimate(differences))
    if terms.elsewhere:
        yield Doubt("the calibration is of another machine: perfbench calibrate makes one of this")
    elif terms.sigma and sigma > MUCH_MORE * terms.sigma:
        yield Doubt("pairs scatter far more than in the calibration", f"{sigma:.1%} and not {terms.sigma:.1%}")


def _interval(differences: Sequence[float] | Floats, level: float) -> tuple[float, float]:
    """The interval of the logarithm at this one-sided level; without ends where the pairs are too few for it."""
    confidence = 1 - 2 * level
    if len(differences) < statistics.minimum_pairs(confidence):
        return -math.inf, math.inf
    return statistics.signed_rank_interval(differences, confidence)


def _verdict(low: float, high: float, allowed: Bounds) -> Verdict:
    if low > allowed.worse:
        return Verdict.REGRESSED
    if high < allowed.better:
        return Verdict.IMPROVED
    if low > allowed.floor and high < allowed.ceiling:
        return Verdict.UNCHANGED
    return Verdict.INCONCLUSIVE


def breaches(
    terms: Terms,
    before: Measurement,
    after: Measurement,
    comparison: Comparison | None,
    own: Sequence[Metric] = (),
    cases: int = 1,
) -> tuple[str, ...]:
    """What is not let pass of one comparison, each in a line: a regression, a budget that is exceeded.

    :param own: the metrics of the scenario; :param cases: comparisons that the gate judges.
    """
    found: list[str] = []
    across = before.case.environment != after.case.environment
    if comparison is not None and comparison.verdict is Verdict.REGRESSED:
        limit = None if across else terms.limit(after.case.mode, before.case.mode)
        if limit is None:
            found.append(f"is slower: {formatting.change(comparison.ratio)}")
        else:
            found.append(f"takes {comparison.ratio:.3f} times {before.case.mode}: at most {limit:g} are allowed")
    if across:
        found += _memory_breaches(terms, before, after)
        found += _count_breaches(terms, before, after)
        found += _number_breaches(terms, before, after, own, cases)
    return tuple(found)


def unreported(terms: Terms, measurement: Measurement, own: Sequence[Metric]) -> tuple[str, ...]:
    """The metrics that have a budget and that a case should report and does not."""
    wanted = {budget.metric for budget in terms.budgets}
    return tuple(m.name for m in own if m.name in wanted and not reported.values_of(m, measurement))


def _number_breaches(
    terms: Terms, before: Measurement, after: Measurement, own: Sequence[Metric], cases: int
) -> Iterable[str]:
    metrics = {metric.name: metric for metric in own}
    for budget in terms.budgets:
        if budget.metric not in metrics:
            continue
        metric = metrics[budget.metric]
        standard, values = (reported.values_of(metric, side) for side in (before, after))
        if not (standard and values):
            continue
        first, second = (formatting.amount(median(side), metric.unit) for side in (standard, values))
        if budget.kind == "change" and _worse(metric, standard, values, budget.limit, cases):
            yield f"{metric.name} {first} → {second}: worse by more than {budget.limit:.1%}"
        elif budget.kind == "number" and _beyond(metric, median(values), budget.limit):
            bound = "at least" if metric.better == "higher" else "at most"
            yield f"{metric.name} {second}: {bound} {formatting.amount(budget.limit, metric.unit)} are allowed"


def _worse(metric: Metric, before: Sequence[float], after: Sequence[float], limit: float, cases: int) -> bool:
    """Whether a number is worse by more than a share: at the level of the gate, or in all samples where they are too few for it."""
    sign = -1 if metric.better == "higher" else 1
    moved = [sign * value + limit * abs(value) for value in before]
    signed = [sign * value for value in after]
    surest = 1 / math.comb(len(before) + len(after), len(before))
    return unpaired.p_above(moved, signed) <= max(sequential.SIDE / max(1, cases), surest)


def _beyond(metric: Metric, value: float, limit: float) -> bool:
    return value < limit if metric.better == "higher" else value > limit


def _count_breaches(terms: Terms, before: Measurement, after: Measurement) -> Iterable[str]:
    count = counting.compare(before, after)
    for budget in terms.budgets:
        if budget.kind == "count" and count is not None and count.ratio > 1 + budget.limit:
            yield (
                f"executes {formatting.quantity(count.before)} → {formatting.quantity(count.after)} instructions, "
                f"{formatting.share(count.ratio)}: more than {100 * budget.limit:g}% above"
            )


def _memory_breaches(terms: Terms, before: Measurement, after: Measurement) -> Iterable[str]:
    peaks = [pairing.values(side.samples, PEAK_RSS_BYTES.name, "memory") for side in (before, after)]
    if not all(peaks):
        return
    first, second = map(median, peaks)
    for budget in terms.budgets:
        if budget.kind == "memory" and second - first > LEAST_BYTES and second / first - 1 > budget.limit:
            yield f"peak memory {formatting.size(first)} → {formatting.size(second)}: more than {budget.limit:.1%} above"
        if budget.kind == "peak" and second > budget.limit:
            yield f"peak memory {formatting.size(second)}: at most {formatting.size(budget.limit)} are allowed"
