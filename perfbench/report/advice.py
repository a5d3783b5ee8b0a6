"""What a table says of the advice that its scenario is about: does it hold, and what is better. Pure."""

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
    Verdict.REGRESSED: "does not hold: the opposite does",
    Verdict.UNCHANGED: "makes no difference",
    Verdict.INCONCLUSIVE: "cannot be told",
}
NOT_MEASURED_TEXT = "was not measured"


def evaluate_advice(
    claims: Sequence[Claim],
    modes: Mapping[str, Measurement],
    own: Sequence[Metric],
    seconds: str,
    paired: CompareMeasurements,
) -> Iterator[ClaimResult]:
    """Every piece of advice of a scenario against what was measured; announced speed-ups of releases are none.

    :param modes: the measurements of a table by mode; :param own: the metrics of the scenario.
    :param seconds: the metric of its seconds; :param paired: compares the baseline with another mode by their pairs.
    """
    known = {**METRICS, **{metric.name: metric for metric in own}}
    for claim in claims:
        if claim.text and claim.before in modes:
            metric = known[claim.metric or seconds]
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
    nothing = ClaimResult(claim, mode, after.doc if after else "", metric, better=better)
    if after is None:
        return nothing
    works = [{sample.work for sample in side.timed} for side in (before, after)]
    if works[0] != works[1]:
        return nothing
    if claim.metric:
        number = metrics.compare_metric(metric, before, after)
        if number is None or number.before is None or number.verdict is None:
            return nothing
        values = number.before, number.after, number.ratio, number.low, number.high, number.verdict
    else:
        comparison = (
            paired(before, after)
            if before.baseline
            else compare_unpaired(before, after, metric.name, metrics.CONFIDENCE)
        )
        if comparison is None:
            return nothing
        c = comparison
        values = c.before, c.after, c.ratio, c.low, c.high, c.verdict
    return ClaimResult(claim, mode, after.doc, metric, *values, better=better)


def describe_verdict(found: ClaimResult) -> str:
    """``holds``, ``holds, but less: 1.8x``, ``makes no difference``, ``does not hold: the opposite does``."""
    if found.verdict is None:
        return NOT_MEASURED_TEXT
    if found.verdict is not Verdict.IMPROVED:
        return REFUTED_TEXTS[found.verdict]
    claimed = found.claim.ratio
    return (
        "holds" if claimed <= 1 or found.best >= claimed else f"holds, but less: {formatting.format_factor(found.gain)}"
    )


def describe_advice(found: ClaimResult) -> str:
    """A verdict in a line: ``advice “…”: holds, held bytes 96 B → 0 B; better: ring, 2.1x faster``."""
    text = f"advice “{found.claim.text}”: {describe_verdict(found)}"
    if found.verdict is not None:
        text += f", {describe_measurement(found)}"
    if found.better is not None and found.better.verdict is not None:
        text += f"; {describe_alternative(found.better)}"
    return text


def describe_alternative(better: ClaimResult) -> str:
    """The mode that is worth knowing beside the advice, with what it gives against the same standard."""
    word = "better" if better.verdict is Verdict.IMPROVED else "beside it"
    return f"{word}: {better.mode}, {format_amounts(better)}{format_effect(better)}"


def describe_measurement(found: ClaimResult) -> str:
    """``bytes per update 96 B → 0.1 B, 960x less``, ``CPU seconds 0.61s → 0.25s, 2.4x faster [2.38–2.45]``."""
    return f"{format_metric_name(found.metric)} {format_amounts(found)}{format_effect(found)}"


def format_metric_name(metric: Metric) -> str:
    """``CPU seconds``, ``bytes per update``, ``pause`` of ``pause_ms``, whose unit stands with every number."""
    name = metric.name.replace("_", " ").replace("cpu", "CPU").replace("rss bytes", "memory")
    return name if metric.unit in ("seconds", "bytes") else name.removesuffix(f" {metric.unit.replace('µ', 'u')}")


def format_amounts(found: ClaimResult) -> str:
    """``0.61s → 0.25s``."""
    assert found.before is not None
    assert found.after is not None
    return " → ".join(formatting.format_amount(value, found.metric.unit) for value in (found.before, found.after))


def format_effect(found: ClaimResult) -> str:
    """``, 2.4x faster [2.38–2.45]``; empty where a number is zero, or nothing changed."""
    if not (math.isfinite(found.ratio) and found.ratio > 0) or found.verdict is Verdict.UNCHANGED:
        return ""
    words = ("faster", "slower") if found.metric.unit == "seconds" else ("less", "more")
    down = found.ratio < 1
    low, high = (1 / found.high, 1 / found.low) if down and found.low > 0 else (found.low, found.high)
    ends = (
        f" [{formatting.format_interval(low, high)}]" if math.isfinite(low) and math.isfinite(high) and low > 0 else ""
    )
    return f", {formatting.format_factor(1 / found.ratio if down else found.ratio)} {words[not down]}{ends}"
