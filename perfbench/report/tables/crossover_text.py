"""What a curve says, in words: ``faster from 67 periods on [60–74]``. Pure."""

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
    """For which values the mode is faster; where it never is, for which it is slower; in brackets the interval of each end."""
    known = curve.known
    if not known:
        return "not measured"
    found = crossover.find_segments(curve)
    if not found:
        alike = all(point.verdict is Verdict.UNCHANGED for point in known)
        return f"no difference {_describe_range(curve)}" if alike else "no difference told"
    told = Verdict.IMPROVED if any(stretch.verdict is Verdict.IMPROVED for stretch in found) else Verdict.REGRESSED
    texts = [_describe_segment(curve, stretch) for stretch in found if stretch.verdict is told]
    return ", ".join((f"{VERDICT_ADVERBS[told]} {' and '.join(texts)}", *_describe_inconclusive(curve, found)))


def format_value(number: float) -> str:
    """A value of the parameter as it was set: ``5``, ``12,000``, ``0.25``."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"


def format_interpolated(number: float, curve: RatioCurve) -> str:
    """A value that was interpolated: three figures at most; of what is counted tenths, and from 10 on no fractions."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    decimals = 2 - math.floor(math.log10(abs(number)))
    if curve.whole:
        decimals = min(decimals, 0 if abs(number) >= 9.95 else 1)
    text = f"{round(number, decimals):,.{max(0, decimals)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_interval(found: Crossover, curve: RatioCurve) -> str:
    """``[60–74]``, ``[before 5–74]``, ``[60–beyond 500]``; empty where the ends are the crossing itself."""
    known = curve.known
    low = f"before {format_value(known[0].value)}" if found.low is None else format_interpolated(found.low, curve)
    high = f"beyond {format_value(known[-1].value)}" if found.high is None else format_interpolated(found.high, curve)
    return "" if low == high == format_interpolated(found.value, curve) else f"[{low}–{high}]"


def _describe_segment(curve: RatioCurve, stretch: Segment) -> str:
    """``from 67 periods on [60–74]``, ``up to 67 periods``, ``from 12 to 340 periods``, ``throughout 5–999 periods``."""
    name = make_printable(curve.parameter)
    begin, begin_bracket = _describe_end(curve, stretch.begin)
    end, end_bracket = _describe_end(curve, stretch.end)
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


def _describe_inconclusive(curve: RatioCurve, found: tuple[Segment, ...]) -> Iterator[str]:
    """What is not told, where the rest of a sentence would make one think that it is."""
    first, last = found[0], found[-1]
    if first.begin is not None and not isinstance(first.begin, Crossover):
        yield f"not told below {format_interpolated(first.begin, curve)}"
    untold = [place for stretch in found for place in stretch.untold]
    if untold:
        shown = ", ".join(map(format_value, untold[:MAX_LIST_LENGTH])) + ", …" * (len(untold) > MAX_LIST_LENGTH)
        yield f"not told at {shown}"
    if last.end is not None and not isinstance(last.end, Crossover):
        yield f"not told above {format_interpolated(last.end, curve)}"


def _join_words(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def group_problems(curve: RatioCurve) -> Iterator[tuple[str, tuple[CurvePoint, ...]]]:
    """Each thing that is wrong with a mode, and the points where it is."""
    for problem in dict.fromkeys(point.problem for point in curve.points if point.problem):
        yield problem, tuple(point for point in curve.points if point.problem == problem)
