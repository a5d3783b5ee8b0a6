"""Two profiles and the measured difference → which functions made it. Pure.

The seconds of profiled passes are not those of the program: a profiler costs most where functions are called most, and the machine
is faster in one pass than in the next. So the passes of both sides are brought on one scale first. Functions whose code, calls and
callees are the same on both sides cost the same: what they took after over what they took before is the scale of a pair of passes.
Where such functions are too small a part of the whole, each side is scaled by its own seconds without a profiler. What is left as
the change of each function is then scaled so that all changes together are the measured difference.

What the standard library and C code took belongs to the function that called them: nobody can be blamed for ``dict.get``.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

from perfbench.profiles import NO_CALLER, Function, Pass, Profile

FOREIGN = ("standard", "built-in")
"""Kinds of functions whose time belongs to their callers."""

STANDS_OUT = 4.0
"""In standard errors of the mean over the pairs of passes: with five pairs, about twice the spread of one pair. So much must the
change of a function be whose code and calls are the same, for there are many of them."""

SUSPECTED = 3.0
"""As ``STANDS_OUT``, for functions that were edited, that are called or that call more or less often, that came or went."""

ANCHORED = 0.25
"""The least part of both profiles that unchanged functions must be to set the scale."""

LEEWAY = 0.03
"""So far may the cost of a function that did not change be from that of most others, beside what few samples make."""

SAME_CALLS = 0.002
"""Calls per update that differ by no more than this share are the same."""

PLAUSIBLE = (0.1, 1.3)
"""How many seconds without a profiler can be behind one with it: beyond, something else than functions made the difference. A loop
without calls has one, calls of the cheapest built-in functions a fifth."""

CALLERS = 3

Seconds = Mapping[str, float]
Pair = tuple[Seconds, Seconds]
Scales = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """What was measured without a profiler: CPU seconds of a pass before and after, and the interval of their difference."""

    before: float
    after: float
    low: float
    high: float
    paired: bool = True

    @property
    def seconds(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a function, and how often per unit of work before and after."""

    key: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Blamed:
    """A function that made a part of the difference.

    ``change``: seconds of a pass, by the function itself with the library code that it called, ``error`` its standard error;
    ``inclusive`` with all functions that it called. ``before`` and ``after`` are calls per unit of work, None if nobody counted.
    ``was``: its former key, if only that changed. ``edited``: whether its code is another; None where one side has no source.
    ``callers`` are those who call it more or less often than before.
    """

    key: str
    change: float
    error: float
    inclusive: float
    calls_before: float | None
    calls_after: float | None
    presence: str
    was: str
    edited: bool | None
    callers: tuple[Caller, ...]


@dataclass(frozen=True, slots=True)
class Blame:
    """Which functions made a difference, the greatest first. All ``rows`` and ``rest`` together are ``difference.seconds``.

    ``anchored``: unchanged functions set the scale. ``pairs`` of profiled passes were compared.
    """

    difference: Difference
    rows: tuple[Blamed, ...]
    rest: float
    pairs: int
    anchored: bool


def blame(before: Profile, after: Profile, difference: Difference) -> Blame:
    """The functions that stand out. Pass by pass the two profiles are compared in order of time."""
    sides = _Side.of(before, {}), _Side.of(after, _renamed(before, after))
    same = _unchanged(*sides)
    pairs = list(zip(sides[0].passes, sides[1].passes, strict=False))
    unchanged = _steady(same, pairs, _weight(before, after))
    anchored = all(_part(side, unchanged) >= ANCHORED for pair in pairs for side in pair)
    scales = [_scales(pair, unchanged if anchored else (), difference) for pair in pairs]
    factor = _factor(pairs, scales, difference) if anchored else 1.0
    inclusive = list(zip(sides[0].inclusive, sides[1].inclusive, strict=False))
    rows = []
    for key in sorted({key for pair in pairs for side in pair for key in side}):
        changes = _changes(key, pairs, scales)
        error = _error(key, changes, pairs, scales, _weight(before, after))
        if abs(fmean(changes)) > (STANDS_OUT if key in same else SUSPECTED) * error:
            whole = factor * fmean(_changes(key, inclusive, scales))
            rows.append(_row(key, factor * fmean(changes), factor * error, whole, sides))
    rows.sort(key=lambda row: -abs(row.change))
    rest = difference.seconds - math.fsum(row.change for row in rows)
    return Blame(difference, tuple(rows), rest, len(pairs), anchored)


