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
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from perfbench import levelling
from perfbench.levelling import Difference, Seconds
from perfbench.profiles import NO_CALLER, Function, Pass, Profile

FOREIGN = ("standard", "built-in")
"""Kinds of functions whose time belongs to their callers."""


SUSPECTED = 3.0
"""As ``levelling.STANDS_OUT``, of functions that were edited, came or went, that are called or that call more or less often."""

SAME_CALLS = 0.002
"""Calls per update that differ by no more than this share are the same."""

CALLERS = 3


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
    unchanged = levelling.steady(same, pairs, _weight(before, after))
    anchored = all(levelling.part(side, unchanged) >= levelling.ANCHORED for pair in pairs for side in pair)
    scales = [levelling.scales(pair, unchanged if anchored else (), difference) for pair in pairs]
    factor = levelling.factor(pairs, scales, difference) if anchored else 1.0
    inclusive = list(zip(sides[0].inclusive, sides[1].inclusive, strict=False))
    rows = []
    for key in sorted({key for pair in pairs for side in pair for key in side}):
        changes = levelling.changes(key, pairs, scales)
        error = levelling.error(key, changes, pairs, scales, _weight(before, after))
        if abs(fmean(changes)) > (levelling.STANDS_OUT if key in same else SUSPECTED) * error:
            whole = factor * fmean(levelling.changes(key, inclusive, scales))
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


def _alike(first: float | None, second: float | None) -> bool:
    return first is None or second is None or math.isclose(first, second, rel_tol=SAME_CALLS)


def _weight(before: Profile, after: Profile) -> float:
    return fmean(one.seconds / max(1, one.samples) for side in (before, after) for one in side.passes)


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
