"""Round numbers for the ticks of an axis, and their texts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from perfbench.util import formatting

MAX_TICKS = 7
MIN_DECADE_TICK = 0.001
"""Ticks below it have a smaller unit than the others of their axis."""


def choose_linear_ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most seven."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    power = math.floor(math.log10(span)) - 1
    steps = [factor * 10.0**exponent for exponent in range(power, power + 3) for factor in (1, 2, 5)]
    step = next((step for step in steps if span / step <= MAX_TICKS - 1), steps[-1])
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def choose_decade_ticks(low: float, high: float) -> list[float]:
    """Round numbers of a logarithmic axis, at most seven."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [mantissa * 10.0**decade for decade in decades for mantissa in mantissas]
        inside = [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]
        if len(inside) <= MAX_TICKS:
            return inside
    return []


def format_tick(value: float, unit: str, ticks: Sequence[float]) -> str:
    """The text of a tick; all ticks of an axis have as many decimals."""
    if unit == "bytes":
        return formatting.format_bytes(value)
    if unit == "seconds":
        scale, name = _choose_seconds_scale(max(map(abs, ticks), default=0.0))
        return f"{value * scale:,.{count_decimals([tick * scale for tick in ticks])}f} {name}"
    return f"{value:,.{count_decimals(ticks)}f}".replace("-", "−")


def format_decade_ticks(ticks: Sequence[float]) -> list[str]:
    """The texts of seconds on a logarithmic axis: ``0.1 s``, ``0.5 s``; in one unit unless they span too much for it."""
    scale, name = _choose_seconds_scale(max(ticks, default=0.0))
    if min(ticks, default=1.0) * scale >= MIN_DECADE_TICK:
        return [f"{float(f'{tick * scale:.6g}'):,.12g} {name}" for tick in ticks]
    return [
        f"{float(f'{tick * own:.6g}'):,.12g} {unit}" for tick in ticks for own, unit in [_choose_seconds_scale(tick)]
    ]


def _choose_seconds_scale(largest: float) -> tuple[float, str]:
    for scale, name in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if largest * scale >= 0.5:
            return scale, name
    return 1e9, "ns"


def count_decimals(ticks: Sequence[float]) -> int:
    """The decimals that distinguish neighbouring ticks."""
    steps = [abs(second - first) for first, second in itertools.pairwise(ticks) if second != first]
    return min(9, max(0, -math.floor(math.log10(min(steps)) + 1e-9))) if steps else 2
