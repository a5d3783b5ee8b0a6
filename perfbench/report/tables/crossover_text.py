"""Sentences about the curves of a parameter sweep: ``faster from 67 periods on [60–74]``."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfbench.model import Verdict
from perfbench.sweep import crossover
from perfbench.sweep.crossover import Crossover, CurvePoint, RatioCurve, Segment
from perfbench.util.formatting import make_printable

VERDICT_ADVERBS = {Verdict.IMPROVED: "faster", Verdict.REGRESSED: "slower"}
MAX_LIST_LENGTH = 6


def describe_curve(curve: RatioCurve) -> str:
    """The values for which the mode is faster, or if it never is, slower; in brackets the interval of each end."""
    if not curve.known:
        differs = any(point.ratio is not None for point in curve.points)
        return "no comparable value" if differs else "not measured"
    segments = crossover.find_segments(curve)
    if not segments:
        unchanged = all(point.verdict is Verdict.UNCHANGED for point in curve.known)
        return f"no difference {_describe_range(curve)}" if unchanged else "inconclusive"
    faster = any(segment.verdict is Verdict.IMPROVED for segment in segments)
    verdict = Verdict.IMPROVED if faster else Verdict.REGRESSED
    texts = [_describe_segment(curve, segment) for segment in segments if segment.verdict is verdict]
    return ", ".join((f"{VERDICT_ADVERBS[verdict]} {' and '.join(texts)}", *_describe_inconclusive(curve, segments)))


def format_value(number: float) -> str:
    """A value of the parameter as it was set: ``5``, ``12,000``, ``0.25``."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"


def format_interpolated(number: float, curve: RatioCurve) -> str:
    """An interpolated value: at most three significant figures; of a count tenths, and from 10 on no fractions."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    decimals = 2 - math.floor(math.log10(abs(number)))
    if curve.whole:
        decimals = min(decimals, 0 if abs(number) >= 9.95 else 1)
    text = f"{round(number, decimals):,.{max(0, decimals)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_interval(point: Crossover, curve: RatioCurve) -> str:
    """``[60–74]``, ``[before 5–74]``, ``[60–beyond 500]``; empty where both ends are the crossover itself."""
    low = f"before {format_value(curve.known[0].value)}" if point.low is None else format_interpolated(point.low, curve)
    high = (
        f"beyond {format_value(curve.known[-1].value)}"
        if point.high is None
        else format_interpolated(point.high, curve)
    )
    return "" if low == high == format_interpolated(point.value, curve) else f"[{low}–{high}]"


def _describe_segment(curve: RatioCurve, segment: Segment) -> str:
    """``from 67 periods on [60–74]``, ``up to 67 periods``, ``from 12 to 340 periods``, ``throughout 5–999 periods``."""
    name = make_printable(curve.parameter)
    begin, begin_bracket = _describe_end(curve, segment.begin)
    end, end_bracket = _describe_end(curve, segment.end)
    if begin and end:
        return _join_words("from", begin, begin_bracket, "to", end, name, end_bracket)
    if begin:
        return _join_words("from", begin, name, "on", begin_bracket)
    return _join_words("up to", end, name, end_bracket) if end else _describe_range(curve)


def _describe_end(curve: RatioCurve, end: Crossover | float | None) -> tuple[str, str]:
    if end is None:
        return "", ""
    if isinstance(end, Crossover):
        return format_interpolated(end.value, curve), format_interval(end, curve)
    return format_interpolated(end, curve), ""


def _describe_range(curve: RatioCurve) -> str:
    first, last = curve.known[0], curve.known[-1]
    name = make_printable(curve.parameter)
    if first is last:
        return f"at {format_value(first.value)} {name}"
    dash = " to " if first.value < 0 else "–"
    return f"throughout {format_value(first.value)}{dash}{format_value(last.value)} {name}"


def _describe_inconclusive(curve: RatioCurve, segments: tuple[Segment, ...]) -> Iterator[str]:
    """The inconclusive values that the rest of the sentence would otherwise seem to include."""
    first, last = segments[0], segments[-1]
    if first.begin is not None and not isinstance(first.begin, Crossover):
        yield f"inconclusive below {format_interpolated(first.begin, curve)}"
    values = [value for segment in segments for value in segment.untold]
    if values:
        shown = ", ".join(map(format_value, values[:MAX_LIST_LENGTH])) + ", …" * (len(values) > MAX_LIST_LENGTH)
        yield f"inconclusive at {shown}"
    if last.end is not None and not isinstance(last.end, Crossover):
        yield f"inconclusive above {format_interpolated(last.end, curve)}"


def _join_words(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def group_problems(curve: RatioCurve) -> Iterator[tuple[str, tuple[CurvePoint, ...]]]:
    """Each problem of a mode with its points."""
    for problem in dict.fromkeys(point.problem for point in curve.points if point.problem):
        yield problem, tuple(point for point in curve.points if point.problem == problem)
