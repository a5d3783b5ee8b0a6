"""Axis ranges, ticks and captions shared by all plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.sweep.trajectory import Trajectory

MIN_SPAN = 1.15
"""The vertical axis spans at least this factor."""

MAX_TICKS = 10

NARROW_SPAN = 2.5
"""Up to this span the ticks of the axis are evenly spaced numbers, beyond the round ones of each decade."""

TICK_MANTISSAS = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1,))
"""Ticks of a logarithmic axis within a decade, from fine to coarse."""


@dataclass(frozen=True, slots=True)
class SweepChart:
    """A trajectory with its captions. ``metric``: of the cost, such as ``CPU seconds``; ``source``: how it was measured."""

    title: str
    metric: str
    source: str
    trajectory: Trajectory

    @property
    def ylabel(self) -> str:
        """The caption of the axis: the metric and its reference."""
        references = {line.reference for line in self.trajectory.lines}
        return f"{self.metric} relative to {references.pop() if len(references) == 1 else 'the first release'}"


def find_failed_releases(trajectory: Trajectory) -> list[int]:
    """The indices of the releases that were not measured in any mode."""
    return [
        place
        for place in range(len(trajectory.releases))
        if all(line.points[place].relative is None for line in trajectory.lines)
    ]


def find_measured_again(trajectory: Trajectory) -> list[int]:
    """The indices of the releases at which two parts of a sweep meet."""
    return [
        place
        for place in range(len(trajectory.releases))
        if any(line.points[place].again is not None for line in trajectory.lines)
    ]


def compute_axis_limits(trajectory: Trajectory) -> tuple[float, float]:
    """The ends of the logarithmic axis: all that is known with a margin, and wide enough that noise does not look like a change."""
    points = [point for line in trajectory.lines for point in line.points if point.relative is not None]
    return compute_span(end for point in points for end in (point.low, point.relative, point.high) if end is not None)


def compute_span(ratios: Iterable[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis for these ratios, of which some may be 0 or infinite."""
    ends = [end for end in ratios if 0 < end < math.inf]
    low, high = min(ends, default=1.0), max(ends, default=1.0)
    margin = max(math.log(high / low) * 0.12, (math.log(MIN_SPAN) - math.log(high / low)) / 2)
    return low * math.exp(-margin), high * math.exp(margin)


def choose_log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high``, ten at most as long as they span less than ten decades."""
    if high / low <= NARROW_SPAN:
        power = math.floor(math.log10(high - low)) - 1
        steps = [factor * 10.0**exponent for exponent in (power, power + 1) for factor in (1, 2, 5)]
        step = next(step for step in steps if (high - low) / step <= MAX_TICKS - 1)
        return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for within in TICK_MANTISSAS:
        ticks = [tick for decade in decades for n in within if low <= (tick := round(n * 10.0**decade, 12)) <= high]
        if len(ticks) <= MAX_TICKS:
            break
    return ticks


def choose_spaced_labels(places: Sequence[float], distance: float) -> list[int]:
    """Which of the places, in order, to write beside an axis, each this far from the next; the first and last if possible."""
    kept: list[int] = []
    for number, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= distance:
            kept.append(number)
    last = len(places) - 1
    if kept and kept[-1] != last:
        kept = [number for number in kept if not number or places[last] - places[number] >= distance]
        kept += [last] * (places[last] - places[kept[-1]] >= distance)
    return kept
