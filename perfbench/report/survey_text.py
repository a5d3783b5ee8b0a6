"""The lines below the table of a corpus."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfbench.report.survey_model import DrawnMachine, SurveyedPair, SurveyedStrata, SurveySummary
from perfbench.stats.survey import RatioEstimate, TotalEstimate
from perfbench.stats.survey_strata import StratumEstimate
from perfbench.util import formatting
from perfbench.util.formatting import format_plural

EXTREMES = 5
"""Markets that are named at each end."""

MIN_NAMED = 4
"""Fewer drawn markets than this have no ends worth naming."""

STRATA_SHOWN = 8


def describe_survey(summary: SurveySummary, *, slower: bool) -> Iterator[str]:
    """What was drawn, hours in each mode, and for each ratio its scatter, its percentiles, its strata and its ends.

    :param slower: factors above 1 mean slower, as in the table, because everything is.
    """
    yield _describe_sample(summary)
    yield "whole corpus: " + ", ".join(f"{side.label} {format_duration(side.total)}" for side in summary.totals)
    for pair in summary.pairs:
        yield _describe_pair(pair, slower)
        yield from (_describe_strata(pair, strata, slower) for strata in pair.strata)
        if len(pair.markets) >= MIN_NAMED:
            yield from _describe_ends(pair, slower)
        if pair.machines is not None:
            yield f"{pair.label} differs by machine: " + ", ".join(
                f"{stratum.label} {format_ratio(stratum.estimate, slower)}" for stratum in pair.machines.strata
            )
    if summary.machines:
        yield _describe_machines(summary.machines)
    if summary.unpack_share is not None:
        spent = formatting.format_seconds(summary.unpack_seconds)
        yield f"unpacking took {spent}, {summary.unpack_share:.0%} on top of the fastest side"
    if summary.skipped:
        yield "left out: " + "; ".join(summary.skipped)


def _describe_machines(machines: Sequence[DrawnMachine]) -> str:
    each = [f"{m.name} ({m.processor}) {format_plural(m.batches, 'batch', 'batches')}" for m in machines]
    mixed = "; seconds of the whole corpus are a mixture of them" if len(machines) > 1 else ""
    return f"measured on {', '.join(each)}{mixed}"


def _describe_sample(summary: SurveySummary) -> str:
    files = f"{summary.members:,} files, {formatting.format_bytes(summary.packed_bytes)} packed"
    batches = f" in {format_plural(summary.batches, 'batch', 'batches')}" if summary.batches != summary.members else ""
    if summary.census:
        return f"census: every one of {files}{batches} was measured; no sampling error"
    missing = f", {summary.missing} of them not measured" if summary.missing else ""
    return (
        f"sample: {format_plural(summary.draws, 'draw')}{missing} with {format_plural(summary.shown, 'market')}, "
        f"of {files}{batches}; drawn in proportion to size"
    )


def format_duration(total: TotalEstimate) -> str:
    """``3.2 h [2.9–3.5 h]`` of CPU time; minutes or seconds where it is shorter."""
    unit, seconds = next(
        ((unit, size) for unit, size in (("h", 3600.0), ("min", 60.0)) if total.total >= size), ("s", 1.0)
    )
    value = f"{total.total / seconds:.3g} {unit}"
    if not math.isfinite(total.high):
        return value
    return f"{value} [{total.low / seconds:.3g}–{total.high / seconds:.3g}]"


def format_ratio(estimate: RatioEstimate, slower: bool) -> str:
    """``2.3x [2.2–2.4]``: how many times less after than before; with ``slower``, how many times more."""
    if not math.isfinite(estimate.high):
        return _format_factor(estimate.ratio, slower)
    low, high = (estimate.low, estimate.high) if slower else (1 / estimate.high, 1 / estimate.low)
    ratio = estimate.ratio if slower else 1 / estimate.ratio
    return f"{formatting.format_factor(ratio, low, high)} [{formatting.format_interval(low, high)}]"


def _format_factor(ratio: float, slower: bool) -> str:
    return formatting.format_factor(ratio if slower else 1 / ratio)


def _describe_pair(pair: SurveyedPair, slower: bool) -> str:
    parts = [f"{pair.label}: {format_ratio(pair.estimate, slower)}"]
    if math.isfinite(pair.estimate.scatter):
        parts.append(f"markets scatter by {pair.estimate.scatter:.1%}")
    if pair.needed is not None:
        parts.append(f"± 3 % takes {format_plural(pair.needed, 'draw')}")
    markets = pair.percentiles
    median = f"the median market {_format_factor(markets.median, slower)}"
    if math.isfinite(markets.low) and math.isfinite(markets.high):
        low, high = (markets.low, markets.high) if slower else (markets.high, markets.low)
        median += f", 5th to 95th percentile {_format_factor(low, slower)} to {_format_factor(high, slower)}"
    return "; ".join([*parts, median])


def _describe_strata(pair: SurveyedPair, strata: SurveyedStrata, slower: bool) -> str:
    shown = [_format_stratum(stratum, slower) for stratum in strata.strata[:STRATA_SHOWN]]
    more = len(strata.strata) - STRATA_SHOWN
    return f"{pair.label} by {strata.kind}: " + ", ".join(shown) + (f", {more} more" if more > 0 else "")


def _format_stratum(stratum: StratumEstimate, slower: bool) -> str:
    if not stratum.has_interval:
        return f"{stratum.label} ({format_plural(stratum.estimate.draws, 'draw')}, too few)"
    return f"{stratum.label} {format_ratio(stratum.estimate, slower)} ({stratum.share_of_seconds:.0%} of the time)"


def _describe_ends(pair: SurveyedPair, slower: bool) -> Iterator[str]:
    """The markets with the lowest and the highest ratios, by name."""
    count = min(EXTREMES, len(pair.markets) // 2)
    for what, markets in (("fastest", pair.markets[:count]), ("slowest", pair.markets[: -count - 1 : -1])):
        named = ", ".join(f"{market.name} {_format_factor(market.ratio, slower)}" for market in markets)
        yield f"{pair.label}, {what} markets: {named}"
