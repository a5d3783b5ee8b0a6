"""Crossovers of a parameter sweep: the values where the ratio of a mode passes 1.

A curve is broken: between two neighbouring values the logarithm of the ratio changes evenly with the logarithm of the value (with
the value itself, if any is not above zero). It crosses 1 between a value where the mode is surely faster and one where it is surely
slower, by their verdicts. Values with an inconclusive verdict lie between two others, or at an end of the curve: there a crossing
has an open end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perfbench.model import Verdict

DECISIVE_VERDICTS = (Verdict.IMPROVED, Verdict.REGRESSED)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The cost of a mode at one value of the parameter, relative to the reference, with its 95 % interval.

    ``ratio`` is None where it was not measured. ``problem`` says in a few words what is wrong with the mode there.
    """

    value: float
    ratio: float | None
    low: float = 0.0
    high: float = math.inf
    verdict: Verdict | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RatioCurve:
    """A mode over the values of a parameter, in their order."""

    mode: str
    parameter: str
    points: tuple[CurvePoint, ...]

    @property
    def known(self) -> tuple[CurvePoint, ...]:
        """The points with a ratio that means something: none where the output differs or something is missing."""
        return tuple(point for point in self.points if point.ratio is not None and not point.problem)

    @property
    def logarithmic(self) -> bool:
        """Whether the values stand on a logarithmic axis."""
        return all(point.value > 0 for point in self.points)

    @property
    def whole(self) -> bool:
        """Whether the parameter counts something."""
        return all(isinstance(point.value, int) for point in self.points)


@dataclass(frozen=True, slots=True)
class Crossover:
    """Where a curve passes 1, and the interval in which it does.

    ``low`` None: it may be before the first value; ``high`` None: beyond the last. ``faster_after``: which side is the faster one.
    """

    value: float
    low: float | None
    high: float | None
    faster_after: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring points with one sure verdict, and how it begins and ends.

    ``begin`` and ``end`` are a crossover, or the value where the verdict becomes inconclusive (a number), or None at an end of the
    curve. ``untold`` are the inconclusive values between its points.
    """

    verdict: Verdict
    begin: Crossover | float | None
    end: Crossover | float | None
    untold: tuple[float, ...]


def find_crossovers(curve: RatioCurve) -> tuple[Crossover, ...]:
    """Where the curve passes 1, in order."""
    segments = find_segments(curve)
    begins = [segment.begin for segment in segments[:1] if isinstance(segment.begin, Crossover)]
    return (*begins, *(segment.end for segment in segments if isinstance(segment.end, Crossover)))


def find_segments(curve: RatioCurve) -> tuple[Segment, ...]:
    """The segments with a sure verdict, from the first to the last value, alternately faster and slower."""
    points = curve.known
    runs = _group_points(points)
    middles = [_locate_crossover(curve, points[run.stop - 1 : other.start + 1]) for run, other in pairwise(runs)]
    begins = [*(_locate_edge(curve, points[: run.start + 1], last=True) for run in runs[:1]), *middles]
    ends = [*middles, *(_locate_edge(curve, points[run.stop - 1 :], last=False) for run in runs[-1:])]
    return tuple(
        Segment(
            _classify_point(points[run.start]),
            begin,
            end,
            tuple(points[n].value for n in run if points[n].verdict not in DECISIVE_VERDICTS),
        )
        for run, begin, end in zip(runs, begins, ends, strict=True)
    )


def _group_points(points: Sequence[CurvePoint]) -> list[range]:
    """The places from the first to the last of neighbouring sure points of one verdict, with the inconclusive ones between them."""
    runs: list[range] = []
    for place, point in enumerate(points):
        if point.verdict in DECISIVE_VERDICTS:
            if runs and points[runs[-1].start].verdict == point.verdict:
                runs[-1] = range(runs[-1].start, place + 1)
            else:
                runs.append(range(place, place + 1))
    return runs


def _locate_crossover(curve: RatioCurve, points: Sequence[CurvePoint]) -> Crossover:
    """The crossing between two sure points of unlike verdicts, the first and the last of these."""
    first, last = points[0], points[-1]
    places = _find_zero_crossings(curve, points, [_log_ratio(point.ratio) for point in points])
    begin = _find_zero_crossings(curve, points, _collect_bounds(points, _classify_point(first)))[0]
    end = _find_zero_crossings(curve, points, _collect_bounds(points, _classify_point(last)))[-1]
    # Where the curve wavers within its interval, it passes 1 an odd number of times.
    return Crossover(places[len(places) // 2], begin, end, last.verdict is Verdict.IMPROVED)


def _locate_edge(curve: RatioCurve, points: Sequence[CurvePoint], *, last: bool) -> Crossover | float | None:
    """How the curve begins or ends beside a sure point, the last or first of these: the others are inconclusive.

    If the ratio passes 1 there, it is a crossing with an open end; else it is only the end of what is sure.
    """
    if len(points) == 1:
        return None
    sure, nearest = points[-1 if last else 0], -1 if last else 0
    places = _find_zero_crossings(curve, points, [_log_ratio(point.ratio) for point in points])
    bounds = _find_zero_crossings(curve, points, _collect_bounds(points, _classify_point(sure)))
    until = bounds[nearest] if bounds else sure.value
    if not places:
        return until
    if last:
        return Crossover(places[-1], None, until, sure.verdict is Verdict.IMPROVED)
    return Crossover(places[0], until, None, sure.verdict is not Verdict.IMPROVED)


def _classify_point(point: CurvePoint) -> Verdict:
    assert point.verdict is not None
    return point.verdict


def _log_ratio(ratio: float | None) -> float:
    return math.log(ratio) if ratio else -math.inf


def _collect_bounds(points: Sequence[CurvePoint], verdict: Verdict) -> list[float]:
    """The logarithms of that end of the interval that must be on its side of 1 for a verdict to be sure."""
    if verdict is Verdict.IMPROVED:
        return [_log_ratio(point.high) for point in points]
    return [_log_ratio(point.low) for point in points]


def _find_zero_crossings(curve: RatioCurve, points: Sequence[CurvePoint], heights: Sequence[float]) -> list[float]:
    """The values where a broken line with these heights passes 0, in order."""
    places = [math.log(point.value) if curve.logarithmic else float(point.value) for point in points]
    measured = {place: point.value for place, point in zip(places, points, strict=True)}
    unlogged = math.exp if curve.logarithmic else float
    return [measured[place] if place in measured else unlogged(place) for place in _interpolate_zeros(places, heights)]


def _interpolate_zeros(places: Sequence[float], heights: Sequence[float]) -> Iterator[float]:
    """Where a broken line passes 0: a segment along 0 counts at its middle, a touch not at all."""
    signed = [n for n, height in enumerate(heights) if height != 0]
    for left, right in pairwise(signed):
        first, second = heights[left], heights[right]
        if (first > 0) == (second > 0):
            continue
        if right - left > 1:
            yield (places[left + 1] + places[right - 1]) / 2
        elif math.isinf(first):  # nothing is known of that side: the pass is at the other one
            yield places[right]
        elif math.isinf(second):
            yield places[left]
        else:
            yield places[left] + (places[right] - places[left]) * (first / (first - second))
