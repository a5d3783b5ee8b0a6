"""Whose instructions were those of the code in between? Pure.

Callgrind counts some functions that nobody asked for. What they executed belongs to the known functions that called them, in
proportion to what those calls took; so do the calls that they made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perfbench.callgrind_output import Arc, Counts
from perfbench.profiles import NO_CALLER, Call

MOST_STEPS = 100
"""So far back are callers looked for: functions that call each other share ever less of it."""

NOTHING = 1e-6
"""A share that is not worth another step."""

NOBODY = ((NO_CALLER, 1.0),)

Shares = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Apportioned:
    """Instructions by owner, without those of other owners that they called; how often owners called each other; and the rest."""

    instructions: tuple[int, ...]
    calls: tuple[Call, ...]
    rest: int


def apportion(counts: Counts, owners: Mapping[str, int], size: int) -> Apportioned:
    """All instructions, and all calls of owners, apportioned to the owners from 0 to ``size`` - 1.

    :param owners: the owner of a function, by the name of callgrind; ``NO_CALLER`` gives to the rest. Others own nothing.
    """
    callers = _Callers(counts.arcs, owners)
    own = [0.0] * size
    for node in counts.nodes:
        for owner, share in callers.owners(node.name):
            if owner != NO_CALLER:
                own[owner] += share * node.instructions
    instructions = tuple(map(int, own))
    return Apportioned(instructions, _calls(counts.arcs, owners, callers), counts.total - sum(instructions))


class _Callers:
    """Which owners stand behind a function."""

    def __init__(self, arcs: Iterable[Arc], owners: Mapping[str, int]) -> None:
        self._owners = owners
        self._callers: dict[str, dict[str, float]] = {}
        for arc in arcs:
            if arc.caller != arc.callee and arc.instructions > 0:
                into = self._callers.setdefault(arc.callee, {})
                into[arc.caller] = into.get(arc.caller, 0.0) + arc.instructions
        self._found: dict[str, Shares] = {}

    def owners(self, name: str) -> Shares:
        """The owner of a function, or of its callers, each with a share; together 1."""
        if name not in self._found:
            self._found[name] = self._known(name) or self._behind(name)
        return self._found[name]

    def _known(self, name: str) -> Shares:
        """What needs no looking for; empty for what does."""
        if name in self._owners:
            return ((self._owners[name], 1.0),)
        return self._found.get(name, ()) if name in self._callers else NOBODY

    def _behind(self, name: str) -> Shares:
        found: dict[int, float] = {}
        pending = {name: 1.0}
        for _ in range(MOST_STEPS):
            if sum(pending.values()) < NOTHING:
                break
            further: dict[str, float] = {}
            for callee, share in pending.items():
                for caller, part in self._split(callee):
                    known = self._known(caller)
                    for owner, behind in known:
                        found[owner] = found.get(owner, 0.0) + share * part * behind
                    if not known:
                        further[caller] = further.get(caller, 0.0) + share * part
            pending = further
        whole = sum(found.values())
        return tuple((owner, share / whole) for owner, share in found.items()) if whole else NOBODY

    def _split(self, callee: str) -> list[tuple[str, float]]:
        callers = self._callers.get(callee, {})
        whole = sum(callers.values())
        return [(caller, weight / whole) for caller, weight in callers.items()]


def _calls(arcs: Iterable[Arc], owners: Mapping[str, int], callers: _Callers) -> tuple[Call, ...]:
    found: dict[tuple[int, int], int] = {}
    for arc in arcs:
        callee = owners.get(arc.callee, NO_CALLER)
        if callee == NO_CALLER:
            continue
        shares = callers.owners(arc.caller)
        for (caller, _), count in zip(shares, _whole_numbers(arc.calls, shares), strict=True):
            found[caller, callee] = found.get((caller, callee), 0) + count
    return tuple(Call(*pair, count) for pair, count in sorted(found.items()) if count)


def _whole_numbers(count: int, shares: Sequence[tuple[int, float]]) -> list[int]:
    """The count, split by shares; what rounding leaves over goes to the largest."""
    split = [int(count * share) for _, share in shares]
    split[max(range(len(shares)), key=lambda index: shares[index][1])] += count - sum(split)
    return split
