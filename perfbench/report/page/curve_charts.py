"""Charts of curves with bands: ratios over the values of a parameter, costs over releases, memory over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfbench.report.model import Figure as SweptFigure
from perfbench.report.page import mark_labels
from perfbench.report.page.axes import (
    Axis,
    Frame,
    Scale,
    build_place_axis,
    build_ratio_axis,
    draw_frame,
    thin_ticks,
)
from perfbench.report.page.blocks import Figure
from perfbench.report.page.mark_labels import Curve, name_series
from perfbench.report.page.pair_charts import shorten
from perfbench.report.page.svg import Drawing, Svg
from perfbench.report.plots.axes import SweepChart, compute_span
from perfbench.report.tables import crossover_text
from perfbench.sweep import crossover
from perfbench.sweep.trajectory import ModeTrajectory
from perfbench.util import formatting

WIDE = Frame(width=1120.0, height=380.0, left=112.0, right=190.0, bottom=44.0)
NAME_HEIGHT = 15.0
MAX_NAME = 28
TICK_GAP = 56.0
TURNED_TICK_GAP = 14.0
LONG_TURNED_TICK = 14


def draw_crossover(figure: SweptFigure, all_figures: Sequence[SweptFigure]) -> Figure:
    """The ratio of every mode over the values of a parameter, with the values at which it is as fast as the reference.

    :param all_figures: those of the run: the figures of a scenario share the axis of ratios.
    """
    alike = [other for other in all_figures if other.scenario == figure.scenario]
    frame = WIDE
    values = figure.values
    logarithmic = figure.logarithmic
    ends = _widen(values[0], values[-1], logarithmic=logarithmic)
    scale = Scale(*ends, *frame.across, logarithmic=logarithmic)
    ticks = tuple((float(value), crossover_text.format_value(value)) for value in values)
    across = thin_ticks(Axis(scale, ticks, figure.parameter), TICK_GAP)
    upward = build_ratio_axis(compute_span(ratio for other in alike for ratio in other.ratios), frame.upward)
    upward = replace(upward, name=f"time ÷ time of {shorten(figure.reference, MAX_NAME)}")
    curves = [
        Curve(
            curve.mode,
            tuple((point.value, point.ratio or 1.0, point.low, point.high) for point in curve.known),
            tuple(
                (
                    crossing.value,
                    1.0,
                    f"{crossover_text.format_interpolated(crossing.value, curve)} "
                    f"{crossover_text.format_interval(crossing, curve)}".strip(),
                    "crossing",
                )
                for crossing in crossover.find_crossovers(curve)
            ),
        )
        for curve in figure.curves
    ]
    svg = draw_curves(frame, across, upward, curves, f"{figure.title}: {figure.ylabel}", figure.reference)
    crossings = sum(len(curve.marks) for curve in curves)
    sentence = (
        "Rings: values at which a mode is as fast as the reference, interpolated between two measured ones, with the 95 % interval."
        if crossings
        else "No curve crosses 1.0 within the measured values."
    )
    return Figure(svg, f"{figure.title}: {figure.ylabel}. Bands are 95 % intervals. {sentence}", wide=True)


def draw_trajectory(chart: SweepChart) -> Figure:
    """The cost of every mode over the releases of a sweep, relative to its reference, with the significant steps."""
    releases = chart.trajectory.releases
    names = [release.name for release in releases]
    curves = [_build_trajectory_curve(line) for line in chart.trajectory.lines]
    svg = draw_places(names, curves, f"{chart.title}: {chart.ylabel}", chart.ylabel)
    return Figure(
        svg,
        f"{chart.ylabel}. Bands are 95 % intervals of the product of all steps; rings are steps that are significant among all "
        "of the sweep. A gap is a release that could not be measured.",
        wide=True,
    )


def draw_places(names: Sequence[str], curves: Sequence[Curve], label: str, name: str) -> Svg:
    """Curves over named places, such as releases, with a logarithmic axis of ratios."""
    longest = max(map(len, names), default=0)
    turned = longest * 7 * len(names) > 820
    frame = replace(WIDE, bottom=24.0 + 5.2 * min(longest, LONG_TURNED_TICK)) if turned else WIDE
    across = build_place_axis([shorten(name, LONG_TURNED_TICK if turned else MAX_NAME) for name in names], frame.across)
    across = thin_ticks(across, TURNED_TICK_GAP if turned else 1.0)
    ends = [end for curve in curves for point in curve.points for end in point[1:]]
    upward = replace(build_ratio_axis([1.0, *ends], frame.upward), name=shorten(name, 52))
    return draw_curves(frame, across, upward, curves, label, turned=turned)


def draw_curves(
    frame: Frame,
    across: Axis,
    upward: Axis,
    curves: Sequence[Curve],
    label: str,
    reference: str = "",
    *,
    turned: bool = False,
) -> Svg:
    """Curves with their bands, marks and names.

    :param reference: the name of the line of 1.0, if it has one; :param turned: whether the texts of the ticks are turned.
    """
    drawing = Drawing(frame.width, frame.height)
    draw_frame(drawing, frame, None if turned else across, upward)
    if turned:
        _draw_turned_ticks(drawing, frame, across)
    left, right = frame.across
    if upward.scale.contains(1.0):
        drawing.add_line((left, upward.place(1.0)), (right, upward.place(1.0)), "one")
    for number, curve in enumerate(curves):
        _draw_curve(drawing, curve, name_series(number), across, upward)
    mark_labels.draw_marks(drawing, curves, across, upward)
    named = [
        (curve.name, upward.place(curve.points[-1][1]), name_series(n))
        for n, curve in enumerate(curves)
        if curve.points
    ]
    if reference:
        named.insert(0, (reference, upward.place(1.0), "reference"))
    for name, height, css in spread_names(named, frame.upward):
        drawing.add_text((right + 8, height + 4), shorten(name, MAX_NAME), f"legend {css}")
    return drawing.finish(label)


def spread_names(names: Sequence[tuple[str, float, str]], ends: tuple[float, float]) -> list[tuple[str, float, str]]:
    """Names at their heights, moved up and down as little as it takes so that none covers another."""
    ordered = sorted(names, key=lambda entry: entry[1])
    heights = [height for _, height, _ in ordered]
    for _ in range(200):
        moved = False
        for n in range(len(heights) - 1):
            lacking = NAME_HEIGHT - (heights[n + 1] - heights[n])
            if lacking > 0.01:
                heights[n] -= lacking / 2
                heights[n + 1] += lacking / 2
                moved = True
        if not moved:
            break
    bottom, top = ends
    if heights and heights[0] < top:
        heights = [max(height, top + NAME_HEIGHT * n) for n, height in enumerate(heights)]
    if heights and heights[-1] > bottom and len(heights) * NAME_HEIGHT < bottom - top:
        last = len(heights) - 1
        heights = [min(height, bottom - NAME_HEIGHT * (last - n)) for n, height in enumerate(heights)]
    return [(name, height, css) for (name, _, css), height in zip(ordered, heights, strict=True)]


def _build_trajectory_curve(line: ModeTrajectory) -> Curve:
    points, marks = [], []
    for place, point in enumerate(line.points):
        if point.relative is None:
            continue
        points.append((float(place), point.relative, point.low, point.high))
        if point.step is not None and point.step.significant:
            tone = "regressed" if point.step.ratio > 1 else "improved"
            marks.append((float(place), point.relative, formatting.format_change(point.step.ratio), tone))
    return Curve(line.mode, tuple(points), tuple(marks))


def _draw_curve(drawing: Drawing, curve: Curve, css: str, across: Axis, upward: Axis) -> None:
    points = [(across.place(x), upward.place(y)) for x, y, _, _ in curve.points]
    upper = [(across.place(x), upward.place(high)) for x, _, _, high in curve.points]
    lower = [(across.place(x), upward.place(low)) for x, _, low, _ in curve.points]
    drawing.add_area([*upper, *reversed(lower)], f"area {css}")
    drawing.add_polyline(points, f"line {css}")
    drawing.add_dots(points, f"point {css}")


def _draw_turned_ticks(drawing: Drawing, frame: Frame, across: Axis) -> None:
    bottom = frame.upward[0]
    for value, text in across.ticks:
        place = across.place(value)
        drawing.add_line((place, bottom), (place, bottom + 4), "axis")
        drawing.add_text((place + 3, bottom + 13), text, "tick", anchor="end", turn=-60)


def _widen(low: float, high: float, *, logarithmic: bool) -> tuple[float, float]:
    """The ends of the axis of a parameter, with a margin."""
    if logarithmic:
        margin = (high / low) ** 0.04
        return low / margin, high * margin
    margin = (high - low) * 0.04
    return low - margin, high + margin
