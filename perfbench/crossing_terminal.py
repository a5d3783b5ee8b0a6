"""The figures of a sweep in the terminal, by plotext."""

from __future__ import annotations

import math

import plotext

from perfbench import crossing, crossing_wording
from perfbench.charting import apart, span
from perfbench.crossing import Curve
from perfbench.figures import Figure
from perfbench.formatting import printable
from perfbench.terminal_plotting import (
    COLORS,
    DOTS,
    HEIGHT,
    NARROWEST,
    ROWS,
    WIDEST,
    canvas,
    draw_dots,
    free_row,
    ratio_axis,
)

CROSS = "╳"
MARGIN = 0.04
"""Of the axis beside the first and the last value."""


def terminal_plot(figure: Figure, width: int, *, color: bool) -> str:
    """The figure as lines of text, a dot for each ratio on its interval, a cross where it passes 1; without ``color`` no ANSI."""
    columns = min(max(width, NARROWEST), WIDEST)
    plot = canvas(columns, HEIGHT)
    low, high = span(figure.ratios)
    inside = columns - ratio_axis(plot, low, high)
    left, right = _value_axis(plot, figure, inside)
    plot.draw(plot.signal([left, right], [0.0, 0.0], marker=plotext.marker("braille", "gray")).lines())
    for number, curve in enumerate(figure.curves):
        pixel = COLORS[number % len(COLORS)]
        known = [(figure.place(point.value), point) for point in curve.known]
        for x, point in known:
            if point.low > 0 and point.high < math.inf:
                ends = [math.log(point.low), math.log(point.high)]
                plot.draw(plot.signal([x, x], ends, marker=plotext.marker("braille", pixel)).lines())
        draw_dots(plot, [(x, math.log(point.ratio)) for x, point in known if point.ratio], number)
    for number, curve in enumerate(figure.curves):
        for found in crossing.crossings(curve):
            mark = plotext.marker(CROSS, COLORS[number % len(COLORS)])
            plot.draw(plot.signal([figure.place(found.value)], [0.0], marker=mark))
    for x, y, text in _labels(figure, (left, right), (math.log(low), math.log(high)), inside):
        plot.draw(plot.text(x, y, text, alignment="center"))
    lines = plot.build().string(colorless=not color).rstrip("\n").split("\n")
    return "\n".join([f"  {printable(f'{figure.title}: {figure.ylabel}')}", *lines, _legend(figure)]) + "\n"


def _value_axis(plot: object, figure: Figure, columns: int) -> tuple[float, float]:
    """The axis of the parameter, with as many of its values as there is room for; returns its ends."""
    places = [figure.place(value) for value in figure.values]
    names = list(map(crossing_wording.value, figure.values))
    margin = (places[-1] - places[0]) * MARGIN
    left, right = places[0] - margin, places[-1] + margin
    shown = apart(places, (max(map(len, names)) + 2) * (right - left) / columns)
    ruler = plot.ruler("x")  # type: ignore[attr-defined]
    ruler.lim(left, right).ticks([places[number] for number in shown], [names[number] for number in shown])
    return left, right


def _labels(
    figure: Figure, across: tuple[float, float], up: tuple[float, float], columns: int
) -> list[tuple[float, float, str]]:
    """The value at every crossing, above it or below it, where there is room; else none: the table says it too.

    :param across: the ends of the axis of the parameter.
    :param up: the ends of the axis of ratios, as logarithms.
    :param columns: the width of the plot inside its frame.
    """
    row, column = (up[1] - up[0]) / (ROWS - 1), (across[1] - across[0]) / columns

    def cell(x: float, y: float) -> tuple[int, int]:
        return int((x - across[0]) / column), round((y - up[0]) / row)

    marks: list[tuple[float, Curve]] = [
        (found.value, curve) for curve in figure.curves for found in crossing.crossings(curve)
    ]
    taken = {cell(figure.place(p.value), math.log(p.ratio)) for curve in figure.curves for p in curve.known if p.ratio}
    taken |= {cell(figure.place(value), 0.0) for value, _ in marks}
    labels = []
    for value, curve in marks:
        x, text = figure.place(value), crossing_wording.between_values(value, curve)
        free = free_row(cell(x, 0.0), text, (1, -1, 2, -2), columns, taken)
        if free is not None:
            labels.append((x, up[0] + free * row, text))
    return labels


def _legend(figure: Figure) -> str:
    modes = [f"{DOTS[number % len(DOTS)]} {printable(curve.mode)}" for number, curve in enumerate(figure.curves)]
    crossed = any(crossing.crossings(curve) for curve in figure.curves)
    cross = [f"{CROSS} as fast as {printable(figure.reference)}"] if crossed else []
    return "  " + "   ".join([*modes, *cross])
