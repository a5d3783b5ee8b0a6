"""The interval of a case as a drawing in its row, on one axis for all rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from perfbench.model import Comparison
from perfbench.report.page.axes import Axis, Scale, build_ratio_axis
from perfbench.report.page.svg import Drawing, Svg
from perfbench.util import formatting

WIDTH, HEIGHT = 250.0, 26.0
HEAD_HEIGHT = 40.0
MARGIN = 16.0
MIDDLE = HEIGHT / 2
ARROW = 5.0


@dataclass(frozen=True, slots=True)
class IntervalAxis:
    """The common axis of the intervals of a table, and the drawings on it."""

    axis: Axis

    @classmethod
    def of(cls, comparisons: Iterable[Comparison], claimed: Iterable[float] = ()) -> IntervalAxis:
        """The axis that covers the intervals, 1.0 and the claims.

        :param claimed: ratios after / before.
        """
        ends = [end for c in comparisons for end in (c.low, c.ratio, c.high)]
        return cls(build_ratio_axis([1.0, *ends, *claimed], (MARGIN, WIDTH - MARGIN), short=True))

    def draw_head(self) -> Svg:
        """The ticks of the axis, and which side is faster, for the head of the column."""
        drawing = Drawing(WIDTH, HEAD_HEIGHT)
        drawing.add_text((0, 11), "◂ faster", "tick")
        drawing.add_text((WIDTH, 11), "slower ▸", "tick", anchor="end")
        for value, text in self.axis.ticks:
            place = self.axis.place(value)
            drawing.add_line((place, HEAD_HEIGHT - 5), (place, HEAD_HEIGHT), "one" if value == 1 else "axis")
            drawing.add_text((place, HEAD_HEIGHT - 10), text, "tick", anchor="middle")
        return drawing.finish("axis of the intervals, time after divided by time before, logarithmic")

    def draw_interval(self, comparison: Comparison, label: str, claimed: float | None = None) -> Svg:
        """The interval of a case with its ratio; the claim is a diamond. An interval without an end has an arrow there."""
        drawing = Drawing(WIDTH, HEIGHT)
        for value, _ in self.axis.ticks:
            if value != 1:
                drawing.add_line((self.axis.place(value), 0), (self.axis.place(value), HEIGHT), "grid")
        same = self.axis.place(1.0)
        drawing.add_line((same, 0), (same, HEIGHT), "one")
        tone = comparison.verdict.value
        left, right = self._place_end(comparison.low), self._place_end(comparison.high)
        drawing.add_line((left, MIDDLE), (right, MIDDLE), f"interval {tone}")
        if not comparison.low > 0:
            drawing.add_polyline(
                [(left + ARROW, MIDDLE - ARROW), (left, MIDDLE), (left + ARROW, MIDDLE + ARROW)], f"arrow {tone}"
            )
        if not math.isfinite(comparison.high):
            drawing.add_polyline(
                [(right - ARROW, MIDDLE - ARROW), (right, MIDDLE), (right - ARROW, MIDDLE + ARROW)], f"arrow {tone}"
            )
        if claimed is not None:
            place = self.axis.place(claimed)
            corners = [(place, MIDDLE - 6), (place + 6, MIDDLE), (place, MIDDLE + 6), (place - 6, MIDDLE)]
            drawing.add_area(corners, "claim")
        drawing.add_dots([(self.axis.place(comparison.ratio), MIDDLE)], f"estimate {tone}")
        return drawing.finish(label, "interval-chart")

    def draw_nothing(self, label: str) -> Svg:
        """A row without an interval: the line of 1.0 alone."""
        drawing = Drawing(WIDTH, HEIGHT)
        same = self.axis.place(1.0)
        drawing.add_line((same, 0), (same, HEIGHT), "one")
        return drawing.finish(label, "interval-chart")

    def _place_end(self, value: float) -> float:
        scale: Scale = self.axis.scale
        if not value > 0:
            return scale.start - MARGIN / 2
        return scale.place(value) if math.isfinite(value) else scale.end + MARGIN / 2


def format_ratio(ratio: float, *, as_change: bool = False) -> str:
    """``2.3x faster``, ``1.05x slower``; as the change of a gate ``+5.0 %``."""
    if as_change:
        return formatting.format_change(ratio)
    return f"{formatting.format_factor(max(ratio, 1 / ratio))} {'slower' if ratio > 1 else 'faster'}"


def describe_interval(comparison: Comparison, *, as_change: bool = False) -> str:
    """The ratio and its interval in words: ``2.3x faster, 95 % interval 2.25–2.34``."""
    change = format_ratio(comparison.ratio, as_change=as_change)
    low, high = comparison.low, comparison.high
    if not (low > 0 and math.isfinite(high)):
        return f"{change}, too few pairs for an interval"
    if as_change:
        interval = formatting.format_change_interval(low, high)
    else:
        interval = formatting.format_interval(*((low, high) if comparison.ratio > 1 else (1 / high, 1 / low)))
    return f"{change}, {format_confidence(comparison)} interval {interval}"


def format_confidence(comparison: Comparison) -> str:
    """``95 %``, ``99.3 %``."""
    return f"{100 * comparison.confidence:.3g} %"
