"""Evaluate the advice of a scenario against the measured modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perfbench.model import METRICS, Claim, Comparison, Measurement, Metric, Verdict
from perfbench.report.claim_result import ClaimResult
from perfbench.stats import metrics
from perfbench.stats.comparison import compare_unpaired
from perfbench.stats.savings import compare_saving

GROWTH_VERDICTS = {
    (True, False): Verdict.IMPROVED,
    (False, False): Verdict.UNCHANGED,
    (True, True): Verdict.UNCHANGED,
    (False, True): Verdict.REGRESSED,
}
"""The verdict of a bounded claim by whether the sides grow, before and after."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a table measured of its modes: the metrics of the scenario are ``own``, the metric of its seconds ``seconds``.

    ``paired`` compares the baseline with another mode by their pairs; ``confidence`` is of the intervals of pairs.
    """

    modes: Mapping[str, Measurement]
    own: Sequence[Metric]
    seconds: str
    paired: Callable[[Measurement, Measurement], Comparison | None]
    confidence: float

    def find_metric(self, claim: Claim) -> Metric:
        """The metric of a claim."""
        return {**METRICS, **{metric.name: metric for metric in self.own}}[claim.metric or self.seconds]

    def compare_seconds(self, before: Measurement, after: Measurement) -> Comparison | None:
        """The seconds of two modes: by pairs against the baseline, else unpaired."""
        if before.baseline:
            return self.paired(before, after)
        return compare_unpaired(before, after, self.seconds, metrics.CONFIDENCE)


def evaluate_advice(claims: Sequence[Claim], evidence: Evidence) -> Iterator[ClaimResult]:
    """Every piece of advice of a scenario against the measurements.

    Left out are announced speed-ups of releases, and advice about a mode that the run does not have, such as one not chosen.
    """
    for claim in claims:
        if claim.text and {claim.before, claim.after} <= evidence.modes.keys():
            result = _evaluate_claim(claim, claim.after, evidence)
            yield replace(result, better=_find_better(result, evidence))


def _evaluate_claim(claim: Claim, mode: str, evidence: Evidence) -> ClaimResult:
    before, after = evidence.modes[claim.before], evidence.modes.get(mode)  # the better mode may not be measured
    metric = evidence.find_metric(claim)
    result = ClaimResult(claim, mode, after.doc if after else "", metric)
    if after is None or before.works != after.works:
        return result
    if claim.saves is not None:
        return _evaluate_saving(result, before, after, evidence.confidence)
    if claim.metric:
        return _evaluate_metric(result, before, after)
    c = evidence.compare_seconds(before, after)
    if c is None:
        return result
    return replace(result, before=c.before, after=c.after, ratio=c.ratio, low=c.low, high=c.high, verdict=c.verdict)


def _evaluate_metric(result: ClaimResult, before: Measurement, after: Measurement) -> ClaimResult:
    number = metrics.compare_metric(result.metric, before, after)
    if number is None or number.before is None or number.verdict is None:
        return result
    measured = replace(
        result,
        before=number.before,
        after=number.after,
        ratio=number.ratio,
        low=number.low,
        high=number.high,
        verdict=number.verdict,
    )
    if not result.claim.bounded:
        return measured
    grows = _find_growth(result.metric, before), _find_growth(result.metric, after)
    verdict = Verdict.INCONCLUSIVE
    if grows[0] is not None and grows[1] is not None:
        verdict = GROWTH_VERDICTS[grows[0], grows[1]]
    return replace(measured, verdict=verdict, grows=grows)


def _find_growth(metric: Metric, side: Measurement) -> bool | None:
    """Whether every pass is above the floor of the metric (True) or at it (False)."""
    values = metrics.select_metric_values(metric, side)
    above = {value > metric.floor for value in values}
    return above.pop() if len(above) == 1 else None


def _evaluate_saving(result: ClaimResult, before: Measurement, after: Measurement, confidence: float) -> ClaimResult:
    saving = compare_saving(result.metric, before, after, confidence)
    if saving is None:
        return result
    return replace(
        result,
        before=saving.before,
        after=saving.after,
        verdict=saving.verdict,
        saving=saving,
        unit=after.unit.removesuffix("s") if result.metric.name in METRICS else "",
    )


def _find_better(result: ClaimResult, evidence: Evidence) -> ClaimResult | None:
    """The mode that the advice does not mention, if it improves on the baseline and on the advised mode too."""
    claim = result.claim
    if result.verdict is None or claim.better in ("", claim.after):
        return None
    better = _evaluate_claim(claim, claim.better, evidence)
    return better if better.verdict is Verdict.IMPROVED and _is_better(better, result, evidence) else None


def _is_better(better: ClaimResult, advised: ClaimResult, evidence: Evidence) -> bool:
    """Whether its interval excludes that it is only as good as the advised mode."""
    if better.saving is not None and advised.saving is not None:
        return better.saving.low > advised.saving.high
    if advised.claim.metric:
        number = metrics.compare_metric(better.metric, evidence.modes[advised.mode], evidence.modes[better.mode])
        return number is not None and number.verdict is Verdict.IMPROVED
    # Both ratios are against the same baseline; the two modes have no pairs with each other.
    return better.high < advised.low
