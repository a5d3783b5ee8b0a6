"""Charts of one comparison: its pairs in order of time, their scatter, and the passes of both sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfbench.model import Comparison
from perfbench.report.page.axes import (
    Axis,
    Frame,
    Scale,
    build_exact_ratio_axis,
    build_number_axis,
    build_ratio_axis,
    draw_frame,
)
from perfbench.report.page.blocks import Figure
from perfbench.report.page.svg import Drawing
from perfbench.report.page.ticks import choose_decade_ticks, format_decade_ticks
from perfbench.stats.verdict_bounds import MIN_EFFECT

FRAME = Frame()
NAMED_FRAME = Frame(height=246.0, top=28.0)
"""A chart of two sides, whose names stand above it, where nothing is drawn."""

MAX_SIDE_NAME = 30
MIN_BINS, MAX_BINS = 6, 30
WIDE_RATIO = 2.5
"""From this ratio of the seconds on their axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class ComparedPairs:
    """The pairs behind a comparison, in order of time: their log ratios, and the values of both sides.

    ``before`` and ``after`` are the names of the sides, ``metric`` what was measured, ``level`` the one-sided level of the
    interval. ``smallest``: the change treated as none. Unpaired sides have values and no ratios.
    """

    comparison: Comparison
    ratios: tuple[float, ...]
    before_seconds: tuple[float, ...]
    after_seconds: tuple[float, ...]
    before: str
    after: str
    metric: str
    level: float
    smallest: float = MIN_EFFECT

    @property
    def has_interval(self) -> bool:
        """Whether its interval has both ends."""
        return self.comparison.low > 0 and math.isfinite(self.comparison.high)


def draw_pairs(pairs: ComparedPairs) -> Figure:
    """The ratio of every pair in order of time."""
    comparison = pairs.comparison
    covered = [*pairs.ratios, comparison.ratio, *((comparison.low, comparison.high) if pairs.has_interval else ())]
    upward = build_exact_ratio_axis(covered, FRAME.upward)
    across = _build_count_axis(len(pairs.ratios), "pair, in order of time")
    drawing = Drawing(FRAME.width, FRAME.height)
    draw_frame(drawing, FRAME, across, upward)
    _draw_band(drawing, pairs, upward)
    drawing.add_dots(
        ((across.place(number), upward.place(ratio)) for number, ratio in enumerate(pairs.ratios, 1)), "pair"
    )
    interval = _describe_band(pairs)
    return Figure(
        drawing.finish(f"ratio of each of {len(pairs.ratios)} pairs in order of time"),
        f"Every dot is one pair: {pairs.after} ÷ {pairs.before}, in order of time. {interval}"
        "A trend or a jump would be the machine, not the code.",
    )


def draw_distribution(pairs: ComparedPairs) -> Figure:
    """How often which ratio was measured."""
    comparison = pairs.comparison
    covered = [*pairs.ratios, comparison.ratio, *((comparison.low, comparison.high) if pairs.has_interval else ())]
    across = build_exact_ratio_axis(covered, FRAME.across, "ratio of a pair")
    logs = np.log(np.array(pairs.ratios))
    bins = min(MAX_BINS, max(MIN_BINS, round(2 * math.sqrt(len(logs)))))
    counts, edges = np.histogram(logs, bins, (math.log(across.scale.low), math.log(across.scale.high)))
    upward = build_number_axis([0.0, float(counts.max())], FRAME.upward, "pairs", from_zero=True)
    ticks = tuple((value, f"{value:,.0f}") for value, _ in upward.ticks if value.is_integer())
    upward = Axis(upward.scale, ticks, upward.name)
    drawing = Drawing(FRAME.width, FRAME.height)
    draw_frame(drawing, FRAME, across, upward)
    bottom = FRAME.upward[0]
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            left, right = across.place(math.exp(low)), across.place(math.exp(high))
            drawing.add_rectangle(
                (left + 0.5, upward.place(count)), right - left - 1, bottom - upward.place(count), "bar"
            )
    _draw_upright_band(drawing, pairs, across)
    scatter = f"One pair scatters by {100 * comparison.sigma:.2f} %. " if math.isfinite(comparison.sigma) else ""
    return Figure(
        drawing.finish(f"distribution of the ratios of {len(pairs.ratios)} pairs"),
        f"{scatter}The interval (shaded) is of the middle of all {len(pairs.ratios)} pairs, so it is narrower than their scatter.",
    )


def draw_seconds(pairs: ComparedPairs) -> Figure:
    """The values of both sides in order of time."""
    values = (*pairs.before_seconds, *pairs.after_seconds)
    upward = _build_seconds_axis(values, NAMED_FRAME.upward)
    across = _build_count_axis(max(len(pairs.before_seconds), len(pairs.after_seconds)), "pass, in order of time")
    drawing = Drawing(NAMED_FRAME.width, NAMED_FRAME.height)
    draw_frame(drawing, NAMED_FRAME, across, upward)
    for css, side in (("before", pairs.before_seconds), ("after", pairs.after_seconds)):
        drawing.add_dots(((across.place(n), upward.place(value)) for n, value in enumerate(side, 1)), css)
    _draw_legend(drawing, pairs)
    return Figure(
        drawing.finish(f"{pairs.metric} of both sides in order of time"),
        f"{pairs.metric[:1].upper()}{pairs.metric[1:]} of every pass on both sides. Where both move together, the machine became "
        "slower or faster, and the ratio of a pair is not touched by it.",
    )


