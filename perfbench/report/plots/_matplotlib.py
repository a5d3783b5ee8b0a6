"""Matplotlib parts shared by all plots: axes, bands, label placement, saving."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox, BboxBase

from perfbench.report.plots.axes import choose_log_ticks
from perfbench.report.plots.plot_file import check_suffix
from perfbench.util.files import write_atomically
from perfbench.util.formatting import make_printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, which people with any kind of colour vision can tell apart (jfly.uni-koeln.de/color)."""

LINE_MARKERS = ("o", "s", "^", "D", "v", "P")
LABEL_OFFSETS = tuple((x, sign * y) for y in range(12, 90, 6) for x in (0, 24, -24, 44) for sign in (1, -1))
"""Where the size of a step may stand, in points from its dot, the best first."""


def save_figure(draw: Callable[[], Figure], path: Path, choice: str) -> None:
    """Write a picture as PNG or SVG by the suffix of the path. Raises UsageProblem for another suffix, StorageProblem if it fails.

    :param choice: what the user has to choose differently if it fails, such as ``--plot file``.
    """
    check_suffix(path)
    content = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".")
    # Text stays text in an SVG, and the same picture gives the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "perfbench"}):
        figure = draw()
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    write_atomically(path, content.getvalue(), choice)


def set_ratio_axis(axes: Axes, low: float, high: float) -> None:
    """The logarithmic axis of ratios to the left, with a line at each tick, and no frame to the right and above."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(choose_log_ticks(low, high)))
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
    color, marker = LINE_COLORS[number % len(LINE_COLORS)], LINE_MARKERS[number % len(LINE_MARKERS)]
    xs, ys = zip(*points, strict=True)
    lows, highs = zip(*([end if 0 < end < math.inf else math.nan for end in pair] for pair in ends), strict=True)
    axes.fill_between(xs, lows, highs, color=color, alpha=0.18, linewidth=0)
    axes.plot(xs, ys, marker=marker, markersize=4, linewidth=1.2, color=color, label=label)


def compute_line_boxes(axes: Axes, corners: Sequence[tuple[float, float]]) -> Iterator[Bbox]:
    """Small boxes all along the line through these points, in pixels."""
    points = [axes.transData.transform(point) for point in corners]
    for first, second in zip(points, points[1:] or points, strict=False):
        for share in range(17):
            x, y = first + (second - first) * share / 16
            yield Bbox.from_bounds(x - 4, y - 4, 8, 8)


def place_label(axes: Axes, point: tuple[float, float], text: str, color: str, taken: list[BboxBase]) -> None:
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


def escape_formula(text: str) -> str:
    """Foreign text that matplotlib does not take for a formula."""
    return make_printable(text).replace("$", r"\$")
