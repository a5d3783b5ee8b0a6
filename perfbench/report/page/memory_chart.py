"""Chart of the memory of passes over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfbench.profiling.memory.curve import GARBAGE, MemoryCurve, build_labels
from perfbench.report.page.axes import Axis, Frame, build_number_axis, draw_frame
from perfbench.report.page.blocks import Figure
from perfbench.report.page.curve_charts import MAX_NAME, WIDE, spread_names
from perfbench.report.page.mark_labels import name_series
from perfbench.report.page.pair_charts import shorten
from perfbench.report.page.svg import Drawing

MAX_SAMPLES = 800


def draw_memory(curves: Sequence[MemoryCurve]) -> Figure:
    """Memory over the time of a pass, for each case."""
    frame = WIDE
    seconds = max(curve.times[-1] for curve in curves if curve.times)
    across = build_number_axis([0.0, seconds], frame.across, "seconds since the start of the pass", from_zero=True)
    heights = [float(value) for curve in curves for value in (*curve.rss, curve.baseline)]
    upward = build_number_axis(heights, frame.upward, "resident memory", unit="bytes")
    drawing = Drawing(frame.width, frame.height)
    draw_frame(drawing, frame, across, upward)
    names: list[tuple[str, float, str]] = []
    for number, (curve, name) in enumerate(zip(curves, build_labels(curves), strict=True)):
        css = name_series(number)
        points = [
            (across.place(time), upward.place(rss))
            for time, rss in _thin_samples(list(zip(curve.times, curve.rss, strict=True)))
        ]
        drawing.add_polyline(points, f"line {css}")
        names.append((name, points[-1][1], css))
        _draw_memory_marks(drawing, curve, across, frame, css)
    for name, height, css in spread_names(names, frame.upward):
        drawing.add_text((frame.across[1] + 8, height + 4), shorten(name, MAX_NAME), f"legend {css}")
    return Figure(
        drawing.finish("resident memory over the time of a pass"),
        "Resident memory of the worker with its children during one pass. Dashed lines: the market went in-play or was closed.",
        wide=True,
    )


def _draw_memory_marks(drawing: Drawing, curve: MemoryCurve, across: Axis, frame: Frame, css: str) -> None:
    bottom, top = frame.upward
    for mark in curve.marks:
        if mark.what != GARBAGE:
            place = across.place(mark.seconds)
            drawing.add_line((place, bottom), (place, top), f"mark {css}")
            drawing.add_text((place + 3, top + 8), mark.what, f"tick {css}")


def _thin_samples(samples: Sequence[tuple[float, int]], most: int = MAX_SAMPLES) -> list[tuple[float, int]]:
    """The largest sample of each of ``most`` stretches of time, so that no peak is lost."""
    if len(samples) <= most:
        return list(samples)
    size = math.ceil(len(samples) / most)
    return [max(samples[start : start + size], key=lambda sample: sample[1]) for start in range(0, len(samples), size)]
