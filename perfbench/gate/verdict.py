"""Verdicts of a gate over all its cases (Holm), from the pairs of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from perfbench.gate.budgets import NOISE_WARNING_FACTOR
from perfbench.gate.survey_verdict import evaluate_survey_gate
from perfbench.model import METRICS, Comparison, GatePolicy, Measurement, Run, TrustWarning, Verdict
from perfbench.stats import sequential, signed_rank
from perfbench.stats.comparison import find_trust_warnings
from perfbench.stats.pairs import choose_metric, compute_log_ratios, pair_values
from perfbench.stats.sequential import build_bounds, compute_log_interval
from perfbench.stats.verdict_bounds import MIN_EFFECT, VerdictBounds

CasePair = tuple[str, str]
"""The ids of the cases before and after."""


def evaluate_gate(run: Run) -> dict[tuple[str, str], Comparison]:
    """The comparisons of a gate with their verdicts, by the ids before and after; empty without a gate.

    A comparison without a pair is left out: it was not measured.
    """
    policy = run.settings.gate
    if policy is None:
        return {}
    if run.corpus is not None and any(m.case.data == run.corpus.name for m in run.measurements):
        return evaluate_survey_gate(run, run.corpus)
    by_id = {measurement.case.id: measurement for measurement in run.measurements}
    whole = [duet for duet in run.duets if by_id.keys() >= set(duet)]
    sides = {(before, after): (by_id[before], by_id[after]) for before, after in whole}
    metrics = {key: choose_metric((*b.samples, *a.samples), a.metric) for key, (b, a) in sides.items()}
    logs = {key: compute_log_ratios(b.samples, a.samples, metrics[key]) for key, (b, a) in sides.items()}
    looks = {key: sequential.select_looks(policy.most(*key)) for key in sides}
    allowed = {key: build_bounds(policy, b.case, a.case) for key, (b, a) in sides.items()}
    used = {key: _truncate_to_look(values, looks[key]) for key, values in logs.items()}
    regressed, side = _apply_holm(used, looks, allowed)
    return {
        key: _build_comparison(
            sides[key],
            metrics[key],
            used[key],
            sequential.compute_level(looks[key], side),
            allowed[key],
            policy,
            key in regressed,
        )
        for key in sides
        if used[key]
    }


def find_regressions(run: Run) -> frozenset[CasePair]:
    """The comparisons of a gate that are confirmed regressions, by the ids before and after.

    Sides that did different work are left out: no ratio of theirs means anything.
    """
    by_id = {measurement.case.id: measurement for measurement in run.measurements}
    return frozenset(
        (before, after)
        for (before, after), comparison in evaluate_gate(run).items()
        if comparison.verdict is Verdict.REGRESSED and not _did_other_work(run, by_id[before], by_id[after])
    )


def _did_other_work(run: Run, before: Measurement, after: Measurement) -> bool:
    less = any(d.less_work for d in after.differences if d.against == before.case.id)
    sides = [before.works, after.works] if run.is_program(after.case) else [before.works | after.works]
    return less or any(len(works) > 1 for works in sides)


def _apply_holm(
    used: Mapping[CasePair, Sequence[float]],
    looks: Mapping[CasePair, tuple[int, ...]],
    allowed: Mapping[CasePair, VerdictBounds],
) -> tuple[set[CasePair], float]:
    """The comparisons that have regressed, and the error probability left for each of the others."""
    regressed: set[CasePair] = set()
    while True:
        side = sequential.ONE_SIDED_ERROR / max(1, len(used) - len(regressed))
        more = {
            key
            for key, values in used.items()
            if key not in regressed
            and len(values) >= looks[key][0]
            and signed_rank.compute_p_above(values, allowed[key].worse) <= sequential.compute_level(looks[key], side)
        }
        if not more:
            return regressed, side
        regressed |= more


def _truncate_to_look(differences: Sequence[float], looks: Sequence[int]) -> Sequence[float]:
    """The pairs up to the last look that they reach; all of them if they do not reach the first."""
    last = max((look for look in looks if look <= len(differences)), default=len(differences))
    return differences[:last]


def _build_comparison(
    sides: tuple[Measurement, Measurement],
    metric: str,
    differences: Sequence[float],
    level: float,
    allowed: VerdictBounds,
    policy: GatePolicy,
    regressed: bool,
) -> Comparison:
    before, after = map(median, pair_values(sides[0].samples, sides[1].samples, metric))
    pairs = len(differences)
    few = pairs < sequential.GATE_LOOKS[0]
    low, high = (-math.inf, math.inf) if few else compute_log_interval(differences, level)
    sigma = math.nan if pairs < 2 else signed_rank.compute_sigma(differences)
    limited = allowed.better == -math.inf  # a budget for the ratio of two modes, to which the threshold does not apply
    smallest = MIN_EFFECT if limited else max(MIN_EFFECT, policy.threshold)
    too_few = TrustWarning(f"too few pairs for a verdict, which takes {sequential.GATE_LOOKS[0]}", str(pairs))
    warnings = [too_few] if few else _find_warnings(differences, sigma, policy)
    return Comparison(
        METRICS[metric],
        before,
        after,
        math.exp(signed_rank.hodges_lehmann(differences)),
        math.exp(low),
        math.exp(high),
        pairs,
        sigma,
        Verdict.REGRESSED if regressed else allowed.classify(low, high),
        tuple(warnings),
        confidence=1 - 2 * level,
        detectable=math.inf if few else sequential.compute_detectable(sigma, pairs, level, smallest),
    )


def _find_warnings(differences: Sequence[float], sigma: float, policy: GatePolicy) -> Iterable[TrustWarning]:
    yield from find_trust_warnings(signed_rank.estimate(differences))
    if policy.elsewhere:
        yield TrustWarning("the calibration is of another machine; run `perfbench calibrate` here")
    elif policy.sigma and sigma > NOISE_WARNING_FACTOR * policy.sigma:
        yield TrustWarning(
            "pairs scatter far more than in the calibration", f"{sigma:.1%} instead of {policy.sigma:.1%}"
        )
