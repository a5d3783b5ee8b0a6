"""Chart of the change that a number of pairs detects, and that of the pairs that were measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfbench.report.page.axes import Axis, Frame, Scale, draw_frame
from perfbench.report.page.blocks import Figure
from perfbench.report.page.pair_charts import ComparedPairs
from perfbench.report.page.svg import Drawing
from perfbench.report.page.ticks import choose_decade_ticks
from perfbench.stats import sequential

FRAME = Frame()
MARGIN = 1.15
CURVE_STEPS = 40
SHOWN_FACTOR = 4
"""The curve reaches to this many times the pairs that were measured."""

SHOWN_COUNTS = (12, 24, 48, 96, 200, 400, 800, 1600, 3200, 6400)


def draw_detectability(pairs: ComparedPairs) -> Figure | None:
    """The change that more or fewer pairs would have detected; None where the scatter is not known."""
    count = pairs.comparison.pairs
    curve = [(number, change) for number in _list_pair_counts(count) if math.isfinite(change := _detect(pairs, number))]
    if len(curve) < 2:
        return None
    across, upward = _build_axes(curve)
    drawing = Drawing(FRAME.width, FRAME.height)
    draw_frame(drawing, FRAME, across, upward)
    drawing.add_polyline([(across.place(number), upward.place(change)) for number, change in curve], "line after")
    own = dict(curve).get(count)
    few = "1 pair is" if count == 1 else f"{count} pairs are"
    sentence = f"{few} too few to detect anything reliably; the curve shows what more of them would detect."
    if own is not None:
        drawing.add_dots([(across.place(count), upward.place(own))], "estimate")
        sentence = (
            f"The {count} pairs of this case detect a change of {100 * own:.2f} % in 95 of 100 comparisons (dot). "
            "Smaller ones may have stayed hidden; half as large a change takes four times as many pairs."
        )
    return Figure(drawing.finish("the change that a number of pairs detects"), sentence)


def compute_detectable_change(pairs: ComparedPairs) -> float:
    """The change, as a share, that the pairs of a comparison detect in 95 of 100; infinite or no number where they do not."""
    if math.isfinite(pairs.comparison.detectable):
        return pairs.comparison.detectable
    return _detect(pairs, pairs.comparison.pairs)


def _detect(pairs: ComparedPairs, count: int) -> float:
    """What this many pairs with the scatter of a comparison detect."""
    sigma = pairs.comparison.sigma
    if not (math.isfinite(sigma) and sigma > 0):
        return math.nan
    return sequential.compute_detectable(sigma, count, pairs.level, pairs.smallest)


def _build_axes(curve: Sequence[tuple[int, float]]) -> tuple[Axis, Axis]:
    """Numbers of pairs, and changes in per cent, both on logarithmic axes."""
    first, last = curve[0][0], curve[-1][0]
    numbers = tuple((float(number), str(number)) for number in SHOWN_COUNTS if first <= number <= last)
    across = Axis(Scale(first, last, *FRAME.across, logarithmic=True), numbers, "pairs")
    changes = [change for _, change in curve]
    low, high = min(changes) / MARGIN, max(changes) * MARGIN
    ticks = tuple((tick / 100, f"{tick:.3g} %") for tick in choose_decade_ticks(100 * low, 100 * high))
    return across, Axis(Scale(low, high, *FRAME.upward, logarithmic=True), ticks, "detected change")


def _list_pair_counts(count: int) -> list[int]:
    """Numbers of pairs from the first look to several times as many as there are."""
    first = sequential.GATE_LOOKS[0]
    last = SHOWN_FACTOR * max(count, first)
    numbers = {round(first * (last / first) ** (step / CURVE_STEPS)) for step in range(CURVE_STEPS + 1)}
    return sorted({*numbers, *([count] if count >= first else [])})
