"""Matplotlib plot of a parameter sweep, a panel for each figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import NullLocator

from perfbench.errors import NotMeasured
from perfbench.model import describe_processor
from perfbench.report.model import Figure, Report
from perfbench.report.plots._matplotlib import (
    LINE_COLORS,
    compute_line_boxes,
    draw_band,
    escape_formula,
    place_label,
    save_figure,
    set_ratio_axis,
)
from perfbench.report.plots.axes import choose_spaced_labels, compute_span
from perfbench.report.plots.plot_file import PLOT_CHOICE
from perfbench.report.tables import crossover_text
from perfbench.sweep import crossover
from perfbench.sweep.crossover import RatioCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import BboxBase

CAPTION = "diamonds: as fast as the reference · bands: 95 % intervals"
MAX_COLUMNS = 2
MIN_TICK_GAP = 0.07
"""Between two values that are written below the axis, as a share of it."""

AXIS_MARGIN = 0.04
"""Of the axis beside the first and the last value."""


def write_crossover_plot(report: Report, path: Path) -> None:
    """Write the figures of a report as PNG or SVG by the suffix of the path.

    Raises NotMeasured if there are none, UsageProblem for another suffix, StorageProblem if it cannot be written.
    """
    shown = report.figures
    if not shown:
        raise NotMeasured(f"--plot {path}: there is nothing to draw; no swept number has two measured values")
    machine = report.run.machine
    source = f"{machine.python} · {describe_processor(machine)} · perfbench {report.run.perfbench}"
    save_figure(lambda: draw_figures(shown, source), path, PLOT_CHOICE)


def draw_figures(shown: Sequence[Figure], source: str) -> Picture:
    """The picture, not yet written; the panels of one scenario have the same axis of ratios."""
    columns = min(len(shown), MAX_COLUMNS)
    rows = math.ceil(len(shown) / columns)
    picture = Picture(figsize=(7.5 * columns, 4.8 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(picture)
    panels = [picture.add_subplot(rows, columns, number + 1) for number in range(len(shown))]
    for axes, figure in zip(panels, shown, strict=True):
        alike = [other for other in shown if other.scenario == figure.scenario]
        _draw_panel(axes, figure, compute_span(ratio for other in alike for ratio in other.ratios))
    picture.supxlabel(escape_formula(f"{CAPTION} · {source}"), fontsize="x-small", color="0.4", x=0.01, ha="left")
    names = [_label_line_ends(axes, figure) for axes, figure in zip(panels, shown, strict=True)]
    picture.draw_without_rendering()  # only then are sizes and places known
    for axes, figure, ends in zip(panels, shown, names, strict=True):
        _spread_labels(ends)
        _label_crossovers(axes, figure)
    return picture


def _draw_panel(axes: Axes, figure: Figure, limits: tuple[float, float]) -> None:
    set_ratio_axis(axes, *limits)
    axes.axhline(1, color="0.35", linewidth=1, zorder=1)
    for number, curve in enumerate(figure.curves):
        if curve.known:
            draw_band(axes, _collect_points(curve), ((point.low, point.high) for point in curve.known), number)
    _set_value_axis(axes, figure)
    axes.set_xlabel(escape_formula(figure.parameter))
    axes.set_ylabel(escape_formula(figure.ylabel))
    axes.set_title(escape_formula(figure.title), loc="left", fontsize="medium", fontweight="bold")


def _set_value_axis(axes: Axes, figure: Figure) -> None:
    """The axis of the parameter, with as many of its values as there is room for."""
    values, places = figure.values, [figure.place(value) for value in figure.values]
    margin = (places[-1] - places[0]) * AXIS_MARGIN
    left, right = places[0] - margin, places[-1] + margin
    if figure.logarithmic:
        axes.set_xscale("log")
        left, right = math.exp(left), math.exp(right)
    axes.set_xlim(left, right)
    shown = choose_spaced_labels(places, MIN_TICK_GAP * (places[-1] - places[0]))
    axes.set_xticks([values[n] for n in shown], [escape_formula(crossover_text.format_value(values[n])) for n in shown])
    axes.xaxis.set_minor_locator(NullLocator())


def _collect_points(curve: RatioCurve) -> list[tuple[float, float]]:
    return [(point.value, point.ratio) for point in curve.known if point.ratio is not None]


def _label_line_ends(axes: Axes, figure: Figure) -> list[Annotation]:
    """The name of every mode at the right of its panel, at the height of the last ratio; the reference at 1."""
    right = axes.get_xlim()[1]
    ends = [
        (escape_formula(curve.mode), _collect_points(curve)[-1][1], number)
        for number, curve in enumerate(figure.curves)
        if curve.known
    ]
    return [
        axes.annotate(
            name,
            (right, ratio),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=LINE_COLORS[number % len(LINE_COLORS)] if number is not None else "0.35",
            annotation_clip=False,
        )
        for name, ratio, number in [(escape_formula(figure.reference), 1.0, None), *ends]
    ]


def _spread_labels(names: Sequence[Annotation]) -> None:
    """Names that would cover each other are moved up and down, in their order, as little as it takes."""
    ordered = sorted(names, key=lambda name: name.get_window_extent().y0)
    boxes = [name.get_window_extent() for name in ordered]
    heights = [(box.y0 + box.y1) / 2 for box in boxes]
    gap = max(box.height for box in boxes) * 1.1
    wanted = list(heights)
    for _ in range(200):
        moved = False
        for n in range(len(wanted) - 1):
            lacking = gap - (wanted[n + 1] - wanted[n])
            if lacking > 0.01:
                wanted[n] -= lacking / 2
                wanted[n + 1] += lacking / 2
                moved = True
        if not moved:
            break
    figure = ordered[0].get_figure()
    assert figure is not None
    for name, height, place in zip(ordered, heights, wanted, strict=True):
        name.set_position((5, (place - height) * 72 / figure.dpi))


def _label_crossovers(axes: Axes, figure: Figure) -> None:
    """A diamond and the value at every crossover, each label where it covers no other label and no line."""
    taken: list[BboxBase] = [box for curve in figure.curves for box in compute_line_boxes(axes, _collect_points(curve))]
    taken += compute_line_boxes(axes, [(value, 1.0) for value in figure.values])
    for number, curve in enumerate(figure.curves):
        color = LINE_COLORS[number % len(LINE_COLORS)]
        for crossing in crossover.find_crossovers(curve):
            axes.plot(crossing.value, 1, "D", markersize=7, markerfacecolor="white", color=color, zorder=5)
            bracket = crossover_text.format_interval(crossing, curve)
            text = f"{crossover_text.format_interpolated(crossing.value, curve)} {bracket}".strip()
            place_label(axes, (crossing.value, 1.0), escape_formula(text), color, taken)
