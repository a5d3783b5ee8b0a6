"""The figures of a sweep as PNG or SVG, a panel for each, by matplotlib, without a display."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import NullLocator

from perfbench import crossing, crossing_wording, wording
from perfbench.charting import apart, span
from perfbench.crossing import Curve
from perfbench.errors import NotMeasured
from perfbench.figures import Figure, figures
from perfbench.plotting import COLORS, PLOT, covered, draw_band, plain, ratio_axis, save, write_beside
from perfbench.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import BboxBase

KEY = "diamonds: as fast as the reference · bands: 95 % intervals"
MOST_COLUMNS = 2
SHORTEST_GAP = 0.07
"""Between two values that are written below the axis, as a share of it."""

MARGIN = 0.04
"""Of the axis beside the first and the last value."""


def write_plot(report: Report, path: Path) -> None:
    """Write the figures of a report as PNG or SVG by the suffix of the path.

    Raises NotMeasured if there are none, UsageProblem for another suffix, StorageProblem if it cannot be written.
    """
    shown = figures(report)
    if not shown:
        raise NotMeasured(f"--plot {path}: there is nothing to draw; no swept number has two measured values")
    machine = report.run.machine
    source = f"{machine.python} · {wording.processor(machine)} · perfbench {report.run.perfbench}"
    save(lambda: drawn(shown, source), path, PLOT)


def drawn(shown: Sequence[Figure], source: str) -> Picture:
    """The picture, not yet written; the panels of one scenario have the same axis of ratios."""
    columns = min(len(shown), MOST_COLUMNS)
    rows = math.ceil(len(shown) / columns)
    picture = Picture(figsize=(7.5 * columns, 4.8 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(picture)
    panels = [picture.add_subplot(rows, columns, number + 1) for number in range(len(shown))]
    for axes, figure in zip(panels, shown, strict=True):
        alike = [other for other in shown if other.scenario == figure.scenario]
        _draw(axes, figure, span(ratio for other in alike for ratio in other.ratios))
    picture.supxlabel(plain(f"{KEY} · {source}"), fontsize="x-small", color="0.4", x=0.01, ha="left")
    names = [_name_ends(axes, figure) for axes, figure in zip(panels, shown, strict=True)]
    picture.draw_without_rendering()  # only then are sizes and places known
    for axes, figure, ends in zip(panels, shown, names, strict=True):
        _spread(ends)
        _label_crossings(axes, figure)
    return picture


def _draw(axes: Axes, figure: Figure, limits: tuple[float, float]) -> None:
    ratio_axis(axes, *limits)
    axes.axhline(1, color="0.35", linewidth=1, zorder=1)
    for number, curve in enumerate(figure.curves):
        if curve.known:
            draw_band(axes, _points(curve), ((point.low, point.high) for point in curve.known), number)
    _value_axis(axes, figure)
    axes.set_xlabel(plain(figure.parameter))
    axes.set_ylabel(plain(figure.ylabel))
    axes.set_title(plain(figure.title), loc="left", fontsize="medium", fontweight="bold")


def _value_axis(axes: Axes, figure: Figure) -> None:
    """The axis of the parameter, with as many of its values as there is room for."""
    values, places = figure.values, [figure.place(value) for value in figure.values]
    margin = (places[-1] - places[0]) * MARGIN
    left, right = places[0] - margin, places[-1] + margin
    if figure.logarithmic:
        axes.set_xscale("log")
        left, right = math.exp(left), math.exp(right)
    axes.set_xlim(left, right)
    shown = apart(places, SHORTEST_GAP * (places[-1] - places[0]))
    axes.set_xticks([values[n] for n in shown], [plain(crossing_wording.value(values[n])) for n in shown])
    axes.xaxis.set_minor_locator(NullLocator())


def _points(curve: Curve) -> list[tuple[float, float]]:
    return [(point.value, point.ratio) for point in curve.known if point.ratio is not None]


def _name_ends(axes: Axes, figure: Figure) -> list[Annotation]:
    """The name of every mode at the right of its panel, at the height of the last ratio; the reference at 1."""
    right = axes.get_xlim()[1]
    ends = [
        (plain(curve.mode), _points(curve)[-1][1], number) for number, curve in enumerate(figure.curves) if curve.known
    ]
    return [
        axes.annotate(
            name,
            (right, ratio),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=COLORS[number % len(COLORS)] if number is not None else "0.35",
            annotation_clip=False,
        )
        for name, ratio, number in [(plain(figure.reference), 1.0, None), *ends]
    ]


def _spread(names: Sequence[Annotation]) -> None:
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


def _label_crossings(axes: Axes, figure: Figure) -> None:
    """A diamond and the value at every crossing, each label where it covers no other label and no line."""
    taken: list[BboxBase] = [box for curve in figure.curves for box in covered(axes, _points(curve))]
    taken += covered(axes, [(value, 1.0) for value in figure.values])
    for number, curve in enumerate(figure.curves):
        color = COLORS[number % len(COLORS)]
        for found in crossing.crossings(curve):
            axes.plot(found.value, 1, "D", markersize=7, markerfacecolor="white", color=color, zorder=5)
            bracket = crossing_wording.interval(found, curve)
            text = f"{crossing_wording.between_values(found.value, curve)} {bracket}".strip()
            write_beside(axes, (found.value, 1.0), plain(text), color, taken)