@dataclass(frozen=True, slots=True)
class _Side:
    """One profile by the keys of its own functions: seconds of each pass, alone and inclusive; calls per unit of work."""

    functions: dict[str, Function]
    passes: tuple[Seconds, ...]
    inclusive: tuple[Seconds, ...]
    calls: Counter[str]
    edges: Counter[tuple[str, str]]
    profile: Profile
    former: dict[str, str]

    @classmethod
    def of(cls, profile: Profile, former: dict[str, str]) -> _Side:
        """:param former: keys before by keys after, of functions that were only renamed."""
        keys = [former.get(function.key, function.key) for function in profile.functions]
        calls: Counter[str] = Counter()
        edges: Counter[tuple[str, str]] = Counter()
        for call in profile.calls:
            calls[keys[call.callee]] += call.count
            edges[keys[call.caller] if call.caller != NO_CALLER else "", keys[call.callee]] += call.count
        return cls(
            functions=dict(zip(keys, profile.functions, strict=True)),
            passes=tuple(_alone(one, profile.functions, keys) for one in profile.passes),
            inclusive=tuple(_inclusive(one, profile.functions, keys) for one in profile.passes),
            calls=calls,
            edges=edges,
            profile=profile,
            former={old: new for new, old in former.items()},
        )

    def per_update(self, key: str) -> float | None:
        """How often a function is called per unit of work; None if nobody counted."""
        return self.calls[key] / self.profile.work if self.profile.calls else None

    def fans(self, key: str) -> float:
        """How many calls a function makes per unit of work."""
        return sum(count for (caller, _), count in self.edges.items() if caller == key) / self.profile.work


def _alone(one: Pass, functions: Sequence[Function], keys: Sequence[str]) -> Seconds:
    """Seconds by function, those of foreign ones with the innermost caller that is not foreign."""
    found: dict[str, float] = defaultdict(float)
    for stack in one.stacks:
        frame = next(
            (index for index in reversed(stack.frames) if functions[index].kind not in FOREIGN), stack.frames[-1]
        )
        found[keys[frame]] += stack.seconds
    return found


def _inclusive(one: Pass, functions: Sequence[Function], keys: Sequence[str]) -> Seconds:
    if one.inclusive:
        return {
            keys[index]: seconds for index, seconds in enumerate(one.inclusive) if functions[index].kind not in FOREIGN
        }
    found: dict[str, float] = defaultdict(float)
    for stack in one.stacks:
        for key in {keys[index] for index in stack.frames if functions[index].kind not in FOREIGN}:
            found[key] += stack.seconds
    return found


def _renamed(before: Profile, after: Profile) -> dict[str, str]:
    """Keys before by keys after, of functions that went and came with the same code, where only one of each has it."""

    def only_here(one: Profile, other: Profile) -> dict[str, str]:
        there = {function.key for function in other.functions}
        mine = [f for f in one.functions if f.shape and f.key not in there and f.kind not in FOREIGN]
        often = Counter(function.shape for function in mine)
        return {function.shape: function.key for function in mine if often[function.shape] == 1}

    gone, new = only_here(before, after), only_here(after, before)
    return {new[shape]: gone[shape] for shape in gone.keys() & new.keys()}


def _unchanged(before: _Side, after: _Side) -> set[str]:
    """Functions of the same code that are called and that call as often as before: none where nobody counted calls."""
    found: set[str] = set()
    if not (before.profile.calls and after.profile.calls):
        return found
    for key in before.functions.keys() & after.functions.keys():
        first, second = before.functions[key], after.functions[key]
        same_calls = all(
            _alike(one, other)
            for one, other in (
                (before.per_update(key), after.per_update(key)),
                (before.fans(key), after.fans(key)),
            )
        )
        if first.shape == second.shape and first.shape and same_calls:
            found.add(key)
    return found


