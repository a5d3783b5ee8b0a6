"""Breakdown of a measured difference by the functions of two profiles.

The seconds of profiled passes are not those of the program: a profiler costs most where functions are called most, and the machine
is faster in one pass than in the next. So the passes of both sides are scaled alike first. Functions whose code, calls and
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

from perfbench.profiling import scaling
from perfbench.profiling.model import NO_CALLER, Function, Profile, ProfiledPass
from perfbench.profiling.scaling import FunctionSeconds, TimeDifference

FOREIGN_KINDS = ("standard", "built-in")
"""Kinds of functions whose time belongs to their callers."""


SUSPECT_STANDARD_ERRORS = 3.0
"""Like ``scaling.OUTLIER_STANDARD_ERRORS``, for functions that were edited, added or removed, or whose call rates changed."""

FORMER_WORKER_KEYS = {
    "perfbench/worker/cpu_profile_pass.py:drain_mode": "perfbench/worker/profiling.py:drained",
    "perfbench/worker/cpu_profile_pass.py:run_cpu_profile_pass.<lambda>": "perfbench/worker/profiling.py:profiled_pass.<lambda>",
    "perfbench/worker/scenario_loader.py:LoadedScenario._bind.<lambda>": "perfbench/worker/loading.py:Loaded._bind.<lambda>",
    "perfbench/worker/scenario_api.py:Work.__init__": "perfbench/worker/api.py:Work.__init__",
}
"""Keys that functions of the worker had in profiles saved before its modules were renamed, by their keys of today."""

CALL_RATE_TOLERANCE = 0.002
"""Calls per update that differ by no more than this share are the same."""

MAX_CALLERS = 3


@dataclass(frozen=True, slots=True)
class CallerChange:
    """A caller of a function, with its calls per unit of work before and after."""

    key: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class FunctionTimeChange:
    """A function that contributes to the difference.

    ``change``: seconds of a pass, by the function itself with the library code that it called, ``error`` its standard error;
    ``inclusive`` with all functions that it called. ``calls_before`` and ``calls_after`` are per unit of work, None if not counted.
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
    callers: tuple[CallerChange, ...]


@dataclass(frozen=True, slots=True)
class DiffBreakdown:
    """The functions behind a difference, the largest first. All ``rows`` and ``rest`` add up to ``difference.seconds``.

    ``anchored``: unchanged functions set the scale. ``pairs`` of profiled passes were compared.
    """

    difference: TimeDifference
    rows: tuple[FunctionTimeChange, ...]
    rest: float
    pairs: int
    anchored: bool


def diff_profiles(before: Profile, after: Profile, difference: TimeDifference) -> DiffBreakdown:
    """The functions that stand out, from passes of both sides compared in order of time."""
    sides = _ProfileSide.of(before, {}), _ProfileSide.of(after, _match_renamed(before, after))
    same = _find_unchanged(*sides)
    pairs = list(zip(sides[0].passes, sides[1].passes, strict=False))
    unchanged = scaling.find_steady(same, pairs, _mean_sample_seconds(before, after))
    anchored = all(scaling.sum_seconds(side, unchanged) >= scaling.MIN_ANCHOR_SHARE for pair in pairs for side in pair)
    scales = [scaling.compute_scales(pair, unchanged if anchored else (), difference) for pair in pairs]
    factor = scaling.compute_factor(pairs, scales, difference) if anchored else 1.0
    inclusive = list(zip(sides[0].inclusive, sides[1].inclusive, strict=False))
    rows = []
    for key in sorted({key for pair in pairs for side in pair for key in side}):
        changes = scaling.compute_changes(key, pairs, scales)
        error = scaling.estimate_error(key, changes, pairs, scales, _mean_sample_seconds(before, after))
        if abs(fmean(changes)) > (scaling.OUTLIER_STANDARD_ERRORS if key in same else SUSPECT_STANDARD_ERRORS) * error:
            whole = factor * fmean(scaling.compute_changes(key, inclusive, scales))
            rows.append(_build_row(key, factor * fmean(changes), factor * error, whole, sides))
    rows.sort(key=lambda row: -abs(row.change))
    rest = difference.seconds - math.fsum(row.change for row in rows)
    return DiffBreakdown(difference, tuple(rows), rest, len(pairs), anchored)


@dataclass(frozen=True, slots=True)
class _ProfileSide:
    """One profile by the keys of its own functions: seconds of each pass, alone and inclusive; calls per unit of work."""

    functions: dict[str, Function]
    passes: tuple[FunctionSeconds, ...]
    inclusive: tuple[FunctionSeconds, ...]
    calls: Counter[str]
    edges: Counter[tuple[str, str]]
    profile: Profile
    former: dict[str, str]

    @classmethod
    def of(cls, profile: Profile, former: dict[str, str]) -> _ProfileSide:
        """:param former: keys before by keys after, of functions that were only renamed."""
        keys = [former.get(function.key, function.key) for function in profile.functions]
        calls: Counter[str] = Counter()
        edges: Counter[tuple[str, str]] = Counter()
        for call in profile.calls:
            calls[keys[call.callee]] += call.count
            edges[keys[call.caller] if call.caller != NO_CALLER else "", keys[call.callee]] += call.count
        return cls(
            functions=dict(zip(keys, profile.functions, strict=True)),
            passes=tuple(_sum_self_seconds(pass_, profile.functions, keys) for pass_ in profile.passes),
            inclusive=tuple(_sum_inclusive_seconds(pass_, profile.functions, keys) for pass_ in profile.passes),
            calls=calls,
            edges=edges,
            profile=profile,
            former={old: new for new, old in former.items()},
        )

    def count_calls(self, key: str) -> float | None:
        """Calls of a function per unit of work; None if not counted."""
        return self.calls[key] / self.profile.work if self.profile.calls else None

    def count_callees(self, key: str) -> float:
        """Calls that a function makes per unit of work."""
        return sum(count for (caller, _), count in self.edges.items() if caller == key) / self.profile.work


