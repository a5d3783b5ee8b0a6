"""The figures of a sweep as texts: a row for each mode, a column for each value, and the crossing in words."""

from __future__ import annotations

from collections.abc import Iterator

from perfbench import crossing, crossing_wording, formatting
from perfbench.crossing import Curve, Point
from perfbench.figures import NOT_ALIKE, Figure
from perfbench.formatting import printable
from perfbench.layout import FAILED, MARKS, Cells


def cells(figure: Figure) -> Cells:
    """The table of one figure."""
    first, *others = map(crossing_wording.value, figure.values)
    rows = [(_mode(curve), *_ratios(curve, figure), crossing_wording.words(curve)) for curve in figure.curves]
    return Cells(
        title=printable(f"{figure.title}: {figure.ylabel}"),
        heads=tuple(map(printable, ("mode", f"{figure.parameter} {first}", *others, "crossing"))),
        rows=tuple(tuple(map(printable, row)) for row in rows),
        below=tuple(map(printable, _below(figure))),
        compared=False,
    )


def _mode(curve: Curve) -> str:
    return f"{FAILED} {curve.mode}" if any(point.problem in NOT_ALIKE for point in curve.points) else curve.mode


def _ratios(curve: Curve, figure: Figure) -> Iterator[str]:
    points = {point.value: point for point in curve.points}
    for value in figure.values:
        yield _ratio(points.get(value))


def _ratio(point: Point | None) -> str:
    if point is None or point.ratio is None or point.verdict is None:
        return formatting.MISSING
    return f"{ratio(point.ratio)} {MARKS[point.verdict]}"


def ratio(number: float) -> str:
    """``0.512``, ``1.250``, ``13.4``, ``0.0123``: three figures at least, and three decimals of what is near 1."""
    if number < 0.1:
        return f"{number:.3g}"
    return f"{number:.3f}" if number < 10 else f"{number:,.1f}" if number < 1000 else f"{number:,.0f}"


def _below(figure: Figure) -> Iterator[str]:
    for curve in figure.curves:
        for problem, points in crossing_wording.problems(curve):
            mark = f"{FAILED} " if problem in NOT_ALIKE else ""
            places = ", ".join(crossing_wording.value(point.value) for point in points)
            yield f"{mark}{curve.mode}, {figure.parameter} {places}: {problem}"
    if any(crossing.crossings(curve) for curve in figure.curves):
        scale = "on logarithmic axes " if figure.logarithmic else ""
        yield f"a crossing is interpolated {scale}between two values; in brackets where its 95 % interval begins and ends"
