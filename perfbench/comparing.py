"""Two measurements → a comparison with a verdict. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from perfbench import pairing, statistics, unpaired
from perfbench.model import METRICS, Comparison, Doubt, Measurement, Settings, Verdict

EPS = 0.0025
"""A change below a quarter of a per cent is not called one (method.md)."""

DELTA = 0.01
"""An interval within one per cent of no change is ``unchanged`` (method.md)."""

NOISY_SIGMA = 0.03


def compare(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """What the pairs of two cases say; None without a single pair. Too few for an interval: it is infinite.

    The seconds are of these pairs too: a case that has pairs with others may have been slower or faster in those.
    """
    logs = pairing.log_ratios(before.samples, after.samples, metric)
    if not logs:
        return None
    seconds_before, seconds_after = map(median, pairing.paired_seconds(before.samples, after.samples, metric))
    if len(logs) < statistics.minimum_pairs(confidence):
        ratio = math.exp(statistics.hodges_lehmann(logs))
        few = Doubt("too few pairs for an interval", str(len(logs)))
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
    found = statistics.estimate(logs, confidence)
    return Comparison(
        metric=METRICS[metric],
        before=seconds_before,
        after=seconds_after,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        pairs=found.pairs,
        sigma=found.sigma,
        verdict=verdict(found.low, found.high),
        doubts=tuple(doubts(found)),
    )


def compare_unpaired(before: Measurement, after: Measurement, metric: str, confidence: float) -> Comparison | None:
    """What two cases of different runs say: every sample of one against every sample of the other. None without samples.

    ``pairs`` is the number of samples of the side that has fewer, ``sigma`` is not known.
    """
    sides = [pairing.values(side.samples, metric, "duet", "alone") for side in (before, after)]
    if not all(sides) or min(map(min, sides)) <= 0:
        return None
    ratio, low, high = unpaired.shift_interval(sides[0], sides[1], confidence)
    fewest = min(map(len, sides))
    return Comparison(
        METRICS[metric], median(sides[0]), median(sides[1]), ratio, low, high, fewest, math.nan, verdict(low, high)
    )


def verdict(low: float, high: float) -> Verdict:
    """What an interval of the ratio after / before of something that should be low says (method.md)."""
    if low <= 0 or not math.isfinite(high):
        return Verdict.INCONCLUSIVE
    log_low, log_high = math.log(low), math.log(high)
    if log_low > EPS:
        return Verdict.REGRESSED
    if log_high < -EPS:
        return Verdict.IMPROVED
    if log_low > -DELTA and log_high < DELTA:
        return Verdict.UNCHANGED
    return Verdict.INCONCLUSIVE


def doubts(found: statistics.Estimate) -> Iterable[Doubt]:
    """What the pairs themselves say against their ratio."""
    if found.sigma > NOISY_SIGMA:
        yield Doubt("pairs scatter", f"by {found.sigma:.1%}")
    if abs(found.autocorrelation) > 2 / math.sqrt(found.pairs):
        yield Doubt("neighbouring pairs are alike", f"autocorrelation {found.autocorrelation:+.2f}")
    if found.halves_disagree:
        yield Doubt("the first half of the pairs tells another ratio than the second")


def confidence(settings: Settings) -> float:
    """What to ask of an interval that is to be a 95 % interval: more, where the run stopped because it was narrow."""
    return 0.95 if settings.rounds is not None else statistics.looking_confidence(0.95)
