"""Plots of memory over time, several cases on the same axes: Matplotlib and terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import plotext
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from perfbench.datasets.updates import CLOSE, IN_PLAY
from perfbench.profiling.memory.curve import GARBAGE, MemoryCurve, MemoryMark, build_labels, build_title, read_sample
from perfbench.report.plots import _matplotlib, _plotext, sweep_terminal
from perfbench.report.plots._matplotlib import LINE_COLORS, escape_formula
from perfbench.report.prose import wrap_line
from perfbench.util.files import RESULTS_CHOICE
from perfbench.util.formatting import make_printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEGABYTE = 1e6
XLABEL, YLABEL = "seconds since the start of the pass", "resident memory, MB"
MARK_SHAPES = {IN_PLAY: "^", CLOSE: "X"}
"""Where a market turns, on its curve."""

MARK_SYMBOLS = {IN_PLAY: "▲", CLOSE: "▼"}
MAX_TICKS = 400
"""Maximum of full collections drawn for each curve: more of them would be a bar."""

TICK_HEIGHT = 0.02
"""The height of the tick of a collection, in parts of the axes."""

PLOT_HEIGHT = 20


def write_memory_plot(curves: Sequence[MemoryCurve], path: Path, source: str = "") -> None:
    """Write the curves as PNG or SVG by the suffix of the path. Raises UsageProblem for another suffix, StorageProblem if it fails.

    :param source: the line below the picture, such as the machine.
    """
    _matplotlib.save_figure(lambda: draw_curves(curves, source), path, RESULTS_CHOICE)


def draw_curves(curves: Sequence[MemoryCurve], source: str = "") -> Figure:
    """The picture, not yet written."""
    figure = Figure(figsize=(10.5, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = build_labels(curves)
    for number, (curve, name) in enumerate(zip(curves, names, strict=True)):
        _draw_curve(
            axes, curve, name, LINE_COLORS[number % len(LINE_COLORS)], "--" if number >= len(LINE_COLORS) else "-"
        )
        _draw_collections(axes, curve, number, LINE_COLORS[number % len(LINE_COLORS)])
    axes.set_xlabel(XLABEL)
    axes.set_ylabel(YLABEL)
    axes.set_xlim(0, 1.02 * max(curve.seconds for curve in curves))
    axes.set_ylim(0, 1.1 * max(curve.peak_bytes for curve in curves) / MEGABYTE)
    axes.set_title(escape_formula(build_title(curves)), loc="left", fontsize="medium", fontweight="bold")
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles = [*axes.get_legend_handles_labels()[0], *_build_legend_handles(curves)]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, frameon=False)
    if source:
        figure.supxlabel(escape_formula(source), fontsize="x-small", color="0.4", x=0.01, ha="left")
    return figure


def _draw_curve(axes: Axes, curve: MemoryCurve, name: str, color: str, style: str) -> None:
    megabytes = [size / MEGABYTE for size in (curve.baseline, *curve.rss)]
    axes.plot((0, *curve.times), megabytes, style, linewidth=1.4, color=color, label=escape_formula(name))
    for mark in curve.marks:
        if mark.what in MARK_SHAPES:
            place = mark.seconds, read_sample(curve, mark.seconds) / MEGABYTE
            axes.plot(*place, MARK_SHAPES[mark.what], markersize=8, color=color, markeredgecolor="white", zorder=4)


def _draw_collections(axes: Axes, curve: MemoryCurve, number: int, color: str) -> None:
    """A thin tick at the lower edge for every full collection, each curve in a row of its own."""
    ticks = [mark.seconds for mark in curve.marks if mark.what == GARBAGE]
    ticks = ticks[:: 1 + len(ticks) // MAX_TICKS]
    low = number * 1.3 * TICK_HEIGHT
    axes.vlines(ticks, low, low + TICK_HEIGHT, color=color, linewidth=0.8, transform=axes.get_xaxis_transform())


def _build_legend_handles(curves: Sequence[MemoryCurve]) -> list[Line2D]:
    """The legend of the marks that occur."""
    occurring = {mark.what for curve in curves for mark in curve.marks}
    shapes = {**MARK_SHAPES, GARBAGE: "|"}
    names = {
        **{what: f"{what}" for what in MARK_SHAPES},
        CLOSE: "market close",
        GARBAGE: "full collection",
    }
    return [
        Line2D([], [], linestyle="", marker=shape, markersize=7, color="0.4", label=names[what])
        for what, shape in shapes.items()
        if what in occurring
    ]


def plot_in_terminal(curves: Sequence[MemoryCurve], width: int, *, color: bool) -> str:
    """The curves as lines of text, with a triangle where a market turns; without ``color`` no ANSI codes."""
    columns = min(max(width, sweep_terminal.MIN_WIDTH), sweep_terminal.MAX_WIDTH)
    figure = _plotext.new_canvas(columns, PLOT_HEIGHT)
    dots = _plotext.LINE_MARKERS
    for number, curve in enumerate(curves):
        pixel = _plotext.LINE_COLORS[number % len(_plotext.LINE_COLORS)]
        megabytes = [size / MEGABYTE for size in (curve.baseline, *curve.rss)]
        figure.draw(figure.signal((0, *curve.times), megabytes, marker=plotext.marker("braille", pixel)).lines())
        end = plotext.marker(dots[number % len(dots)], pixel)
        figure.draw(figure.signal(curve.times[-1:], megabytes[-1:], marker=end))
        for mark in _select_turning_points(curve):
            place = [mark.seconds], [read_sample(curve, mark.seconds) / MEGABYTE]
            figure.draw(figure.signal(*place, marker=plotext.marker(MARK_SYMBOLS[mark.what], pixel)))
    figure.ruler("y").lim(0, 1.1 * max(curve.peak_bytes for curve in curves) / MEGABYTE)
    figure.ruler("x").lim(0, 1.02 * max(curve.seconds for curve in curves))
    text: str = figure.build().string(colorless=not color)
    lines = (line.rstrip() for line in text.rstrip("\n").split("\n"))
    return (
        "\n".join(
            [
                wrap_line(f"  {make_printable(build_title(curves))}: {YLABEL}, by {XLABEL}", columns),
                *lines,
                *_build_terminal_legend(curves, columns),
            ]
        )
        + "\n"
    )


def _build_terminal_legend(curves: Sequence[MemoryCurve], columns: int) -> list[str]:
    """In one line, or a line for each case where that is too long."""
    dots = _plotext.LINE_MARKERS
    named = [f"{dots[number % len(dots)]} {make_printable(name)}" for number, name in enumerate(build_labels(curves))]
    turns = {mark.what for curve in curves for mark in _select_turning_points(curve)}
    signs = "   ".join(f"{sign} {what}" for what, sign in MARK_SYMBOLS.items() if what in turns)
    entries = [*named, *filter(None, [signs])]
    whole = "   ".join(entries)
    return [f"  {line}" for line in ([whole] if len(whole) + 2 <= columns else entries)]


def _select_turning_points(curve: MemoryCurve) -> list[MemoryMark]:
    return [mark for mark in curve.marks if mark.what in MARK_SYMBOLS]
