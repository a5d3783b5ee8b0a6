"""The course of a sweep in the terminal, by plotext."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotext

from perfbench.charting import Chart, failed, limits, log_ticks
from perfbench.course import Line
from perfbench.formatting import change, printable

COLORS = ("blue", "orange", "green", "magenta", "yellow", "cyan")
DOTS = ("●", "■", "◆", "○", "□", "◇")
HEIGHT = 22
ROWS = HEIGHT - 3
"""Those inside the frame."""

NARROWEST, WIDEST = 50, 160


def terminal_plot(chart: Chart, width: int, *, color: bool) -> str:
    """The course as lines of text, a character for each release and each real step; without ``color`` no ANSI codes."""
    columns = min(max(width, NARROWEST), WIDEST)
    figure = canvas(columns, HEIGHT)
    for number, line in enumerate(chart.course.lines):
        _draw(figure, line, number)
    _draw_failures(figure, chart)
    names = [printable(release.name) for release in chart.course.releases]
    shown = _spread(names, columns - 8)
    figure.ruler("x").ticks(shown, [names[place] for place in shown])
    inside = columns - ratio_axis(figure, *limits(chart.course))
    figure.ruler("x").lim(-0.5, len(names) - 0.5)
    for label in _labels(chart, inside):
        figure.draw(figure.text(label.x, label.y, label.text, alignment="center"))
    text = figure.build().string(colorless=not color)
    return (
        "\n".join(["  " + printable(f"{chart.title}: {chart.ylabel}"), *text.rstrip("\n").split("\n"), _legend(chart)])
        + "\n"
    )


def canvas(columns: int, rows: int) -> Any:
    """An empty plot of that size."""
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.theme("colorless")  # axes and text in the terminal's own colours; the markers bring theirs
    figure.plot_size(columns, rows)
    return figure


def ratio_axis(figure: Any, low: float, high: float) -> int:
    """The logarithmic axis of ratios to the left; returns how many columns it and the frame take."""
    ticks = log_ticks(low, high)
    labels = [f"{tick:g}" for tick in ticks]
    figure.ruler("y").lim(math.log(low), math.log(high)).ticks(list(map(math.log, ticks)), labels)
    return max(map(len, labels or ["1"])) + 2


def draw_dots(figure: Any, points: Sequence[tuple[float, float]], number: int) -> None:
    """The dots of the mode of this number at places and logarithms of ratios, joined."""
    if points:
        xs, ys = zip(*points, strict=True)
        pixel = COLORS[number % len(COLORS)]
        figure.draw(figure.signal(xs, ys, marker=plotext.marker("braille", pixel)).lines())
        figure.draw(figure.signal(xs, ys, marker=plotext.marker(DOTS[number % len(DOTS)], pixel)))


def _draw(figure: Any, line: Line, number: int) -> None:
    """The dots of a mode, joined over what is missing, and a triangle with its size at each real step."""
    known = [(place, math.log(stop.relative)) for place, stop in enumerate(line.stops) if stop.relative is not None]
    draw_dots(figure, known, number)
    for place, stop in enumerate(line.stops):
        if stop.step is not None and stop.step.significant and stop.relative is not None:
            slower = stop.step.ratio > 1
            mark = plotext.marker("▼" if slower else "▲", "red" if slower else "green")
            figure.draw(figure.signal([place], [math.log(stop.relative)], marker=mark))


@dataclass(frozen=True, slots=True)
class _Label:
    """The size of a step, centred at a point of the plot."""

    x: float
    y: float
    text: str


def _labels(chart: Chart, columns: int) -> list[_Label]:
    """The sizes of the real steps: the slower ones above their triangle and the faster ones below, where there is room; else none.

    :param columns: the width of the plot inside its frame.
    """
    low, high = map(math.log, limits(chart.course))
    row, column = (high - low) / (ROWS - 1), len(chart.course.releases) / columns

    def cell(place: int, relative: float) -> tuple[int, int]:
        return round((place + 0.5) / column), round((math.log(relative) - low) / row)

    dots = [(n, stop.relative, stop.step) for line in chart.course.lines for n, stop in enumerate(line.stops)]
    taken = {cell(place, relative) for place, relative, _ in dots if relative is not None}
    found = []
    for place, relative, step in dots:
        if step is None or not step.significant or relative is None:
            continue
        up = 1 if step.ratio > 1 else -1
        text, dot = change(step.ratio), cell(place, relative)
        free = free_row(dot, text, (up, -up, 2 * up, -2 * up), columns, taken)
        if free is not None:
            found.append(_Label(place, low + free * row, text))
    return found


def free_row(
    dot: tuple[int, int], text: str, rows: Iterable[int], columns: int, taken: set[tuple[int, int]]
) -> int | None:
    """The first of the rows above or below a dot in which a text has room, centred; it is taken then. None if there is none.

    :param dot: column and row of the dot inside the frame.
    :param taken: columns and rows that have something in them.
    """
    (x, y), half = dot, len(text) // 2 + 1
    for away in rows:
        covered = {(x + shift, y + away) for shift in range(-half, half + 1)}
        if half <= x < columns - half and 0 <= y + away < ROWS and not covered & taken:
            taken |= covered
            return y + away
    return None


def _draw_failures(figure: Any, chart: Chart) -> None:
    """A cross at the lower edge for every release that gave nothing."""
    places = failed(chart.course)
    if places:
        low, _ = limits(chart.course)
        figure.draw(figure.signal(places, [math.log(low)] * len(places), marker=plotext.marker("x", "gray")))


def _legend(chart: Chart) -> str:
    modes = [f"{DOTS[number % len(DOTS)]} {printable(line.mode)}" for number, line in enumerate(chart.course.lines)]
    return "  " + "   ".join([*modes, "▲ faster", "▼ slower", *(["x not measured"] if failed(chart.course) else [])])


def _spread(names: Sequence[str], columns: int) -> list[int]:
    """As many of the releases, evenly spread, as there is room to write their names side by side."""
    longest = max(map(len, names)) + 2
    every = max(1, math.ceil(len(names) * longest / columns))
    return list(range(0, len(names), every))
