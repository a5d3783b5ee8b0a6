"""Two measurements → a comparison with a verdict. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from perfbench.model import METRICS, Comparison, Measurement, Settings, TrustWarning, Verdict
from perfbench.stats import pairs, rank_sum, signed_rank

MIN_EFFECT = 0.0025
"""A change below a quarter of a per cent is not called one (method.md)."""

EQUIVALENCE_MARGIN = 0.01
"""An interval within one per cent of no change is ``unchanged`` (method.md)."""

NOISY_SIGMA = 0.03


def compare_paired(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """What the pairs of two cases say; None without a single pair. Too few for an interval: it is infinite.

    The seconds are of these pairs too: a case that has pairs with others may have been slower or faster in those.
    """
    logs = pairs.compute_log_ratios(before.samples, after.samples, metric)
    if not logs:
        return None
    seconds_before, seconds_after = map(median, pairs.pair_values(before.samples, after.samples, metric))
    if len(logs) < signed_rank.count_minimum_pairs(confidence):
        ratio = math.exp(signed_rank.hodges_lehmann(logs))
        few = TrustWarning("too few pairs for an interval", str(len(logs)))
        return Comparison(
            METRICS[metric],
            seconds_before,
            seconds_after,
            ratio,
            0.0,
            math.inf,
            len(logs),
            math.nan,
            Verdict.INCONCLUSIVE,
            (few,),
        )
    found = signed_rank.estimate(logs, confidence)
    return Comparison(
        metric=METRICS[metric],
        before=seconds_before,
        after=seconds_after,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        pairs=found.pairs,
        sigma=found.sigma,
        verdict=classify_interval(found.low, found.high),
        doubts=tuple(find_trust_warnings(found)),
    )


def compare_unpaired(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """What two cases of different runs say: every sample of one against every sample of the other. None without samples.

    ``pairs`` is the number of samples of the side that has fewer, ``sigma`` is not known.
    """
    sides = [pairs.select_values(side.samples, metric, "duet", "alone") for side in (before, after)]
    if not all(sides) or min(map(min, sides)) <= 0:
        return None
    ratio, low, high = rank_sum.compute_shift_interval(sides[0], sides[1], confidence)
    fewest = min(map(len, sides))
    return Comparison(
        METRICS[metric],
        median(sides[0]),
        median(sides[1]),
        ratio,
        low,
        high,
        fewest,
        math.nan,
        classify_interval(low, high),
    )


def classify_interval(low: float, high: float) -> Verdict:
    """What an interval of the ratio after / before of something that should be low says (method.md)."""
    if low <= 0 or not math.isfinite(high):
        return Verdict.INCONCLUSIVE
    log_low, log_high = math.log(low), math.log(high)
    if log_low > MIN_EFFECT:
        return Verdict.REGRESSED
    if log_high < -MIN_EFFECT:
        return Verdict.IMPROVED
    if log_low > -EQUIVALENCE_MARGIN and log_high < EQUIVALENCE_MARGIN:
        return Verdict.UNCHANGED
    return Verdict.INCONCLUSIVE


def find_trust_warnings(found: signed_rank.Estimate) -> Iterable[TrustWarning]:
    """What the pairs themselves say against their ratio."""
    if found.sigma > NOISY_SIGMA:
        yield TrustWarning("pairs scatter", f"by {found.sigma:.1%}")
    if abs(found.autocorrelation) > 2 / math.sqrt(found.pairs):
        yield TrustWarning("neighbouring pairs are alike", f"autocorrelation {found.autocorrelation:+.2f}")
    if found.halves_disagree:
        yield TrustWarning("the first half of the pairs tells another ratio than the second")


def choose_confidence(settings: Settings) -> float:
    """What to ask of an interval that is to be a 95 % interval: more, where the run stopped because it was narrow."""
    return 0.95 if settings.rounds is not None else signed_rank.choose_adaptive_confidence(0.95)
