"""Batches of a corpus: markets that one pass replays together, planned from the listing alone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from perfbench.datasets.corpus.listing import Listing
from perfbench.model import Corpus, Draw
from perfbench.stats import survey, survey_draws

BATCH_BYTES = 1_500_000
"""Plain bytes of a batch, about: what lightweight mode replays in 0.2 s (docs/concepts/survey.md)."""

MAX_BATCH_MARKETS = 200
"""Markets of a batch at most: all are unpacked at a time."""

EXPANSION = {".bz2": 12, ".gz": 8, ".xz": 12, ".zst": 8, ".zip": 8}
"""Plain bytes per packed byte, about, by suffix. Only the number of markets in a batch depends on it."""

MAX_DRAWS = survey.LOOKS[-1]


@dataclass(frozen=True, slots=True)
class Batch:
    """Members of a listing, by their indices, and the share of all bytes that they have."""

    name: str
    members: tuple[int, ...]
    share: float
    packed_bytes: int


@dataclass(frozen=True)
class SurveyPlan:
    """The batches of a corpus and the order in which they are drawn. The same listing and ``seed`` give the same plan."""

    listing: Listing
    batches: tuple[Batch, ...]
    corpus: Corpus
    seed: int = 0

    def find(self, name: str) -> Batch:
        """The batch of this name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Batch]:
        return {batch.name: batch for batch in self.batches}


def plan_survey(listing: Listing, name: str, seed: int, *, together: bool, draws: int = MAX_DRAWS) -> SurveyPlan:
    """The batches of a listing and the draws of a survey of them.

    :param name: of the corpus; :param draws: how many are planned.
    :param together: small markets are replayed together; otherwise each is a batch of its own.
    """
    sizes = listing.members.sizes
    groups = _group_members(listing, seed) if together else [(index,) for index in range(len(sizes))]
    weights = [max(1, sum(int(sizes[index]) for index in group)) for group in groups]
    total = sum(weights)
    batches = tuple(
        Batch(_name_batch(listing, group), group, weight / total, weight)
        for group, weight in zip(groups, weights, strict=True)
    )
    corpus = Corpus(
        name=name,
        members=len(sizes),
        batches=len(batches),
        packed_bytes=total,
        digest=listing.digest,
        draws=_draw(batches, seed, draws),
        skipped=tuple(f"{count:,} {reason}" for reason, count in listing.skipped.items()),
    )
    return SurveyPlan(listing, batches, corpus, seed)


def _group_members(listing: Listing, seed: int) -> list[tuple[int, ...]]:
    """Small members in random groups of about BATCH_BYTES, a large one alone."""
    small: list[int] = []
    groups: list[tuple[int, ...]] = []
    plain = [_estimate_plain_bytes(listing, row) for row in range(len(listing.members))]
    for index, size in enumerate(plain):
        if size >= BATCH_BYTES:
            groups.append((index,))
        else:
            small.append(index)
    random.Random(f"{seed} batches").shuffle(small)
    group: list[int] = []
    filled = 0.0
    for index in small:
        group.append(index)
        filled += plain[index]
        if filled >= BATCH_BYTES or len(group) == MAX_BATCH_MARKETS:
            groups.append(tuple(sorted(group)))
            group, filled = [], 0.0
    if group:
        groups.append(tuple(sorted(group)))
    return sorted(groups)


def _name_batch(listing: Listing, group: Sequence[int]) -> str:
    first = listing.members.get_name(group[0])
    return first if len(group) == 1 else f"{first} + {len(group) - 1} more"


def _estimate_plain_bytes(listing: Listing, row: int) -> float:
    members = listing.members
    suffix = PurePosixPath(members.paths[row] or members.sources[members.source_numbers[row]].label).suffix.lower()
    return float(members.packed_bytes[row] * EXPANSION.get(suffix, 1))


def _draw(batches: Sequence[Batch], seed: int, count: int) -> tuple[Draw, ...]:
    drawn = survey_draws.draw_distinct_batches([batch.share for batch in batches], count, seed)
    return tuple(
        Draw(number, batches[int(index)].name, batches[int(index)].share, float(end) if math.isfinite(end) else 0.0)
        for number, (index, end) in enumerate(zip(drawn.indices, drawn.thresholds, strict=True))
    )
