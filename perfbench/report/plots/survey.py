"""Matplotlib plot of a surveyed corpus: the ratio of every drawn market, and the ratios of the parts with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from perfbench.report.plots._matplotlib import LINE_COLORS, escape_formula, save_figure, set_ratio_axis
from perfbench.report.plots.plot_file import PLOT_CHOICE
from perfbench.report.survey_model import SurveyedPair, SurveySummary
from perfbench.stats.survey_strata import StratumEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 1.15
"""How far the axis of ratios reaches beyond the outermost market."""

MAX_PARTS = 16
CAPTION = "dots: drawn markets · band and bars: 95 % intervals · below 1 is faster"


def write_survey_plot(summaries: Sequence[SurveySummary], path: Path) -> None:
    """Write the plot of corpora as PNG or SVG by the suffix of the path. Raises StorageProblem if it fails."""
    save_figure(lambda: draw_survey(summaries), path, PLOT_CHOICE)


def draw_survey(summaries: Sequence[SurveySummary]) -> Figure:
    """The picture, not yet written: a line of two panels for each ratio of each corpus."""
    rows = [(summary, pair) for summary in summaries for pair in summary.pairs]
    figure = Figure(figsize=(11.0, 4.2 * max(1, len(rows))), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(max(1, len(rows)), 2, squeeze=False, sharey="row", width_ratios=(1.0, 1.3))
    for (summary, pair), (markets, parts) in zip(rows, panels, strict=False):
        _draw_markets(markets, pair)
        markets.set_title(
            escape_formula(f"{summary.name} · {pair.label}"), loc="left", fontsize="medium", fontweight="bold"
        )
        _draw_parts(parts, pair)
        set_ratio_axis(markets, *_compute_limits(pair))
    figure.supxlabel(CAPTION, fontsize="small", color="0.4")
    return figure


def _draw_markets(axes: Axes, pair: SurveyedPair) -> None:
    """Every market from the lowest ratio to the highest, and the ratio of the corpus with its interval."""
    ratios = [market.ratio for market in pair.markets]
    axes.plot(range(1, len(ratios) + 1), ratios, ".", color=LINE_COLORS[0], markersize=4)
    if math.isfinite(pair.estimate.high):
        axes.axhspan(pair.estimate.low, pair.estimate.high, color=LINE_COLORS[1], alpha=0.25, linewidth=0)
    axes.axhline(pair.estimate.ratio, color=LINE_COLORS[1], linewidth=1.2)
    axes.axhline(1.0, color="0.4", linewidth=0.8, linestyle=":")
    axes.set_xlabel("markets, from the lowest ratio to the highest")
    axes.set_ylabel("seconds after / before")


def _draw_parts(axes: Axes, pair: SurveyedPair) -> None:
    """The ratio of each part of the corpus, kind by kind."""
    parts = [(strata.kind, part) for strata in pair.strata for part in strata.strata][:MAX_PARTS]
    kinds = list(dict.fromkeys(kind for kind, _ in parts))
    for place, (kind, part) in enumerate(parts):
        color = LINE_COLORS[kinds.index(kind) % len(LINE_COLORS)]
        axes.plot(place, part.estimate.ratio, "o", color=color, markersize=5)
        if part.has_interval:
            axes.vlines(place, part.estimate.low, part.estimate.high, color=color, linewidth=1.6)
    names = [escape_formula(_name_part(kind, part)) for kind, part in parts]
    axes.set_xticks(range(len(parts)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize="small")
    axes.axhline(pair.estimate.ratio, color=LINE_COLORS[1], linewidth=1.2)
    axes.axhline(1.0, color="0.4", linewidth=0.8, linestyle=":")
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _name_part(kind: str, part: StratumEstimate) -> str:
    name = f"{kind} {part.label}" if part.label[:1].isdigit() or kind == "in-play" else part.label
    return f"{name} ({part.share_of_seconds:.0%})"


def _compute_limits(pair: SurveyedPair) -> tuple[float, float]:
    values = [1.0, *(market.ratio for market in pair.markets)]
    return min(values) / MARGIN, max(values) * MARGIN
