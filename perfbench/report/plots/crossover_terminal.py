"""The figures of a sweep in the terminal, by plotext."""

from __future__ import annotations

import math

import plotext

from perfbench.report.model import Figure
from perfbench.report.plots._plotext import (
    LINE_COLORS,
    LINE_MARKERS,
    PLOT_HEIGHT,
    PLOT_ROWS,
    draw_dots,
    find_free_row,
    frame_plot,
    new_canvas,
    set_ratio_axis,
)
from perfbench.report.plots.axes import choose_spaced_labels, compute_span
from perfbench.report.plots.sweep_terminal import MAX_WIDTH, MIN_WIDTH
from perfbench.report.tables import crossover_text
from perfbench.sweep import crossover
from perfbench.sweep.crossover import RatioCurve
from perfbench.util.formatting import make_printable

CROSSOVER_MARK = "╳"
AXIS_MARGIN = 0.04
"""Of the axis beside the first and the last value."""


def plot_figure(figure: Figure, width: int, *, color: bool) -> str:
    """The figure as lines of text, a dot for each ratio on its interval, a cross where it passes 1; without ``color`` no ANSI."""
    columns = min(max(width, MIN_WIDTH), MAX_WIDTH)
    plot = new_canvas(columns, PLOT_HEIGHT)
    low, high = compute_span(figure.ratios)
    inside = columns - set_ratio_axis(plot, low, high)
    left, right = _set_value_axis(plot, figure, inside)
    plot.draw(plot.signal([left, right], [0.0, 0.0], marker=plotext.marker("braille", "gray")).lines())
    for number, curve in enumerate(figure.curves):
        pixel = LINE_COLORS[number % len(LINE_COLORS)]
        measured = [(figure.place(point.value), point) for point in curve.known]
        for x, point in measured:
            if point.low > 0 and point.high < math.inf:
                ends = [math.log(point.low), math.log(point.high)]
                plot.draw(plot.signal([x, x], ends, marker=plotext.marker("braille", pixel)).lines())
        draw_dots(plot, [(x, math.log(point.ratio)) for x, point in measured if point.ratio], number)
    for number, curve in enumerate(figure.curves):
        for crossing in crossover.find_crossovers(curve):
            mark = plotext.marker(CROSSOVER_MARK, LINE_COLORS[number % len(LINE_COLORS)])
            plot.draw(plot.signal([figure.place(crossing.value)], [0.0], marker=mark))
    for x, y, text in _place_labels(figure, (left, right), (math.log(low), math.log(high)), inside):
        plot.draw(plot.text(x, y, text, alignment="center"))
    lines = plot.build().string(colorless=not color).rstrip("\n").split("\n")
    return frame_plot(make_printable(f"{figure.title}: {figure.ylabel}"), lines, _list_legend(figure), columns)


def _set_value_axis(plot: object, figure: Figure, columns: int) -> tuple[float, float]:
    """The axis of the parameter, with as many of its values as there is room for; returns its ends."""
    places = [figure.place(value) for value in figure.values]
    names = list(map(crossover_text.format_value, figure.values))
    margin = (places[-1] - places[0]) * AXIS_MARGIN
    left, right = places[0] - margin, places[-1] + margin
    shown = choose_spaced_labels(places, (max(map(len, names)) + 2) * (right - left) / columns)
    ruler = plot.ruler("x")  # type: ignore[attr-defined]
    ruler.lim(left, right).ticks([places[number] for number in shown], [names[number] for number in shown])
    return left, right


def _place_labels(
    figure: Figure, across: tuple[float, float], up: tuple[float, float], columns: int
) -> list[tuple[float, float, str]]:
    """The value at every crossing, above it or below it, where there is room; else none: the table says it too.

    :param across: the ends of the axis of the parameter.
    :param up: the ends of the axis of ratios, as logarithms.
    :param columns: the width of the plot inside its frame.
    """
    row, column = (up[1] - up[0]) / (PLOT_ROWS - 1), (across[1] - across[0]) / columns

    def cell(x: float, y: float) -> tuple[int, int]:
        return int((x - across[0]) / column), round((y - up[0]) / row)

    marks: list[tuple[float, RatioCurve]] = [
        (crossing.value, curve) for curve in figure.curves for crossing in crossover.find_crossovers(curve)
    ]
    taken = {cell(figure.place(p.value), math.log(p.ratio)) for curve in figure.curves for p in curve.known if p.ratio}
    taken |= {cell(figure.place(value), 0.0) for value, _ in marks}
    labels = []
    for value, curve in marks:
        x, text = figure.place(value), crossover_text.format_interpolated(value, curve)
        free = find_free_row(cell(x, 0.0), text, (1, -1, 2, -2), columns, taken)
        if free is not None:
            labels.append((x, up[0] + free * row, text))
    return labels


def _list_legend(figure: Figure) -> list[str]:
    modes = [
        f"{LINE_MARKERS[number % len(LINE_MARKERS)]} {make_printable(curve.mode)}"
        for number, curve in enumerate(figure.curves)
    ]
    crossed = any(crossover.find_crossovers(curve) for curve in figure.curves)
    cross = [f"{CROSSOVER_MARK} as fast as {make_printable(figure.reference)}"] if crossed else []
    return [*modes, *cross]
