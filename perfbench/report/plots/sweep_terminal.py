"""Terminal plot of a release sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotext

from perfbench.report.plots._plotext import (
    LINE_MARKERS,
    PLOT_HEIGHT,
    PLOT_ROWS,
    draw_dots,
    find_free_row,
    frame_plot,
    new_canvas,
    set_ratio_axis,
)
from perfbench.report.plots.axes import SweepChart, compute_axis_limits, find_failed_releases
from perfbench.sweep.trajectory import ModeTrajectory
from perfbench.util.formatting import format_change, make_printable

MIN_WIDTH, MAX_WIDTH = 36, 160


def plot_chart(chart: SweepChart, width: int, *, color: bool) -> str:
    """The trajectory as lines of text, a character for each release and each real step; without ``color`` no ANSI codes."""
    columns = min(max(width, MIN_WIDTH), MAX_WIDTH)
    figure = new_canvas(columns, PLOT_HEIGHT)
    for number, line in enumerate(chart.trajectory.lines):
        _draw_line(figure, line, number)
    _draw_failures(figure, chart)
    names = [make_printable(release.name) for release in chart.trajectory.releases]
    shown = _choose_release_labels(names, columns - 8)
    figure.ruler("x").ticks(shown, [names[place] for place in shown])
    inside = columns - set_ratio_axis(figure, *compute_axis_limits(chart.trajectory))
    figure.ruler("x").lim(-0.5, len(names) - 0.5)
    for label in _place_labels(chart, inside):
        figure.draw(figure.text(label.x, label.y, label.text, alignment="center"))
    lines = figure.build().string(colorless=not color).rstrip("\n").split("\n")
    return frame_plot(make_printable(f"{chart.title}: {chart.ylabel}"), lines, _list_legend(chart), columns)


def _draw_line(figure: Any, line: ModeTrajectory, number: int) -> None:
    """The dots of a mode, joined over what is missing, and a triangle with its size at each real step."""
    points = [
        (place, math.log(point.relative)) for place, point in enumerate(line.points) if point.relative is not None
    ]
    draw_dots(figure, points, number)
    for place, point in enumerate(line.points):
        if point.step is not None and point.step.significant and point.relative is not None:
            slower = point.step.ratio > 1
            mark = plotext.marker("▼" if slower else "▲", "red" if slower else "green")
            figure.draw(figure.signal([place], [math.log(point.relative)], marker=mark))


@dataclass(frozen=True, slots=True)
class _Label:
    """The size of a step, centred at a point of the plot."""

    x: float
    y: float
    text: str


def _place_labels(chart: SweepChart, columns: int) -> list[_Label]:
    """The sizes of the real steps: the slower ones above their triangle and the faster ones below, where there is room; else none.

    :param columns: the width of the plot inside its frame.
    """
    low, high = map(math.log, compute_axis_limits(chart.trajectory))
    row, column = (high - low) / (PLOT_ROWS - 1), len(chart.trajectory.releases) / columns

    def cell(place: int, relative: float) -> tuple[int, int]:
        return round((place + 0.5) / column), round((math.log(relative) - low) / row)

    dots = [(n, point.relative, point.step) for line in chart.trajectory.lines for n, point in enumerate(line.points)]
    taken = {cell(place, relative) for place, relative, _ in dots if relative is not None}
    labels = []
    for place, relative, step in dots:
        if step is None or not step.significant or relative is None:
            continue
        up = 1 if step.ratio > 1 else -1
        text, dot = format_change(step.ratio), cell(place, relative)
        free = find_free_row(dot, text, (up, -up, 2 * up, -2 * up), columns, taken)
        if free is not None:
            labels.append(_Label(place, low + free * row, text))
    return labels


def _draw_failures(figure: Any, chart: SweepChart) -> None:
    """A cross at the lower edge for every release that gave nothing."""
    places = find_failed_releases(chart.trajectory)
    if places:
        low, _ = compute_axis_limits(chart.trajectory)
        figure.draw(figure.signal(places, [math.log(low)] * len(places), marker=plotext.marker("x", "gray")))


def _list_legend(chart: SweepChart) -> list[str]:
    modes = [
        f"{LINE_MARKERS[number % len(LINE_MARKERS)]} {make_printable(line.mode)}"
        for number, line in enumerate(chart.trajectory.lines)
    ]
    return [*modes, "▲ faster", "▼ slower", *(["x not measured"] if find_failed_releases(chart.trajectory) else [])]


def _choose_release_labels(names: Sequence[str], columns: int) -> list[int]:
    """As many of the releases, evenly spread, as there is room to write their names side by side."""
    longest = max(map(len, names)) + 2
    every = max(1, math.ceil(len(names) * longest / columns))
    return list(range(0, len(names), every))
