"""Shares of a profile by owner, according to the rules of the scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from perfbench.model import Owner
from perfbench.profiling.model import Function, Profile

USER_PATTERN = "user:*"
"""The pattern of functions of files outside of every package."""

REMAINDER_OWNER = "interpreter and the rest"


@dataclass(frozen=True, slots=True)
class OwnerShare:
    """A part of the work, and its share of a pass, 0 to 1."""

    owner: str
    share: float


def compute_owner_shares(profile: Profile, owners: Sequence[Owner]) -> tuple[OwnerShare, ...]:
    """The share of every owner, in the order of the rules, with the rest at the end: 1 in all.

    A stack belongs to the first owner of the innermost function that a rule names: what ``json`` does for the listener is decoding,
    and a ``dict.get`` belongs to whoever called it.
    """
    indices = [_find_owner(function, owners) for function in profile.functions]
    seconds: dict[str, float] = dict.fromkeys((*(owner.name for owner in owners), REMAINDER_OWNER), 0.0)
    for pass_ in profile.passes:
        for stack in pass_.stacks:
            names = (indices[frame] for frame in reversed(stack.frames))
            seconds[next(filter(None, names), REMAINDER_OWNER)] += stack.seconds
    whole = sum(seconds.values())
    return tuple(OwnerShare(name, value / whole if whole else 0.0) for name, value in seconds.items())


@dataclass(frozen=True, slots=True)
class CallbackShare:
    """A callback into the user's code: shares of a pass, 0 to 1, and calls per unit of work if counted.

    ``alone`` is the share of the user's own functions under it, ``inclusive`` with all that they called.
    """

    key: str
    alone: float
    inclusive: float
    calls: float | None


def find_callbacks(profile: Profile, owners: Sequence[Owner]) -> tuple[CallbackShare, ...]:
    """Callbacks into the user's code, the most expensive first; none without whole stacks or without an owner of ``user:*``."""
    user = next((owner for owner in owners if USER_PATTERN in owner.patterns), None)
    if user is None or not profile.has_stacks:
        return ()
    owned_by = [_find_owner(function, owners) for function in profile.functions]
    own = [owner == user.name for owner in owned_by]
    alone: dict[int, float] = defaultdict(float)
    inclusive: dict[int, float] = defaultdict(float)
    for stack in (stack for pass_ in profile.passes for stack in pass_.stacks):
        entry = next((frame for frame in stack.frames if own[frame]), None)
        if entry is not None:
            inclusive[entry] += stack.seconds
            innermost = next(frame for frame in reversed(stack.frames) if owned_by[frame])
            alone[entry] += stack.seconds if own[innermost] else 0.0
    whole = sum(pass_.seconds for pass_ in profile.passes)
    often = {i: sum(call.count for call in profile.calls if call.callee == i) / profile.work for i in inclusive}
    callbacks = [
        CallbackShare(
            profile.functions[i].key, alone[i] / whole, inclusive[i] / whole, often[i] if profile.calls else None
        )
        for i in inclusive
    ]
    return tuple(sorted(callbacks, key=lambda callback: -callback.inclusive))


def _find_owner(function: Function, owners: Sequence[Owner]) -> str:
    names = (function.key, f"{function.kind}:{function.key}")
    for owner in owners:
        if any(fnmatchcase(name, pattern) for pattern in owner.patterns for name in names):
            return owner.name
    return ""
