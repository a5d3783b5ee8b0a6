"""Which proposals are tried, and which of them cannot be used together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.advise.environment_words import list_slots
from perfbench.advise.model import Candidate
from perfbench.advise.search_steps import SearchCandidate
from perfbench.errors import UsageProblem
from perfbench.worker.program_messages import CHANGES, LESS, Proposal


@dataclass(frozen=True, slots=True)
class SortedProposals:
    """Proposals that are tried, the most promising kinds first, and those that are named only."""

    tried: tuple[Proposal, ...]
    named: tuple[Proposal, ...]


def sort_proposals(proposals: Iterable[Proposal], *, include_changes: bool) -> SortedProposals:
    """Sort the proposals; the same one twice is one, and levers that change the answer are left out unless included.

    Where the time is short, the first are tried: levers that ask for less, then others that need no other environment.
    """
    wanted = [p for p in dict.fromkeys(proposals) if include_changes or p.kind != CHANGES]
    tried = sorted(
        (p for p in wanted if p.tried), key=lambda p: (p.kind == CHANGES, p.kind != LESS, bool(p.environment))
    )
    return SortedProposals(tuple(tried), tuple(p for p in wanted if not p.tried))


def describe_candidates(candidates: Sequence[Candidate], *, include_changes: bool) -> list[SearchCandidate]:
    """What a search has to know of the candidates.

    Those that failed are not timed, and neither are those that change the answer, unless they are included; then they are timed and
    never combined.
    """
    excluded = find_exclusions([candidate.proposal for candidate in candidates])
    described = []
    for candidate, others in zip(candidates, excluded, strict=True):
        sound = candidate.check is not None and candidate.check.status != "failed"
        changes = candidate.kind == CHANGES
        timed = sound and (include_changes or not changes)
        seconds = candidate.check.seconds if candidate.check is not None else None
        hint = math.inf if seconds is None else seconds
        described.append(SearchCandidate(timed, timed and not changes, frozenset(others), hint))
    return described


def find_exclusions(proposals: Sequence[Proposal]) -> list[set[int]]:
    """For each proposal the numbers of those that cannot be used with it.

    They are of the same lever, or have another word for the same thing: ``python==3.12`` and ``python==3.13`` exclude each other.
    """
    slots = [_list_slots(proposal) for proposal in proposals]
    excluded: list[set[int]] = [set() for _ in proposals]
    for first, second in itertools.combinations(range(len(proposals)), 2):
        shared = slots[first].keys() & slots[second].keys()
        differ = any(slots[first][name] != slots[second][name] for name in shared)
        if differ or proposals[first].lever == proposals[second].lever:
            excluded[first].add(second)
            excluded[second].add(first)
    return excluded


def _list_slots(proposal: Proposal) -> dict[str, str]:
    """The slots of the words for the environment; none of invalid words, whose environment cannot be built."""
    try:
        return list_slots(proposal.environment)
    except UsageProblem:
        return {}
