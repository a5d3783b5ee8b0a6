"""Text table of a parameter sweep: a row for each mode, a column for each value, and the crossover in words."""

from __future__ import annotations

from collections.abc import Iterator

from perfbench.report.figures import UNCOMPARABLE_TEXTS
from perfbench.report.model import Figure
from perfbench.report.tables import crossover_text
from perfbench.report.tables.comparison import VERDICT_MARKS
from perfbench.report.text_table import FAILED_MARK, TextTable
from perfbench.sweep import crossover
from perfbench.sweep.crossover import CurvePoint, RatioCurve
from perfbench.util import formatting
from perfbench.util.formatting import make_printable


def build_crossover_table(figure: Figure) -> TextTable:
    """The table of one figure."""
    first, *others = map(crossover_text.format_value, figure.values)
    rows = [
        (_format_mode(curve), *_format_ratios(curve, figure), crossover_text.describe_curve(curve))
        for curve in figure.curves
    ]
    return TextTable(
        title=make_printable(f"{figure.title}: {figure.ylabel}"),
        heads=tuple(map(make_printable, ("mode", f"{figure.parameter} {first}", *others, "crossover"))),
        rows=tuple(tuple(map(make_printable, row)) for row in rows),
        below=tuple(map(make_printable, _build_notes(figure))),
        compared=False,
        ranks=(0, *range(1, len(figure.values) + 1), 0),
    )


def _format_mode(curve: RatioCurve) -> str:
    return (
        f"{FAILED_MARK} {curve.mode}"
        if any(point.problem in UNCOMPARABLE_TEXTS for point in curve.points)
        else curve.mode
    )


def _format_ratios(curve: RatioCurve, figure: Figure) -> Iterator[str]:
    points = {point.value: point for point in curve.points}
    for value in figure.values:
        yield _format_point(points.get(value))


def _format_point(point: CurvePoint | None) -> str:
    if point is None or point.ratio is None or point.verdict is None:
        return formatting.MISSING_TEXT
    mark = FAILED_MARK if point.problem in UNCOMPARABLE_TEXTS else VERDICT_MARKS[point.verdict]
    return f"{format_ratio(point.ratio)} {mark}"


def format_ratio(number: float) -> str:
    """``0.512``, ``1.250``, ``13.4``, ``0.0123``: at least three significant figures, three decimals near 1."""
    if number < 0.1:
        return f"{number:.3g}"
    return f"{number:.3f}" if number < 10 else f"{number:,.1f}" if number < 1000 else f"{number:,.0f}"


def _build_notes(figure: Figure) -> Iterator[str]:
    for curve in figure.curves:
        for problem, points in crossover_text.group_problems(curve):
            mark = f"{FAILED_MARK} " if problem in UNCOMPARABLE_TEXTS else ""
            places = ", ".join(crossover_text.format_value(point.value) for point in points)
            yield f"{mark}{curve.mode}, {figure.parameter} {places}: {problem}"
    if any(crossover.find_crossovers(curve) for curve in figure.curves):
        scale = "on logarithmic axes " if figure.logarithmic else ""
        yield f"crossovers are interpolated {scale}between two values; brackets: 95 % interval"
