"""Texts of marked points: no curve runs through them, none covers another, all stay within the chart."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from lxml import html

from perfbench.report.page import axes
from perfbench.report.page.axes import Axis, Frame, Scale
from perfbench.report.page.mark_labels import ASCENT, CHARACTER, COLORS, DESCENT, Box, Curve, draw_marks, name_series
from perfbench.report.page.svg import Drawing, Point

FRAME = Frame(width=600.0, height=300.0)


def draw(curves: list[Curve]) -> tuple[list[Box], list[tuple[Point, Point]]]:
    """The boxes of the texts, and the pieces of the curves."""
    across = Axis(Scale(0.0, 10.0, *FRAME.across), ())
    upward = Axis(Scale(0.0, 10.0, *FRAME.upward), ())
    drawing = Drawing(FRAME.width, FRAME.height)
    draw_marks(drawing, curves, across, upward)
    texts = html.fromstring(drawing.finish("marks").__html__()).xpath(".//text")
    boxes = [_find_box(float(text.get("x")), float(text.get("y")), text.text) for text in texts]
    lines = [[(across.place(x), upward.place(y)) for x, y, _, _ in curve.points] for curve in curves]
    return boxes, [pair for line in lines for pair in itertools.pairwise(line)]


def _find_box(x: float, y: float, text: str) -> Box:
    half = CHARACTER * len(text) / 2
    return Box(x - half, y - ASCENT, x + half, y + DESCENT)


def curve(values: list[float], marked: dict[int, str]) -> Curve:
    points = tuple((float(place), value, value, value) for place, value in enumerate(values))
    return Curve("c", points, tuple((float(n), values[n], text, "improved") for n, text in marked.items()))


@pytest.mark.parametrize(
    "curves",
    [
        [curve([9.5, 8, 8, 8, 8, 8, 3, 3, 3, 3], {1: "−26.8 %", 6: "2.3x faster"})],
        [
            curve([9.5, 8, 8, 8, 8, 3, 3], {1: "−26.8 %", 5: "−33.1 %"}),
            curve([9.5, 7, 7, 7, 2, 2], {1: "1.69x faster", 4: "2.3x faster"}),
        ],
        [curve([0, 0, 10, 10, 0, 0, 10, 10, 0, 0], {2: "+900 %", 4: "10x faster", 6: "10x slower", 8: "10x faster"})],
        [curve([5, 5, 4.6, 4, 4, 4], {2: "−4.4 %", 3: "−25.1 %"})],
    ],
)
def test_no_curve_runs_through_the_text_of_a_mark_and_no_text_covers_another(curves: list[Curve]) -> None:
    boxes, pieces = draw(curves)
    assert len(boxes) == sum(len(curve.marks) for curve in curves)
    assert not any(box.is_crossed(*piece) for box in boxes for piece in pieces)
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))
    assert all(FRAME.across[0] <= box.left and box.right <= FRAME.across[1] for box in boxes)


def test_text_stands_at_its_mark_even_where_everything_is_full() -> None:
    zigzag = [curve([(n + shift) % 2 * 10.0 for n in range(11)], {5: "a text of a mark"}) for shift in (0, 1)]
    boxes, _ = draw(zigzag)
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize(
    ("start", "end", "crossed"),
    [
        ((0.0, 5.0), (20.0, 5.0), True),
        ((5.0, 0.0), (5.0, 20.0), True),
        ((0.0, 0.0), (20.0, 20.0), True),
        ((0.0, 3.0), (3.0, 0.0), False),
        ((0.0, 12.0), (20.0, 12.0), False),
        ((0.0, 5.0), (3.0, 5.0), False),
        ((6.0, 6.0), (7.0, 7.0), True),
    ],
)
def test_box_is_crossed_by_a_line_through_it(start: Point, end: Point, crossed: bool) -> None:
    assert Box(4.0, 4.0, 10.0, 10.0).is_crossed(start, end) is crossed


def test_curves_of_one_colour_differ_by_their_lines() -> None:
    names = [name_series(number) for number in range(2 * COLORS)]
    assert len(set(names)) == 2 * COLORS
    assert name_series(COLORS) == f"{name_series(0)} again"
    css = (Path(axes.__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
    assert "polyline.again { stroke-dasharray:" in css
