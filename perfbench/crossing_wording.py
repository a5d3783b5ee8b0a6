"""What a curve says, in words: ``faster from 67 periods on [60–74]``. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfbench import crossing
from perfbench.crossing import Crossing, Curve, Point, Stretch
from perfbench.formatting import printable
from perfbench.model import Verdict

ADVERBS = {Verdict.IMPROVED: "faster", Verdict.REGRESSED: "slower"}
LONGEST_LIST = 6


def words(curve: Curve) -> str:
    """For which values the mode is faster; where it never is, for which it is slower; in brackets the interval of each end."""
    known = curve.known
    if not known:
        return "not measured"
    found = crossing.stretches(curve)
    if not found:
        alike = all(point.verdict is Verdict.UNCHANGED for point in known)
        return f"no difference {_all(curve)}" if alike else "no difference told"
    told = Verdict.IMPROVED if any(stretch.verdict is Verdict.IMPROVED for stretch in found) else Verdict.REGRESSED
    texts = [_stretch(curve, stretch) for stretch in found if stretch.verdict is told]
    return ", ".join((f"{ADVERBS[told]} {' and '.join(texts)}", *_doubts(curve, found)))


def value(number: float) -> str:
    """A value of the parameter as it was set: ``5``, ``12,000``, ``0.25``."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"


def between_values(number: float, curve: Curve) -> str:
    """A value that was interpolated: three figures at most; of what is counted tenths, and from 10 on no fractions."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    decimals = 2 - math.floor(math.log10(abs(number)))
    if curve.whole:
        decimals = min(decimals, 0 if abs(number) >= 9.95 else 1)
    text = f"{round(number, decimals):,.{max(0, decimals)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def interval(found: Crossing, curve: Curve) -> str:
    """``[60–74]``, ``[before 5–74]``, ``[60–beyond 500]``; empty where the ends are the crossing itself."""
    known = curve.known
    low = f"before {value(known[0].value)}" if found.low is None else between_values(found.low, curve)
    high = f"beyond {value(known[-1].value)}" if found.high is None else between_values(found.high, curve)
    return "" if low == high == between_values(found.value, curve) else f"[{low}–{high}]"


def _stretch(curve: Curve, stretch: Stretch) -> str:
    """``from 67 periods on [60–74]``, ``up to 67 periods``, ``from 12 to 340 periods``, ``throughout 5–999 periods``."""
    name = printable(curve.parameter)
    begin, begin_bracket = _end(curve, stretch.begin)
    end, end_bracket = _end(curve, stretch.end)
    if begin and end:
        return _spaced("from", begin, begin_bracket, "to", end, name, end_bracket)
    if begin:
        return _spaced("from", begin, name, "on", begin_bracket)
    return _spaced("up to", end, name, end_bracket) if end else _all(curve)


def _end(curve: Curve, end: Crossing | float | None) -> tuple[str, str]:
    if end is None:
        return "", ""
    if isinstance(end, Crossing):
        return between_values(end.value, curve), interval(end, curve)
    return between_values(end, curve), ""


def _all(curve: Curve) -> str:
    first, last = curve.known[0], curve.known[-1]
    name = printable(curve.parameter)
    if first is last:
        return f"at {value(first.value)} {name}"
    dash = " to " if first.value < 0 else "–"
    return f"throughout {value(first.value)}{dash}{value(last.value)} {name}"


def _doubts(curve: Curve, found: tuple[Stretch, ...]) -> Iterator[str]:
    """What is not told, where the rest of a sentence would make one think that it is."""
    first, last = found[0], found[-1]
    if first.begin is not None and not isinstance(first.begin, Crossing):
        yield f"not told below {between_values(first.begin, curve)}"
    untold = [place for stretch in found for place in stretch.untold]
    if untold:
        shown = ", ".join(map(value, untold[:LONGEST_LIST])) + ", …" * (len(untold) > LONGEST_LIST)
        yield f"not told at {shown}"
    if last.end is not None and not isinstance(last.end, Crossing):
        yield f"not told above {between_values(last.end, curve)}"


def _spaced(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def problems(curve: Curve) -> Iterator[tuple[str, tuple[Point, ...]]]:
    """Each thing that is wrong with a mode, and the points where it is."""
    for problem in dict.fromkeys(point.problem for point in curve.points if point.problem):
        yield problem, tuple(point for point in curve.points if point.problem == problem)