def draw_shares(pairs: ComparedPairs) -> Figure:
    """The share of passes that took at most this long, on both sides."""
    values = (*pairs.before_seconds, *pairs.after_seconds)
    across = _build_seconds_axis(values, NAMED_FRAME.across, pairs.metric)
    upward = Axis(
        Scale(0.0, 1.0, *NAMED_FRAME.upward),
        tuple((share, f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
        "passes",
    )
    drawing = Drawing(NAMED_FRAME.width, NAMED_FRAME.height)
    draw_frame(drawing, NAMED_FRAME, across, upward)
    for css, side in (("before", pairs.before_seconds), ("after", pairs.after_seconds)):
        ordered = sorted(side)
        points = [(across.place(value), upward.place((n + 1) / len(ordered))) for n, value in enumerate(ordered)]
        start = (NAMED_FRAME.across[0], upward.place(0.0))
        end = (NAMED_FRAME.across[1], upward.place(1.0))
        drawing.add_steps([start, *points, end], f"line {css}")
    _draw_legend(drawing, pairs)
    return Figure(
        drawing.finish(f"cumulative distribution of the {pairs.metric} of both sides"),
        "The share of passes that took at most this long. Curves that do not cross: every percentile is on the same side.",
    )


def _describe_band(pairs: ComparedPairs) -> str:
    if not pairs.has_interval:
        return "There are too few of them for an interval. "
    return "The line is the estimate, the band its interval. "


def _draw_band(drawing: Drawing, pairs: ComparedPairs, upward: Axis) -> None:
    """The interval, the estimate, and the line of 1.0 if it is within the axis."""
    left, right = FRAME.across
    comparison = pairs.comparison
    if pairs.has_interval:
        top, bottom = upward.place(comparison.high), upward.place(comparison.low)
        drawing.add_rectangle((left, top), right - left, bottom - top, "band")
    if upward.scale.contains(1.0):
        drawing.add_line((left, upward.place(1.0)), (right, upward.place(1.0)), "one")
    height = upward.place(comparison.ratio)
    drawing.add_line((left, height), (right, height), "center")


def _draw_upright_band(drawing: Drawing, pairs: ComparedPairs, across: Axis) -> None:
    bottom, top = FRAME.upward
    comparison = pairs.comparison
    if pairs.has_interval:
        left, right = across.place(comparison.low), across.place(comparison.high)
        drawing.add_rectangle((left, top), max(1.0, right - left), bottom - top, "band")
    if across.scale.contains(1.0):
        drawing.add_line((across.place(1.0), bottom), (across.place(1.0), top), "one")
    place = across.place(comparison.ratio)
    drawing.add_line((place, bottom), (place, top), "center")


def _draw_legend(drawing: Drawing, pairs: ComparedPairs) -> None:
    """The names of both sides in their colours, above the chart."""
    left, right = NAMED_FRAME.across
    height = NAMED_FRAME.upward[1] - 12
    drawing.add_text((left, height), shorten(pairs.before, MAX_SIDE_NAME), "legend before")
    drawing.add_text((right, height), shorten(pairs.after, MAX_SIDE_NAME), "legend after", anchor="end")


def shorten(name: str, length: int) -> str:
    """A name without its middle if it is longer than that."""
    return name if len(name) <= length else f"{name[: length // 2]}…{name[-(length - length // 2 - 1) :]}"


def _build_count_axis(count: int, name: str) -> Axis:
    axis = build_number_axis([1.0, float(max(2, count))], FRAME.across, name)
    scale = Scale(1 - 0.02 * count, count + 0.02 * count + 0.01, *FRAME.across)
    ticks = {1: "1", count: f"{count:,}"} if count < 8 else {1: "1"}
    ticks |= {round(value): text for value, text in axis.ticks if 1 < value <= count and value.is_integer()}
    return Axis(scale, tuple((float(value), ticks[value]) for value in sorted(ticks)), name)


def _build_seconds_axis(values: Sequence[float], ends: tuple[float, float], name: str = "") -> Axis:
    """Seconds, on a logarithmic axis where the sides are far apart."""
    low, high = min(values), max(values)
    if low <= 0 or high / low < WIDE_RATIO:
        return build_number_axis(values, ends, name, unit="seconds")
    axis = build_ratio_axis([low, high], ends)
    ticks = [tick for tick in choose_decade_ticks(axis.scale.low, axis.scale.high) if axis.scale.contains(tick)]
    return Axis(axis.scale, tuple(zip(ticks, format_decade_ticks(ticks), strict=True)), name)
