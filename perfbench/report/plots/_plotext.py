"""Plotext parts shared by all terminal plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotext
from rich.cells import cell_len

from perfbench.report.plots.axes import choose_log_ticks
from perfbench.report.prose import wrap_line

LINE_COLORS = ("blue", "orange", "green", "magenta", "yellow", "cyan")
LINE_MARKERS = ("●", "■", "◆", "○", "□", "◇")
PLOT_HEIGHT = 22
PLOT_ROWS = PLOT_HEIGHT - 3
"""Those inside the frame."""


def new_canvas(columns: int, rows: int) -> Any:
    """An empty plot of that size."""
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.theme("colorless")  # axes and text in the terminal's own colours; the markers bring theirs
    figure.plot_size(columns, rows)
    return figure


def set_ratio_axis(figure: Any, low: float, high: float) -> int:
    """The logarithmic axis of ratios to the left; returns how many columns it and the frame take."""
    ticks = choose_log_ticks(low, high)
    labels = [f"{tick:g}" for tick in ticks]
    figure.ruler("y").lim(math.log(low), math.log(high)).ticks(list(map(math.log, ticks)), labels)
    return max(map(len, labels or ["1"])) + 2


def draw_dots(figure: Any, points: Sequence[tuple[float, float]], number: int) -> None:
    """The dots of the mode of this number at places and logarithms of ratios, joined."""
    if points:
        xs, ys = zip(*points, strict=True)
        pixel = LINE_COLORS[number % len(LINE_COLORS)]
        figure.draw(figure.signal(xs, ys, marker=plotext.marker("braille", pixel)).lines())
        figure.draw(figure.signal(xs, ys, marker=plotext.marker(LINE_MARKERS[number % len(LINE_MARKERS)], pixel)))


def find_free_row(
    dot: tuple[int, int], text: str, rows: Iterable[int], columns: int, taken: set[tuple[int, int]]
) -> int | None:
    """The first of the rows above or below a dot in which a text has room, centred; it is taken then. None if there is none.

    :param dot: column and row of the dot inside the frame.
    :param taken: columns and rows that have something in them.
    """
    (x, y), half = dot, len(text) // 2 + 1
    for away in rows:
        covered = {(x + shift, y + away) for shift in range(-half, half + 1)}
        if half <= x < columns - half and 0 <= y + away < PLOT_ROWS and not covered & taken:
            taken |= covered
            return y + away
    return None


def frame_plot(title: str, lines: Sequence[str], entries: Sequence[str], width: int) -> str:
    """A plot between its title and its legend, both folded at this width: no entry is broken that fits a line."""
    legend: list[str] = []
    for entry in entries:
        if legend and cell_len(f"{legend[-1]}   {entry}") <= width:
            legend[-1] += f"   {entry}"
        else:
            legend.append(f"  {entry}")
    return "\n".join([wrap_line(f"  {title}", width), *lines, *legend]) + "\n"
