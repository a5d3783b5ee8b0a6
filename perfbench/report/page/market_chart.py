"""Strip plot of the markets of a corpus by their strata, with the ratio of every stratum and the slowest markets by name."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfbench.report.page.axes import Axis, Frame, build_ratio_axis, draw_frame
from perfbench.report.page.blocks import Figure
from perfbench.report.page.pair_charts import shorten
from perfbench.report.page.svg import Drawing, Point
from perfbench.report.survey_model import DrawnMarket, SurveyedPair
from perfbench.report.survey_text import EXTREMES, STRATA_SHOWN
from perfbench.util import formatting

ROW_HEIGHT = 34.0
STEPS = (0.0, 0.5, -0.5, 0.25, -0.25, 0.75, -0.75)
"""Where the dots of a row lie above and below its middle, one after the other, as a share of half its height."""

ALL_LABEL = "whole corpus"
OTHER_LABEL = "short ones together"


def draw_markets(pair: SurveyedPair) -> tuple[Figure, ...]:
    """A strip plot for each kind of strata; one of all markets together where there is none."""
    if not pair.markets:
        return ()
    kinds = [strata.kind for strata in pair.strata] or [""]
    return tuple(_draw_strip(pair, kind) for kind in kinds)


def list_worst(pair: SurveyedPair) -> tuple[DrawnMarket, ...]:
    """The five slowest of the drawn markets, the slowest first."""
    return pair.markets[: -EXTREMES - 1 : -1]


def _draw_strip(pair: SurveyedPair, kind: str) -> Figure:
    strata = next((strata.strata for strata in pair.strata if strata.kind == kind), ())[:STRATA_SHOWN]
    labels = [stratum.label for stratum in strata]
    rows = [*labels, *([OTHER_LABEL] if _has_others(pair, kind, labels) else [])] if labels else [ALL_LABEL]
    frame = Frame(width=1120.0, height=64.0 + ROW_HEIGHT * len(rows), left=170.0, right=20.0, top=24.0, bottom=40.0)
    ends = [end for stratum in strata if stratum.has_interval for end in (stratum.estimate.low, stratum.estimate.high)]
    ratios = [*(market.ratio for market in pair.markets), *ends]
    across = build_ratio_axis(
        [*ratios, *_cover_one(ratios)], frame.across, f"{pair.label}: time after ÷ time before of a market"
    )
    drawing = Drawing(frame.width, frame.height)
    draw_frame(drawing, frame, across, None)
    _draw_lines(drawing, pair, frame, across)
    worst = {market.name for market in list_worst(pair)}
    for number, label in enumerate(rows):
        middle = frame.top + ROW_HEIGHT * (number + 0.5)
        drawing.add_text((frame.left - 8, middle + 4), shorten(label, 24), "tick", anchor="end")
        own = [market for market in pair.markets if _find_row(market, kind, labels) == label]
        places = _spread_dots([across.place(market.ratio) for market in own], middle)
        slow = [place for market, place in zip(own, places, strict=True) if market.name in worst]
        drawing.add_dots((p for m, p in zip(own, places, strict=True) if m.name not in worst), "market")
        drawing.add_dots(slow, "market worst")
        stratum = next((stratum for stratum in strata if stratum.label == label), None)
        if stratum is not None:
            if stratum.has_interval:
                span = (across.place(stratum.estimate.low), middle), (across.place(stratum.estimate.high), middle)
                drawing.add_line(*span, "interval stratum")
            drawing.add_dots([(across.place(stratum.estimate.ratio), middle)], "estimate stratum")
    by = f" by {kind}" if kind else ""
    named = ", ".join(f"{market.name} {formatting.format_change(market.ratio)}" for market in list_worst(pair))
    return Figure(
        drawing.finish(f"ratio of {len(pair.markets)} drawn markets{by}"),
        f"{pair.label}: every drawn market{by} is a dot; bars are the strata with their 95 % intervals, the band that of the whole "
        f"corpus. The five slowest (large dots): {named}.",
        wide=True,
    )


def _draw_lines(drawing: Drawing, pair: SurveyedPair, frame: Frame, across: Axis) -> None:
    """The band of the whole corpus and the line of 1.0."""
    bottom, top = frame.upward
    same = across.place(1.0)
    if math.isfinite(pair.estimate.high):
        left, right = across.place(pair.estimate.low), across.place(pair.estimate.high)
        drawing.add_rectangle((left, top), max(1.0, right - left), bottom - top, "band")
    if across.scale.contains(1.0):
        drawing.add_line((same, bottom), (same, top), "one")
        drawing.add_text((same + 4, top - 8), "slower ▸", "tick")
        drawing.add_text((same - 4, top - 8), "◂ faster", "tick", anchor="end")


def _cover_one(ratios: Sequence[float]) -> tuple[float, ...]:
    """1.0, unless it is so far away that the markets would be a single spot."""
    low, high = math.log(min(ratios)), math.log(max(ratios))
    distance = max(low, -high, 0.0)
    return (1.0,) if distance <= high - low else ()


def _find_row(market: DrawnMarket, kind: str, labels: Sequence[str]) -> str:
    """The row of a market; short ones that are taken together have no label."""
    if not labels:
        return ALL_LABEL
    label = dict(market.labels).get(kind, "")
    return label if label in labels else OTHER_LABEL


def _has_others(pair: SurveyedPair, kind: str, labels: Sequence[str]) -> bool:
    return any(_find_row(market, kind, labels) == OTHER_LABEL for market in pair.markets)


def _spread_dots(places: Sequence[float], middle: float) -> list[Point]:
    half = ROW_HEIGHT / 2 - 3
    return [(place, middle + STEPS[number % len(STEPS)] * half) for number, place in enumerate(places)]
