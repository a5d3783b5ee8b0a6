"""The course of a sweep as PNG or SVG, by matplotlib, without a display; and what its pictures have in common with others."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox, BboxBase

from perfbench.charting import Chart, failed, limits, log_ticks
from perfbench.course import Course, Line
from perfbench.errors import UsageProblem
from perfbench.formatting import change, printable
from perfbench.stepping import Step
from perfbench.storage import check_destination, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg")
PLOT = "--plot file"
KEY = "rings: steps that are not chance · bands: 95 % intervals"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, which people with any kind of colour vision can tell apart (jfly.uni-koeln.de/color)."""

MARKERS = ("o", "s", "^", "D", "v", "P")

FASTER, SLOWER = "#1a7f37", "#cf222e"
LABEL_OFFSETS = tuple((x, sign * y) for y in range(12, 90, 6) for x in (0, 24, -24, 44) for sign in (1, -1))
"""Where the size of a step may stand, in points from its dot, the best first."""


def check_plot_path(path: Path) -> None:
    """Refuse a name of another picture format, and a file that cannot be written. Raises UsageProblem."""
    _check_suffix(path)
    check_destination(f"--plot {path}", path)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise UsageProblem(
            f"--plot {path}: unknown picture format", hint=f"write a name that ends in {' or '.join(SUFFIXES)}"
        )


def write_plot(chart: Chart, path: Path) -> None:
    """Write the plot of a sweep as PNG or SVG by the suffix of the path. Raises StorageProblem if it fails."""
    save(lambda: drawn(chart), path, PLOT)


def save(draw: Callable[[], Figure], path: Path, choice: str) -> None:
    """Write a picture as PNG or SVG by the suffix of the path. Raises UsageProblem for another suffix, StorageProblem if it fails.

    :param choice: what the user has to choose differently if it fails, such as ``--plot file``.
    """
    _check_suffix(path)
    content = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".")
    # Text stays text in an SVG, and the same picture gives the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "perfbench"}):
        figure = draw()
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    write_atomically(path, content.getvalue(), choice)


def drawn(chart: Chart) -> Figure:
    """The picture, not yet written."""
    releases = chart.course.releases
    figure = Figure(figsize=(max(7.0, 2.0 + 0.27 * len(releases)), 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, line in enumerate(chart.course.lines):
        _plot_line(axes, line, number)
    for number, place in enumerate(failed(chart.course)):
        label = None if number else "not measured"
        axes.plot(place, 0.02, "x", color="0.5", transform=axes.get_xaxis_transform(), label=label, zorder=4)
    ratio_axis(axes, *limits(chart.course))
    axes.set_xticks(
        range(len(releases)), [plain(r.name) for r in releases], rotation=60, ha="right", rotation_mode="anchor"
    )
    axes.set_xlim(-0.6, len(releases) - 0.4)
    axes.set_ylabel(plain(chart.ylabel))
    axes.set_title(plain(chart.title), loc="left", fontsize="medium", fontweight="bold")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    figure.supxlabel(plain(f"{KEY} · {chart.source}"), fontsize="x-small", color="0.4", x=0.01, ha="left")
    _label_steps(figure, axes, chart.course)
    return figure


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """The logarithmic axis of ratios to the left, with a line at each tick, and no frame to the right and above."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(log_ticks(low, high)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_band(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    ends: Iterable[tuple[float, float]],
    number: int,
    label: str = "_nolegend_",
) -> None:
    """The line of the mode of this number through places and ratios, on the band of their intervals."""
    color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
    xs, ys = zip(*points, strict=True)
    lows, highs = zip(*([end if 0 < end < math.inf else math.nan for end in pair] for pair in ends), strict=True)
    axes.fill_between(xs, lows, highs, color=color, alpha=0.18, linewidth=0)
    axes.plot(xs, ys, marker=marker, markersize=4, linewidth=1.2, color=color, label=label)


def _plot_line(axes: Axes, line: Line, number: int) -> None:
    points = _known(line)
    ends = [(stop.low, stop.high) for stop in line.stops if stop.relative is not None]
    if points:
        draw_band(axes, points, ends, number, plain(line.mode))


def _known(line: Line) -> list[tuple[float, float]]:
    return [(place, stop.relative) for place, stop in enumerate(line.stops) if stop.relative is not None]


def _label_steps(figure: Figure, axes: Axes, course: Course) -> None:
    """A ring and the size at every real step, each label at the first place where it covers no other label and no dot."""
    figure.draw_without_rendering()  # only then are sizes and places known
    taken: list[BboxBase] = [box for line in course.lines for box in covered(axes, _known(line))]
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    for number, line in enumerate(course.lines):
        for place, stop in enumerate(line.stops):
            if stop.relative is not None and stop.step is not None and stop.step.significant:
                _label(axes, place, stop.relative, stop.step, COLORS[number % len(COLORS)], taken)


def covered(axes: Axes, known: Sequence[tuple[float, float]]) -> Iterator[Bbox]:
    """Small boxes all along the line through these points, in pixels."""
    points = [axes.transData.transform(point) for point in known]
    for first, second in zip(points, points[1:] or points, strict=False):
        for share in range(17):
            x, y = first + (second - first) * share / 16
            yield Bbox.from_bounds(x - 4, y - 4, 8, 8)


def _label(axes: Axes, place: int, relative: float, step: Step, color: str, taken: list[BboxBase]) -> None:
    axes.plot(place, relative, "o", markersize=9, markerfacecolor="none", color=SLOWER if step.ratio > 1 else FASTER)
    write_beside(axes, (place, relative), change(step.ratio), color, taken)


def write_beside(axes: Axes, point: tuple[float, float], text: str, color: str, taken: list[BboxBase]) -> None:
    """A label at the first place beside a point where it covers nothing that is taken; it is taken then."""
    label = axes.annotate(
        text,
        point,
        xytext=LABEL_OFFSETS[0],
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize="small",
        color=color,
    )
    inside = axes.get_window_extent()
    for offset in LABEL_OFFSETS:
        label.set_position(offset)
        box = label.get_window_extent().padded(2)
        if inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) and not box.count_overlaps(taken):
            break
    taken.append(label.get_window_extent().padded(2))


def plain(text: str) -> str:
    """Foreign text that matplotlib does not take for a formula."""
    return printable(text).replace("$", r"\$")
