"""All charts of one comparison that its pairs suffice for."""

from __future__ import annotations

from collections.abc import Iterator

from perfbench.report.page import pair_charts
from perfbench.report.page.blocks import Figure
from perfbench.report.page.detectability_chart import draw_detectability
from perfbench.report.page.pair_charts import ComparedPairs

MIN_SHOWN_PAIRS = 3
"""Fewer pairs have no distribution worth a drawing."""


def draw_comparison(pairs: ComparedPairs) -> tuple[Figure, ...]:
    """Pairs, distribution, seconds of both sides, their shares, and what this many pairs detect."""
    return tuple(_draw_charts(pairs))


def _draw_charts(pairs: ComparedPairs) -> Iterator[Figure]:
    if len(pairs.ratios) >= MIN_SHOWN_PAIRS:
        yield pair_charts.draw_pairs(pairs)
        yield pair_charts.draw_distribution(pairs)
    if min(len(pairs.before_seconds), len(pairs.after_seconds)) >= MIN_SHOWN_PAIRS:
        yield pair_charts.draw_seconds(pairs)
        yield pair_charts.draw_shares(pairs)
    if (detectable := draw_detectability(pairs)) is not None:
        yield detectable
