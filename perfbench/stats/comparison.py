"""Compare two measurements, paired or unpaired: ratio, interval, verdict and warnings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from perfbench.model import METRICS, Comparison, Measurement, Settings, TrustWarning, Verdict
from perfbench.stats import pairs, rank_sum, signed_rank
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS

NOISY_SIGMA = 0.03


def compare_paired(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """The comparison of two cases by their pairs; None without a single pair. With too few for an interval it is infinite.

    The seconds are of these pairs too: in pairs with other cases a case may have been slower or faster.
    """
    logs = pairs.compute_log_ratios(before.samples, after.samples, metric)
    if not logs:
        return None
    seconds_before, seconds_after = map(median, pairs.pair_values(before.samples, after.samples, metric))
    needed = signed_rank.count_minimum_pairs(confidence)
    if len(logs) < needed:
        ratio = math.exp(signed_rank.hodges_lehmann(logs))
        few = TrustWarning(f"too few pairs for an interval, which takes {needed}", str(len(logs)))
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
    estimate = signed_rank.estimate(logs, confidence)
    return Comparison(
        metric=METRICS[metric],
        before=seconds_before,
        after=seconds_after,
        ratio=estimate.ratio,
        low=estimate.low,
        high=estimate.high,
        pairs=estimate.pairs,
        sigma=estimate.sigma,
        verdict=STANDARD_BOUNDS.classify_ratio(estimate.low, estimate.high),
        warnings=tuple(find_trust_warnings(estimate)),
    )


def compare_unpaired(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """The comparison of two cases of different runs, each sample of one with each of the other. None without samples.

    ``pairs`` is the number of samples of the side with fewer, ``sigma`` is not a number.
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
        STANDARD_BOUNDS.classify_ratio(low, high),
    )


def find_trust_warnings(estimate: signed_rank.Estimate) -> Iterable[TrustWarning]:
    """Warnings about a ratio that its own pairs give rise to."""
    if estimate.sigma > NOISY_SIGMA:
        yield TrustWarning("pairs scatter", f"by {estimate.sigma:.1%}")
    if abs(estimate.autocorrelation) > 2 / math.sqrt(estimate.pairs):
        yield TrustWarning("consecutive pairs are correlated", f"autocorrelation {estimate.autocorrelation:+.2f}")
    if estimate.halves_disagree:
        yield TrustWarning("the two halves of the pairs give different ratios")


def choose_confidence(settings: Settings) -> float:
    """The nominal confidence of intervals with 95 % coverage: higher where the run stops once they are narrow."""
    return 0.95 if settings.rounds is not None else signed_rank.choose_adaptive_confidence(0.95)
