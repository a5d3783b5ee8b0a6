"""Wording of the results of advice: ``holds``, ``saves 89.1 ms of 10–50 ms``, ``bounded``."""

from __future__ import annotations

import math

from perfbench.model import Metric, Verdict
from perfbench.report.claim_result import ClaimResult
from perfbench.util import formatting

REFUTED_TEXTS = {
    Verdict.REGRESSED: "refuted: it makes things worse",
    Verdict.UNCHANGED: "makes no difference",
    Verdict.INCONCLUSIVE: "inconclusive",
}
GROWTH_TEXTS: dict[tuple[bool | None, bool | None], str] = {
    (True, False): "holds: bounded",
    (False, False): "makes no difference: both are bounded",
    (True, True): "refuted: it grows too",
    (False, True): "refuted: it grows",
}
NOT_MEASURED_TEXT = "was not measured"
MILLISECONDS = 1e3


def describe_verdict(result: ClaimResult) -> str:
    """``holds``, ``holds, but only 1.8x``, ``falls short of 10–50 ms``, ``holds: bounded``, ``makes no difference``."""
    if result.verdict is None:
        return NOT_MEASURED_TEXT
    if result.grows is not None:
        return GROWTH_TEXTS.get(result.grows, REFUTED_TEXTS[Verdict.INCONCLUSIVE])
    if result.verdict is not Verdict.IMPROVED:
        return REFUTED_TEXTS[result.verdict]
    if result.saving is not None:
        return _describe_saving_verdict(result)
    if result.claim.ratio > 1 and math.isnan(result.ratio):
        return "holds; how many times cannot be measured"
    return f"holds, but only {formatting.format_factor(result.gain)}" if result.falls_short else "holds"


def _describe_saving_verdict(result: ClaimResult) -> str:
    assert result.saving is not None
    assert result.claim.saves is not None
    promised = format_promise(result.claim.saves)
    if result.falls_short:
        return f"falls short of {promised}"
    return f"holds, and saves more than {promised}" if result.saving.low > result.claim.saves[1] else "holds"


def format_promise(saves: tuple[float, float]) -> str:
    """``10–50 ms``."""
    low, high = (f"{value * MILLISECONDS:g}" for value in saves)
    return f"{low} ms" if low == high else f"{low}–{high} ms"


def describe_advice(result: ClaimResult) -> str:
    """The result in a line: ``advice “…” (community notes): holds, held bytes 96 B → 0 B; better: ring, 2.1x faster``."""
    text = f"advice “{result.claim.text}” ({result.claim.source}): {describe_verdict(result)}"
    if result.verdict is not None:
        text += f", {describe_measurement(result)}"
    if result.better is not None:
        text += f"; better: {result.better.mode}, {format_change(result.better)}"
    return text


def describe_measurement(result: ClaimResult) -> str:
    """``bytes per update 96 B → 0.1 B``, ``CPU seconds 0.61s → 0.25s, 2.4x faster [2.38–2.45]``."""
    return f"{format_metric_name(result.metric)} {format_change(result)}"


def format_metric_name(metric: Metric) -> str:
    """``CPU seconds``, ``bytes per update``, ``pause`` of ``pause_ms``, because its unit follows every number."""
    name = metric.label.replace("rss bytes", "memory")
    return name if metric.unit in ("seconds", "bytes") else name.removesuffix(f" {metric.unit.replace('µ', 'u')}")


def format_amounts(result: ClaimResult) -> str:
    """``0.61s → 0.25s``; of a claim in seconds ``134 ms → 45.1 ms per call``."""
    assert result.before is not None
    assert result.after is not None
    if result.saving is None:
        return formatting.format_amount_pair(result.before, result.after, result.metric.unit)
    amounts = formatting.format_amount_pair(result.before * MILLISECONDS, result.after * MILLISECONDS, "ms")
    return f"{amounts} per {result.unit}" if result.unit else amounts


def format_change(result: ClaimResult) -> str:
    """``0.61s → 0.25s, 2.4x faster [2.38–2.45]``."""
    return f"{format_amounts(result)}{format_effect(result)}"


def format_effect(result: ClaimResult) -> str:
    """``, 2.4x faster [2.38–2.45]``, ``, saves 89.1 ms [88.2–90.0]``; empty without a ratio, or where nothing changed."""
    if result.saving is not None:
        return _format_saving(result)
    nothing = result.verdict is Verdict.UNCHANGED and result.grows is None
    if nothing or not (math.isfinite(result.ratio) and result.ratio > 0):
        return ""
    words = ("faster", "slower") if result.metric.unit == "seconds" else ("less", "more")
    down = result.ratio < 1
    low, high = (1 / result.high, 1 / result.low) if down and result.low > 0 else (result.low, result.high)
    ends = (
        f" [{formatting.format_interval(low, high)}]" if math.isfinite(low) and math.isfinite(high) and low > 0 else ""
    )
    ratio = 1 / result.ratio if down else result.ratio
    return f", {formatting.format_factor(ratio, low, high)} {words[not down]}{ends}"


def _format_saving(result: ClaimResult) -> str:
    saving = result.saving
    assert saving is not None
    if saving.saved == 0:
        return ""
    word, sign = ("saves", MILLISECONDS) if saving.saved > 0 else ("costs", -MILLISECONDS)
    text = f", {word} {formatting.format_amount(saving.saved * sign, 'ms')}"
    if not (math.isfinite(saving.low) and math.isfinite(saving.high)):
        return text
    low, high = sorted((saving.low * sign, saving.high * sign))
    ends = [formatting.format_amount(end, "").replace("-", "−") for end in (low, high)]
    return f"{text} [{' to '.join(ends) if low < 0 else '–'.join(ends)}]"
