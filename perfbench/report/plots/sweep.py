"""Matplotlib plot of a release sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import BboxBase

from perfbench.report.plots._matplotlib import (
    LINE_COLORS,
    compute_line_boxes,
    draw_band,
    escape_formula,
    place_label,
    save_figure,
    set_ratio_axis,
)
from perfbench.report.plots.axes import SweepChart, compute_axis_limits, find_failed_releases, find_measured_again
from perfbench.report.plots.plot_file import PLOT_CHOICE
from perfbench.sweep.parts import PART_SEPARATOR
from perfbench.sweep.steps import ReleaseStep
from perfbench.sweep.trajectory import ModeTrajectory, Trajectory
from perfbench.util.formatting import format_change

if TYPE_CHECKING:
    from matplotlib.axes import Axes
CAPTION = "rings: significant steps · bands: 95 % intervals"

PARTS_CAPTION = " · dotted: measured again, in another part of the sweep"

FASTER_COLOR, SLOWER_COLOR = "#1a7f37", "#cf222e"


def write_sweep_plot(chart: SweepChart, path: Path) -> None:
    """Write the plot of a sweep as PNG or SVG by the suffix of the path. Raises StorageProblem if it fails."""
    save_figure(lambda: draw_chart(chart), path, PLOT_CHOICE)


def draw_chart(chart: SweepChart) -> Figure:
    """The picture, not yet written."""
    releases = chart.trajectory.releases
    figure = Figure(figsize=(max(7.0, 2.0 + 0.27 * len(releases)), 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, line in enumerate(chart.trajectory.lines):
        _draw_line(axes, line, number)
    for number, place in enumerate(find_failed_releases(chart.trajectory)):
        label = None if number else "not measured"
        axes.plot(place, 0.02, "x", color="0.5", transform=axes.get_xaxis_transform(), label=label, zorder=4)
    again = find_measured_again(chart.trajectory)
    for place in again:
        axes.axvline(place, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    set_ratio_axis(axes, *compute_axis_limits(chart.trajectory))
    axes.set_xticks(
        range(len(releases)),
        [escape_formula(r.name) for r in releases],
        rotation=60,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_xlim(-0.6, len(releases) - 0.4)
    axes.set_ylabel(escape_formula(chart.ylabel))
    axes.set_title(escape_formula(chart.title), loc="left", fontsize="medium", fontweight="bold")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    lines = [f"{CAPTION} · {chart.source}"]
    if again:
        lines = [f"{CAPTION}{PARTS_CAPTION}", *chart.source.replace(PART_SEPARATOR, "\nthen ").splitlines()]
    figure.supxlabel("\n".join(map(escape_formula, lines)), fontsize="x-small", color="0.4", x=0.01, ha="left")
    _label_steps(figure, axes, chart.trajectory)
    return figure


def _draw_line(axes: Axes, line: ModeTrajectory, number: int) -> None:
    points = _collect_points(line)
    ends = [(point.low, point.high) for point in line.points if point.relative is not None]
    if points:
        draw_band(axes, points, ends, number, escape_formula(line.mode))


def _collect_points(line: ModeTrajectory) -> list[tuple[float, float]]:
    return [(place, point.relative) for place, point in enumerate(line.points) if point.relative is not None]


def _label_steps(figure: Figure, axes: Axes, trajectory: Trajectory) -> None:
    """A ring and the size at every significant step, each label at the first place where it covers no other label and no dot."""
    figure.draw_without_rendering()  # only then are sizes and places known
    taken: list[BboxBase] = [
        box for line in trajectory.lines for box in compute_line_boxes(axes, _collect_points(line))
    ]
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    for number, line in enumerate(trajectory.lines):
        for place, point in enumerate(line.points):
            if point.relative is not None and point.step is not None and point.step.significant:
                _label_step(axes, place, point.relative, point.step, LINE_COLORS[number % len(LINE_COLORS)], taken)


def _label_step(axes: Axes, place: int, relative: float, step: ReleaseStep, color: str, taken: list[BboxBase]) -> None:
    axes.plot(
        place,
        relative,
        "o",
        markersize=9,
        markerfacecolor="none",
        color=SLOWER_COLOR if step.ratio > 1 else FASTER_COLOR,
    )
    place_label(axes, (place, relative), format_change(step.ratio), color, taken)
