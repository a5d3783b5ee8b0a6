"""Axes of drawings: a scale from numbers to coordinates, its ticks, and the frame of a chart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from perfbench.report.page.svg import Drawing
from perfbench.report.page.ticks import MAX_TICKS, choose_linear_ticks, count_decimals, format_tick
from perfbench.report.plots.axes import choose_spaced_labels, compute_span

FACTORS = (1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0)
"""Ticks of a wide axis of ratios within a decade, as factors of faster and of slower."""

SHARE_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
NARROW_SPAN = 1.35
"""Up to this span an axis of ratios has per cents on it, beyond it factors."""

SHARE_LIMIT, FACTOR_SPAN = 1.15, 4.0
"""An axis that lies beyond this factor as a whole has evenly spaced factors, up to this span."""

MARGIN_SHARE = 0.06
TICK_CHARACTER = 6.2
"""The width of a character of a tick."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From ``low`` … ``high`` to the coordinates ``start`` … ``end``; what lies beyond is placed at the ends."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """The coordinate of a value."""
        low, high, inner = (self._transform(number) for number in (self.low, self.high, value))
        share = (inner - low) / (high - low) if high > low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def contains(self, value: float) -> bool:
        """Whether a value lies within the ends."""
        return self.low <= value <= self.high

    def _transform(self, value: float) -> float:
        if not self.logarithmic:
            return value
        return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its ticks, each a value and its text, and the name of what it shows."""

    scale: Scale
    ticks: tuple[tuple[float, str], ...]
    name: str = ""

    def place(self, value: float) -> float:
        """The coordinate of a value."""
        return self.scale.place(value)


@dataclass(frozen=True, slots=True)
class Frame:
    """The inner part of a chart, between its axes."""

    width: float = 560.0
    height: float = 230.0
    left: float = 86.0
    right: float = 14.0
    top: float = 12.0
    bottom: float = 40.0

    @property
    def across(self) -> tuple[float, float]:
        """The coordinates of the left and the right end."""
        return self.left, self.width - self.right

    @property
    def upward(self) -> tuple[float, float]:
        """The coordinates of the lower and the upper end."""
        return self.height - self.bottom, self.top


def build_ratio_axis(
    ratios: Iterable[float], ends: tuple[float, float], name: str = "", *, short: bool = False
) -> Axis:
    """A logarithmic axis of ratios after / before, with ``1.0`` among its ticks if it is within.

    :param ratios: all that it has to cover; those that are not positive and finite are left out.
    :param short: whether ticks are ``2x`` on both sides of 1.0, because it is written elsewhere which is faster.
    """
    low, high = compute_span(ratios)
    scale = Scale(low, high, *ends, logarithmic=True)
    ticks = _choose_ratio_ticks(low, high)
    if short:
        ticks = [(value, text.removesuffix(" faster").removesuffix(" slower")) for value, text in ticks]
    return Axis(scale, _space_ticks(ticks, scale), name)


def build_exact_ratio_axis(ratios: Sequence[float], ends: tuple[float, float], name: str = "") -> Axis:
    """As ``build_ratio_axis``, but as narrow as the ratios themselves, so that their scatter shows."""
    values = [ratio for ratio in ratios if 0 < ratio < math.inf] or [1.0]
    margin = max(math.log(max(values) / min(values)) * MARGIN_SHARE, 1e-4)
    scale = Scale(min(values) * math.exp(-margin), max(values) * math.exp(margin), *ends, logarithmic=True)
    return Axis(scale, _space_ticks(_choose_ratio_ticks(scale.low, scale.high), scale), name)


def build_number_axis(
    values: Sequence[float], ends: tuple[float, float], name: str, *, unit: str = "", from_zero: bool = False
) -> Axis:
    """A linear axis of numbers in a unit: ``seconds``, ``bytes``, or any other, which is written with its name only."""
    low, high = (0.0 if from_zero else min(values, default=0.0)), max(values, default=1.0)
    margin = (high - low) * MARGIN_SHARE or abs(high) * MARGIN_SHARE or 1.0
    low, high = (low if from_zero else low - margin), high + margin
    ticks = choose_linear_ticks(low, high)
    return Axis(Scale(low, high, *ends), tuple((tick, format_tick(tick, unit, ticks)) for tick in ticks), name)


def build_place_axis(names: Sequence[str], ends: tuple[float, float], name: str = "") -> Axis:
    """An axis with a place for each name, numbered from 0."""
    scale = Scale(-0.5, len(names) - 0.5, *ends)
    return Axis(scale, tuple((float(number), text) for number, text in enumerate(names)), name)


def draw_frame(drawing: Drawing, frame: Frame, across: Axis | None, upward: Axis | None) -> None:
    """Grid, ticks and names of the axes of a chart; the line of ratio 1 is not part of it."""
    bottom, top = frame.upward
    left, right = frame.across
    if upward is not None:
        heights = [upward.place(value) for value, _ in upward.ticks]
        drawing.add_lines((((left, height), (right, height)) for height in heights), "grid")
        for height, (_, text) in zip(heights, upward.ticks, strict=True):
            drawing.add_text((left - 6, height + 4), text, "tick", anchor="end")
    if across is not None:
        places = [across.place(value) for value, _ in across.ticks]
        drawing.add_lines((((place, bottom), (place, bottom + 4)) for place in places), "axis")
        for middle, text in _place_texts(across, frame.width):
            drawing.add_text((middle, bottom + 16), text, "tick", anchor="middle")
        if across.name:
            drawing.add_text(((left + right) / 2, bottom + 33), across.name, "name", anchor="middle")
    drawing.add_line((left, bottom), (right, bottom), "axis")
    if upward is not None and upward.name:
        drawing.add_text((13, (bottom + top) / 2), upward.name, "name", anchor="middle", turn=-90)


def _place_texts(across: Axis, width: float) -> Iterator[tuple[float, str]]:
    """The middles of the texts below an axis, moved into the chart at its ends; one that has no room is left out."""
    taken = -math.inf
    for value, text in sorted(across.ticks, key=lambda tick: across.place(tick[0])):
        half = TICK_CHARACTER * len(text) / 2
        middle = max(half, min(across.place(value), width - half))
        if middle - half >= taken + TICK_CHARACTER / 2:
            yield middle, text
            taken = middle + half


def format_ratio_tick(ratio: float, *, as_share: bool) -> str:
    """``1.0``, ``−2 %``, ``2x faster``, ``1.5x slower``."""
    if math.isclose(ratio, 1.0, abs_tol=1e-9):
        return "1.0"
    if as_share:
        return f"{100 * (ratio - 1):+.3g} %".replace("-", "−")
    factor, word = (ratio, "slower") if ratio > 1 else (1 / ratio, "faster")
    return f"{factor:.3g}x {word}" if factor < 1000 else f"{factor:,.0f}x {word}"


def _choose_ratio_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Candidates for ticks, the line of 1 first, each with its text."""
    inside = [(1.0, "1.0")] if low <= 1.0 <= high else []
    if high / low <= FACTOR_SPAN and (low > SHARE_LIMIT or high < 1 / SHARE_LIMIT):
        return _choose_factor_ticks(low, high)
    if high / low <= NARROW_SPAN:
        step = next((step for step in SHARE_STEPS if (high - low) / step <= MAX_TICKS - 1), SHARE_STEPS[-1])
        numbers = range(math.ceil((low - 1) / step), math.floor((high - 1) / step) + 1)
        return inside + [(1 + n * step, format_ratio_tick(1 + n * step, as_share=True)) for n in numbers if n]
    decades = range(math.ceil(max(abs(math.log10(low)), abs(math.log10(high)))) + 1)
    round_first = (
        *(10.0**n for n in decades if n),
        *(f * 10.0**n for n in decades for f in (2.0, 5.0, 3.0, 1.5, 1.2, 7.0)),
    )
    factors = [*round_first, *(f for f in FACTORS if f not in round_first)]
    every = [ratio for factor in factors for ratio in (1 / factor, factor) if low <= ratio <= high]
    return inside + [(ratio, format_ratio_tick(ratio, as_share=False)) for ratio in every]


