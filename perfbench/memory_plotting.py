"""The memory of several cases in the course of a pass, on the same axes: PNG or SVG by matplotlib, the terminal by plotext."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import plotext
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from perfbench import plotting, terminal_plotting
from perfbench.curves import CLOSE, GARBAGE, IN_PLAY, Curve, Mark, at, labels, title
from perfbench.formatting import printable
from perfbench.plotting import COLORS, plain
from perfbench.storage import RESULTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEGABYTE = 1e6
XLABEL, YLABEL = "seconds since the start of the pass", "resident memory, MB"
SHAPES = {IN_PLAY: "^", CLOSE: "X"}
"""Where a market turns, on its curve."""

MARKED = {IN_PLAY: "▲", CLOSE: "▼"}
MOST_TICKS = 400
"""Full collections are drawn up to so many for each curve: more of them would be a bar."""

TICK = 0.02
"""The height of the tick of a collection, in parts of the axes."""

HEIGHT = 20


def write_plot(curves: Sequence[Curve], path: Path, source: str = "") -> None:
    """Write the curves as PNG or SVG by the suffix of the path. Raises UsageProblem for another suffix, StorageProblem if it fails.

    :param source: the line below the picture, such as the machine.
    """
    plotting.save(lambda: drawn(curves, source), path, RESULTS)


def drawn(curves: Sequence[Curve], source: str = "") -> Figure:
    """The picture, not yet written."""
    figure = Figure(figsize=(10.5, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = labels(curves)
    for number, (curve, name) in enumerate(zip(curves, names, strict=True)):
        _draw(axes, curve, name, COLORS[number % len(COLORS)], "--" if number >= len(COLORS) else "-")
        _draw_garbage(axes, curve, number, COLORS[number % len(COLORS)])
    axes.set_xlabel(XLABEL)
    axes.set_ylabel(YLABEL)
    axes.set_xlim(0, 1.02 * max(curve.seconds for curve in curves))
    axes.set_ylim(0, 1.1 * max(curve.peak_bytes for curve in curves) / MEGABYTE)
    axes.set_title(plain(title(curves)), loc="left", fontsize="medium", fontweight="bold")
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles = [*axes.get_legend_handles_labels()[0], *_key(curves)]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, frameon=False)
    if source:
        figure.supxlabel(plain(source), fontsize="x-small", color="0.4", x=0.01, ha="left")
    return figure


def _draw(axes: Axes, curve: Curve, name: str, color: str, style: str) -> None:
    megabytes = [size / MEGABYTE for size in (curve.baseline, *curve.rss)]
    axes.plot((0, *curve.times), megabytes, style, linewidth=1.4, color=color, label=plain(name))
    for mark in curve.marks:
        if mark.what in SHAPES:
            place = mark.seconds, at(curve, mark.seconds) / MEGABYTE
            axes.plot(*place, SHAPES[mark.what], markersize=8, color=color, markeredgecolor="white", zorder=4)


def _draw_garbage(axes: Axes, curve: Curve, number: int, color: str) -> None:
    """A thin tick at the lower edge for every full collection, each curve in a row of its own."""
    ticks = [mark.seconds for mark in curve.marks if mark.what == GARBAGE]
    ticks = ticks[:: 1 + len(ticks) // MOST_TICKS]
    low = number * 1.3 * TICK
    axes.vlines(ticks, low, low + TICK, color=color, linewidth=0.8, transform=axes.get_xaxis_transform())


def _key(curves: Sequence[Curve]) -> list[Line2D]:
    """What the marks mean, for those that are there."""
    known = {mark.what for curve in curves for mark in curve.marks}
    shapes = {**SHAPES, GARBAGE: "|"}
    names = {
        **{what: f"{what}" for what in SHAPES},
        CLOSE: "the market closes",
        GARBAGE: "full collection",
    }
    return [
        Line2D([], [], linestyle="", marker=shape, markersize=7, color="0.4", label=names[what])
        for what, shape in shapes.items()
        if what in known
    ]


def terminal(curves: Sequence[Curve], width: int, *, color: bool) -> str:
    """The curves as lines of text, with a triangle where a market turns; without ``color`` no ANSI codes."""
    columns = min(max(width, terminal_plotting.NARROWEST), terminal_plotting.WIDEST)
    figure = terminal_plotting.canvas(columns, HEIGHT)
    dots = terminal_plotting.DOTS
    for number, curve in enumerate(curves):
        pixel = terminal_plotting.COLORS[number % len(terminal_plotting.COLORS)]
        megabytes = [size / MEGABYTE for size in (curve.baseline, *curve.rss)]
        figure.draw(figure.signal((0, *curve.times), megabytes, marker=plotext.marker("braille", pixel)).lines())
        end = plotext.marker(dots[number % len(dots)], pixel)
        figure.draw(figure.signal(curve.times[-1:], megabytes[-1:], marker=end))
        for mark in _turns(curve):
            place = [mark.seconds], [at(curve, mark.seconds) / MEGABYTE]
            figure.draw(figure.signal(*place, marker=plotext.marker(MARKED[mark.what], pixel)))
    figure.ruler("y").lim(0, 1.1 * max(curve.peak_bytes for curve in curves) / MEGABYTE)
    figure.ruler("x").lim(0, 1.02 * max(curve.seconds for curve in curves))
    text: str = figure.build().string(colorless=not color)
    lines = (line.rstrip() for line in text.rstrip("\n").split("\n"))
    return "\n".join([f"  {printable(title(curves))}: {YLABEL}, by {XLABEL}", *lines, *_legend(curves, columns)]) + "\n"


def _legend(curves: Sequence[Curve], columns: int) -> list[str]:
    """In one line, or a line for each case where that is too long."""
    dots = terminal_plotting.DOTS
    named = [f"{dots[number % len(dots)]} {printable(name)}" for number, name in enumerate(labels(curves))]
    turns = {mark.what for curve in curves for mark in _turns(curve)}
    signs = "   ".join(f"{sign} {what}" for what, sign in MARKED.items() if what in turns)
    entries = [*named, *filter(None, [signs])]
    whole = "   ".join(entries)
    return [f"  {line}" for line in ([whole] if len(whole) + 2 <= columns else entries)]


def _turns(curve: Curve) -> list[Mark]:
    return [mark for mark in curve.marks if mark.what in MARKED]