def _steady(keys: Iterable[str], pairs: Sequence[Pair], weight: float) -> set[str]:
    """Those of the functions that cost about as much more or less as most of the others: what they call may have changed.

    :param weight: the seconds of one sample.
    """
    sums = {key: tuple(sum(pair[side].get(key, 0.0) for pair in pairs) for side in (0, 1)) for key in keys}
    ratios = sorted((after / before, before, key) for key, (before, after) in sums.items() if before > 0 and after > 0)
    half, usual = sum(before for _, before, _ in ratios) / 2, 1.0
    for ratio, before, _ in ratios:
        half -= before
        if half <= 0:
            usual = ratio
            break
    found = set()
    for ratio, before, key in ratios:
        error = math.sqrt(weight / before + weight / (ratio * before))
        if abs(ratio / usual - 1) < STANDS_OUT * error + LEEWAY:
            found.add(key)
    return found


def _alike(first: float | None, second: float | None) -> bool:
    return first is None or second is None or math.isclose(first, second, rel_tol=SAME_CALLS)


def _part(seconds: Seconds, keys: Iterable[str]) -> float:
    return sum(seconds.get(key, 0.0) for key in keys) / sum(seconds.values())


def _scales(pair: Pair, unchanged: Iterable[str], difference: Difference) -> Scales:
    """What to multiply the seconds of each side with.

    Where unchanged functions set the scale it is that of the profiled pass before, else that of passes without a profiler.
    """
    first, second = pair
    if known := list(unchanged):
        return 1.0, sum(first.get(key, 0.0) for key in known) / sum(second.get(key, 0.0) for key in known)
    return difference.before / sum(first.values()), difference.after / sum(second.values())


def _changes(key: str, pairs: Sequence[Pair], scales: Sequence[Scales]) -> list[float]:
    """Seconds after less seconds before of a function, for every pair."""
    return [
        after * second.get(key, 0.0) - before * first.get(key, 0.0)
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]


def _error(key: str, changes: Sequence[float], pairs: Sequence[Pair], scales: Sequence[Scales], weight: float) -> float:
    """The standard error of the mean change: by how the pairs scatter, or by how few samples there are if that is more.

    :param weight: the seconds of one sample.
    """
    by_count = fmean(
        weight * (before**2 * max(first.get(key, 0.0), weight) + after**2 * max(second.get(key, 0.0), weight))
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    )
    by_pairs = variance(changes) if len(changes) > 1 else 0.0
    return math.sqrt(max(by_count, by_pairs) / len(changes))


def _weight(before: Profile, after: Profile) -> float:
    return fmean(one.seconds / max(1, one.samples) for side in (before, after) for one in side.passes)


def _factor(pairs: Sequence[Pair], scales: Sequence[Scales], difference: Difference) -> float:
    """The seconds without a profiler that are behind one of the profiled changes."""
    usual = difference.before / fmean(sum(first.values()) for first, _ in pairs)
    totals = [
        after * sum(second.values()) - before * sum(first.values())
        for (first, second), (before, after) in zip(pairs, scales, strict=True)
    ]
    whole = fmean(totals)
    clear = len(totals) > 1 and abs(whole) > STANDS_OUT * stdev(totals) / math.sqrt(len(totals))
    if not (difference.clear and clear):
        return usual
    found = difference.seconds / whole
    return found if PLAUSIBLE[0] <= found <= PLAUSIBLE[1] else usual


def _row(key: str, change: float, error: float, inclusive: float, sides: tuple[_Side, _Side]) -> Blamed:
    before, after = sides
    first, second = before.functions.get(key), after.functions.get(key)
    known = first is not None and second is not None and bool(first.shape and second.shape)
    return Blamed(
        key=after.former.get(key, key),
        change=change,
        error=error,
        inclusive=inclusive,
        calls_before=before.per_update(key),
        calls_after=after.per_update(key),
        presence="new" if first is None else "gone" if second is None else "",
        was=key if key in after.former else "",
        edited=first.shape != second.shape if known and first and second else None,
        callers=_callers(key, before, after),
    )


def _callers(key: str, before: _Side, after: _Side) -> tuple[Caller, ...]:
    """Who calls the function more or less often than before, the greatest change first."""
    edges = {edge for side in (before, after) for edge in side.edges if edge[1] == key and edge[0]}
    found = [
        Caller(caller, before.edges[caller, key] / before.profile.work, after.edges[caller, key] / after.profile.work)
        for caller, _ in edges
    ]
    moved = [caller for caller in found if not _alike(caller.before, caller.after)]
    return tuple(sorted(moved, key=lambda c: (-abs(c.after - c.before), c.key))[:CALLERS])
