"""Marked points of curves, and places for their texts that no curve and no other text crosses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.report.page.axes import Axis
from perfbench.report.page.svg import Drawing, Point

COLORS = 8
"""Series that have colours of their own; the ninth has that of the first, and a broken line."""

CHARACTER = 6.4
ASCENT, DESCENT = 10.0, 4.0
RING = 8.0
HEIGHTS = (-11.0, 20.0, -25.0, 34.0, -39.0, 48.0, -53.0, 62.0)
"""Of the line of a text from its point: above it or below it, the nearest first."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A named curve: its points with the ends of their intervals, all as values of the axes; ``marks`` are points with a text.

    ``tone`` of a mark: the class of its ring.
    """

    name: str
    points: tuple[tuple[float, float, float, float], ...]
    marks: tuple[tuple[float, float, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether both have a part in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def is_crossed(self, start: Point, end: Point) -> bool:
        """Whether a straight line goes through it (Liang–Barsky)."""
        first, last = 0.0, 1.0
        (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
        for move, room in ((-dx, x - self.left), (dx, self.right - x), (-dy, y - self.top), (dy, self.bottom - y)):
            if move == 0:
                if room < 0:
                    return False
                continue
            if move < 0:
                first = max(first, room / move)
            else:
                last = min(last, room / move)
        return first <= last


def name_series(number: int) -> str:
    """The classes of a curve's line, marks and name: its colour, and ``again`` where another curve has that too."""
    return f"s{number % COLORS}{' again' if number >= COLORS else ''}"


def draw_marks(drawing: Drawing, curves: Sequence[Curve], across: Axis, upward: Axis) -> None:
    """The rings of the marked points of all curves, and their texts."""
    lines = [[(across.place(x), upward.place(y)) for x, y, _, _ in curve.points] for curve in curves]
    segments = [pair for line in lines for pair in itertools.pairwise(line)]
    marks = [
        ((across.place(x), upward.place(y)), text, tone, name_series(number))
        for number, curve in enumerate(curves)
        for x, y, text, tone in curve.marks
    ]
    taken = [Box(x - RING, y - RING, x + RING, y + RING) for (x, y), *_ in marks]
    for (x, y), _, tone, css in marks:
        drawing.add_markup(f'<circle class="ring {tone} {css}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
    for place, text, _, css in marks:
        spot, box = min(
            _list_spots(place, text, across, upward), key=lambda spot: _count_conflicts(spot[1], segments, taken)
        )
        taken.append(box)
        drawing.add_text(spot, text, f"tick strong mark-text {css}", anchor="middle")


def _list_spots(place: Point, text: str, across: Axis, upward: Axis) -> Iterator[tuple[Point, Box]]:
    """Places for a text within the chart, the nearest first: above and below its point, then beside that."""
    half = CHARACTER * len(text) / 2
    left, right = sorted((across.scale.start, across.scale.end))
    top, bottom = sorted((upward.scale.start, upward.scale.end))
    spots = [
        (place[0] + side * (half + RING + 2), place[1] + height) for side in (0, 1, -1) for height in (*HEIGHTS, 4.0)
    ]
    for x, y in sorted(spots, key=lambda spot: math.dist(spot, place)):
        middle = min(max(x, left + half), right - half)
        box = Box(middle - half, y - ASCENT, middle + half, y + DESCENT)
        if top - ASCENT <= box.top and box.bottom <= bottom:
            yield (middle, y), box
    yield (max(place[0], left + half), place[1] + HEIGHTS[0]), Box(0.0, 0.0, math.inf, math.inf)


def _count_conflicts(box: Box, segments: Sequence[tuple[Point, Point]], taken: Sequence[Box]) -> int:
    """How many curves and other texts a text at this place touches; other texts count more."""
    return sum(box.is_crossed(*segment) for segment in segments) + 3 * sum(box.overlaps(other) for other in taken)
