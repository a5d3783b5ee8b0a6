"""Attribute callgrind costs of C code to the calling Python functions.

The instructions of a function without an owner go to the owners that called it, in proportion to the cost of those calls; so do
the calls that it made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perfbench.profiling.instructions.callgrind_parser import CallArc, CallgrindCounts
from perfbench.profiling.model import NO_CALLER, CallCount

MAX_CALLER_DEPTH = 100
"""Maximum depth of the search for callers; recursion shares ever smaller parts."""

NEGLIGIBLE_SHARE = 1e-6
"""Share below which the search ends."""

NO_CALLER_SHARES = ((NO_CALLER, 1.0),)

CallerShares = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class AttributedCounts:
    """Instructions by owner, without those of other owners that they called; how often owners called each other; and the rest."""

    instructions: tuple[int, ...]
    calls: tuple[CallCount, ...]
    rest: int


def attribute_counts(counts: CallgrindCounts, owners: Mapping[str, int], size: int) -> AttributedCounts:
    """All instructions, and all calls of owners, apportioned to the owners from 0 to ``size`` - 1.

    :param owners: the owner of a function, by the name of callgrind; ``NO_CALLER`` gives to the rest. Others own nothing.
    """
    callers = _CallerResolver(counts.arcs, owners)
    own = [0.0] * size
    for node in counts.nodes:
        for owner, share in callers.owners(node.name):
            if owner != NO_CALLER:
                own[owner] += share * node.instructions
    instructions = tuple(map(int, own))
    return AttributedCounts(
        instructions, _attribute_calls(counts.arcs, owners, callers), counts.total - sum(instructions)
    )


class _CallerResolver:
    """Which owners stand behind a function."""

    def __init__(self, arcs: Iterable[CallArc], owners: Mapping[str, int]) -> None:
        self._owners = owners
        self._callers: dict[str, dict[str, float]] = {}
        for arc in arcs:
            if arc.caller != arc.callee and arc.instructions > 0:
                into = self._callers.setdefault(arc.callee, {})
                into[arc.caller] = into.get(arc.caller, 0.0) + arc.instructions
        self._found: dict[str, CallerShares] = {}

    def owners(self, name: str) -> CallerShares:
        """The owner of a function, or of its callers, each with a share; together 1."""
        if name not in self._found:
            self._found[name] = self._known(name) or self._behind(name)
        return self._found[name]

    def _known(self, name: str) -> CallerShares:
        """What needs no looking for; empty for what does."""
        if name in self._owners:
            return ((self._owners[name], 1.0),)
        return self._found.get(name, ()) if name in self._callers else NO_CALLER_SHARES

    def _behind(self, name: str) -> CallerShares:
        owner_shares: dict[int, float] = {}
        pending = {name: 1.0}
        for _ in range(MAX_CALLER_DEPTH):
            if sum(pending.values()) < NEGLIGIBLE_SHARE:
                break
            further: dict[str, float] = {}
            for callee, share in pending.items():
                for caller, part in self._split(callee):
                    resolved = self._known(caller)
                    for owner, behind in resolved:
                        owner_shares[owner] = owner_shares.get(owner, 0.0) + share * part * behind
                    if not resolved:
                        further[caller] = further.get(caller, 0.0) + share * part
            pending = further
        whole = sum(owner_shares.values())
        return tuple((owner, share / whole) for owner, share in owner_shares.items()) if whole else NO_CALLER_SHARES

    def _split(self, callee: str) -> list[tuple[str, float]]:
        callers = self._callers.get(callee, {})
        whole = sum(callers.values())
        return [(caller, weight / whole) for caller, weight in callers.items()]


def _attribute_calls(
    arcs: Iterable[CallArc], owners: Mapping[str, int], callers: _CallerResolver
) -> tuple[CallCount, ...]:
    counts: dict[tuple[int, int], int] = {}
    for arc in arcs:
        callee = owners.get(arc.callee, NO_CALLER)
        if callee == NO_CALLER:
            continue
        shares = callers.owners(arc.caller)
        for (caller, _), count in zip(shares, _split_count(arc.calls, shares), strict=True):
            counts[caller, callee] = counts.get((caller, callee), 0) + count
    return tuple(CallCount(*pair, count) for pair, count in sorted(counts.items()) if count)


def _split_count(count: int, shares: Sequence[tuple[int, float]]) -> list[int]:
    """The count, split by shares; what rounding leaves over goes to the largest."""
    split = [int(count * share) for _, share in shares]
    split[max(range(len(shares)), key=lambda index: shares[index][1])] += count - sum(split)
    return split