def _choose_factor_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Evenly spaced factors on an axis that lies away from 1.0 as a whole."""
    slower = low > 1
    first, last = (low, high) if slower else (1 / high, 1 / low)
    factors = choose_linear_ticks(first, last)
    word, decimals = "slower" if slower else "faster", count_decimals(factors)
    return [(factor if slower else 1 / factor, f"{factor:,.{decimals}f}x {word}") for factor in factors]


def _space_ticks(candidates: Sequence[tuple[float, str]], scale: Scale) -> tuple[tuple[float, str], ...]:
    """Those of the candidates that have room, the first of them before the later ones; in order."""
    length = abs(scale.end - scale.start)
    horizontal = scale.end > scale.start
    taken: list[tuple[float, str]] = []
    for value, text in candidates:
        room = (TICK_CHARACTER * len(text) + 14 if horizontal else 20) if length else 0
        if all(abs(scale.place(value) - scale.place(other)) >= room for other, _ in taken):
            taken.append((value, text))
        if len(taken) >= MAX_TICKS + 2:
            break
    return tuple(sorted(taken))


def thin_ticks(axis: Axis, distance: float) -> Axis:
    """The axis with fewer of its ticks, each this far from the next."""
    kept = choose_spaced_labels([axis.place(value) for value, _ in axis.ticks], distance)
    return Axis(axis.scale, tuple(axis.ticks[number] for number in kept), axis.name)
