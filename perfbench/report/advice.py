"""Evaluate the advice of a scenario against the measured modes, and describe the result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from perfbench.model import METRICS, Claim, Comparison, Measurement, Metric, Verdict
from perfbench.report.model import ClaimResult
from perfbench.stats import metrics
from perfbench.stats.comparison import compare_unpaired
from perfbench.util import formatting

CompareMeasurements = Callable[[Measurement, Measurement], Comparison | None]

REFUTED_TEXTS = {
    Verdict.REGRESSED: "refuted: it makes things worse",
    Verdict.UNCHANGED: "makes no difference",
    Verdict.INCONCLUSIVE: "inconclusive",
}
NOT_MEASURED_TEXT = "was not measured"


def evaluate_advice(
    claims: Sequence[Claim],
    modes: Mapping[str, Measurement],
    own: Sequence[Metric],
    seconds: str,
    paired: CompareMeasurements,
) -> Iterator[ClaimResult]:
    """Every piece of advice of a scenario against the measurements; announced speed-ups of releases are left out.

    :param modes: the measurements of a table by mode; :param own: the metrics of the scenario.
    :param seconds: the name of the metric of its seconds; :param paired: compares the baseline with another mode by their pairs.
    """
    by_name = {**METRICS, **{metric.name: metric for metric in own}}
    for claim in claims:
        if claim.text and claim.before in modes:
            metric = by_name[claim.metric or seconds]
            yield _evaluate_claim(claim, claim.after, modes, metric, paired)


def _evaluate_claim(
    claim: Claim, mode: str, modes: Mapping[str, Measurement], metric: Metric, paired: CompareMeasurements
) -> ClaimResult:
    before, after = modes[claim.before], modes.get(mode)
    better = (
        _evaluate_claim(claim, claim.better, modes, metric, paired)
        if claim.better and mode == claim.after != claim.better
        else None
    )
    not_measured = ClaimResult(claim, mode, after.doc if after else "", metric, better=better)
    if after is None:
        return not_measured
    if before.works != after.works:
        return not_measured
    if claim.metric:
        number = metrics.compare_metric(metric, before, after)
        if number is None or number.before is None or number.verdict is None:
            return not_measured
        values = number.before, number.after, number.ratio, number.low, number.high, number.verdict
    else:
        comparison = (
            paired(before, after)
            if before.baseline
            else compare_unpaired(before, after, metric.name, metrics.CONFIDENCE)
        )
        if comparison is None:
            return not_measured
        c = comparison
        values = c.before, c.after, c.ratio, c.low, c.high, c.verdict
    return ClaimResult(claim, mode, after.doc, metric, *values, better=better)


def describe_verdict(result: ClaimResult) -> str:
    """``holds``, ``holds, but only 1.8x``, ``makes no difference``, ``refuted: it makes things worse``."""
    if result.verdict is None:
        return NOT_MEASURED_TEXT
    if result.verdict is not Verdict.IMPROVED:
        return REFUTED_TEXTS[result.verdict]
    claimed = result.claim.ratio
    return (
        "holds"
        if claimed <= 1 or result.best >= claimed
        else f"holds, but only {formatting.format_factor(result.gain)}"
    )


def describe_advice(result: ClaimResult) -> str:
    """The result in a line: ``advice “…”: holds, held bytes 96 B → 0 B; better: ring, 2.1x faster``."""
    text = f"advice “{result.claim.text}”: {describe_verdict(result)}"
    if result.verdict is not None:
        text += f", {describe_measurement(result)}"
    if result.better is not None and result.better.verdict is not None:
        text += f"; {describe_alternative(result.better)}"
    return text


def describe_alternative(better: ClaimResult) -> str:
    """The alternative to the advised mode, with its effect against the same baseline."""
    word = "better" if better.verdict is Verdict.IMPROVED else "alternative"
    return f"{word}: {better.mode}, {format_amounts(better)}{format_effect(better)}"


def describe_measurement(result: ClaimResult) -> str:
    """``bytes per update 96 B → 0.1 B, 960x less``, ``CPU seconds 0.61s → 0.25s, 2.4x faster [2.38–2.45]``."""
    return f"{format_metric_name(result.metric)} {format_amounts(result)}{format_effect(result)}"


def format_metric_name(metric: Metric) -> str:
    """``CPU seconds``, ``bytes per update``, ``pause`` of ``pause_ms``, because its unit follows every number."""
    name = metric.label.replace("rss bytes", "memory")
    return name if metric.unit in ("seconds", "bytes") else name.removesuffix(f" {metric.unit.replace('µ', 'u')}")


def format_amounts(result: ClaimResult) -> str:
    """``0.61s → 0.25s``."""
    assert result.before is not None
    assert result.after is not None
    return formatting.format_amount_pair(result.before, result.after, result.metric.unit)


def format_effect(result: ClaimResult) -> str:
    """``, 2.4x faster [2.38–2.45]``; empty where a value is zero, or nothing changed."""
    if not (math.isfinite(result.ratio) and result.ratio > 0) or result.verdict is Verdict.UNCHANGED:
        return ""
    words = ("faster", "slower") if result.metric.unit == "seconds" else ("less", "more")
    down = result.ratio < 1
    low, high = (1 / result.high, 1 / result.low) if down and result.low > 0 else (result.low, result.high)
    ends = (
        f" [{formatting.format_interval(low, high)}]" if math.isfinite(low) and math.isfinite(high) and low > 0 else ""
    )
    return f", {formatting.format_factor(1 / result.ratio if down else result.ratio)} {words[not down]}{ends}"