def _sum_self_seconds(pass_: ProfiledPass, functions: Sequence[Function], keys: Sequence[str]) -> FunctionSeconds:
    """Seconds by function, those of foreign ones with the innermost caller that is not foreign."""
    seconds_by_key: dict[str, float] = defaultdict(float)
    for stack in pass_.stacks:
        frame = next(
            (index for index in reversed(stack.frames) if functions[index].kind not in FOREIGN_KINDS), stack.frames[-1]
        )
        seconds_by_key[keys[frame]] += stack.seconds
    return seconds_by_key


def _sum_inclusive_seconds(pass_: ProfiledPass, functions: Sequence[Function], keys: Sequence[str]) -> FunctionSeconds:
    if pass_.inclusive:
        return {
            keys[index]: seconds
            for index, seconds in enumerate(pass_.inclusive)
            if functions[index].kind not in FOREIGN_KINDS
        }
    seconds_by_key: dict[str, float] = defaultdict(float)
    for stack in pass_.stacks:
        for key in {keys[index] for index in stack.frames if functions[index].kind not in FOREIGN_KINDS}:
            seconds_by_key[key] += stack.seconds
    return seconds_by_key


def _match_renamed(before: Profile, after: Profile) -> dict[str, str]:
    """Keys before by keys after, of renamed functions: of the same code where only one of each side has it, or of the worker."""

    def only_here(profile: Profile, other: Profile) -> dict[str, str]:
        there = {function.key for function in other.functions}
        mine = [f for f in profile.functions if f.shape and f.key not in there and f.kind not in FOREIGN_KINDS]
        often = Counter(function.shape for function in mine)
        return {function.shape: function.key for function in mine if often[function.shape] == 1}

    gone, new = only_here(before, after), only_here(after, before)
    keys = [{function.key for function in profile.functions} for profile in (before, after)]
    renamed = [*FORMER_WORKER_KEYS.items(), *((former, current) for current, former in FORMER_WORKER_KEYS.items())]
    worker = {key: was for key, was in renamed if was in keys[0] and key in keys[1]}
    return {**{new[shape]: gone[shape] for shape in gone.keys() & new.keys()}, **worker}


def _find_unchanged(before: _ProfileSide, after: _ProfileSide) -> set[str]:
    """Functions with the same code and the same call rates; none where calls were not counted."""
    unchanged: set[str] = set()
    if not (before.profile.calls and after.profile.calls):
        return unchanged
    for key in before.functions.keys() & after.functions.keys():
        first, second = before.functions[key], after.functions[key]
        same_calls = all(
            _have_equal_rates(rate, other)
            for rate, other in (
                (before.count_calls(key), after.count_calls(key)),
                (before.count_callees(key), after.count_callees(key)),
            )
        )
        if first.shape == second.shape and first.shape and same_calls:
            unchanged.add(key)
    return unchanged


def _have_equal_rates(first: float | None, second: float | None) -> bool:
    return first is None or second is None or math.isclose(first, second, rel_tol=CALL_RATE_TOLERANCE)


def _mean_sample_seconds(before: Profile, after: Profile) -> float:
    return fmean(pass_.seconds / max(1, pass_.samples) for side in (before, after) for pass_ in side.passes)


def _build_row(
    key: str, change: float, error: float, inclusive: float, sides: tuple[_ProfileSide, _ProfileSide]
) -> FunctionTimeChange:
    before, after = sides
    first, second = before.functions.get(key), after.functions.get(key)
    comparable = first is not None and second is not None and bool(first.shape and second.shape)
    return FunctionTimeChange(
        key=after.former.get(key, key),
        change=change,
        error=error,
        inclusive=inclusive,
        calls_before=before.count_calls(key),
        calls_after=after.count_calls(key),
        presence="new" if first is None else "gone" if second is None else "",
        was=key if key in after.former else "",
        edited=first.shape != second.shape if comparable and first and second else None,
        callers=_find_caller_changes(key, before, after),
    )


def _find_caller_changes(key: str, before: _ProfileSide, after: _ProfileSide) -> tuple[CallerChange, ...]:
    """The callers whose call rates changed, the largest change first."""
    edges = {edge for side in (before, after) for edge in side.edges if edge[1] == key and edge[0]}
    callers = [
        CallerChange(
            caller, before.edges[caller, key] / before.profile.work, after.edges[caller, key] / after.profile.work
        )
        for caller, _ in edges
    ]
    moved = [caller for caller in callers if not _have_equal_rates(caller.before, caller.after)]
    return tuple(sorted(moved, key=lambda c: (-abs(c.after - c.before), c.key))[:MAX_CALLERS])
