"""Describe a corpus: counts of its listing, and of the market files of a seeded sample or of all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.names import read_layout
from perfbench.datasets.corpus.opening import OpenedMember, discard, open_member
from perfbench.errors import DataProblem

SAMPLE_MEMBERS = 24
"""Members of a sample that are opened."""

LISTED_NAMES = 5

Progress = Callable[[int, int], None]
"""Receives the number of members that were read, and that of all to read."""


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """What a listing says: members, their bytes (all; median, 5th and 95th percentile), the first and the last day of its paths."""

    members: int
    packed_bytes: int
    median_bytes: float
    low_bytes: float
    high_bytes: float
    first_day: date | None
    last_day: date | None


@dataclass(slots=True)
class ContentFacts:
    """What the opened members contain; counts are numbers of market files.

    ``strata`` counts labels by the name of the stratum. ``updates`` and ``plain_bytes`` are those of each market file;
    ``packed_bytes`` sums those of the same members. ``copies``: files of the same content as an earlier one; ``shared``:
    markets that are in several files of different content. Times are milliseconds since 1970.
    """

    opened: int = 0
    strata: dict[str, Counter[str]] = field(default_factory=dict)
    updates: list[int] = field(default_factory=list)
    plain_bytes: int = 0
    packed_bytes: int = 0
    unpack_seconds: float = 0.0
    first_published: int | None = None
    last_published: int = 0
    several_markets: int = 0
    irregular: int = 0
    copies: int = 0
    shared: int = 0
    skipped: int = 0
    skipped_names: list[str] = field(default_factory=list)
    problems: list[DataProblem] = field(default_factory=list)
    _checksums: set[str] = field(default_factory=set)
    _markets: Counter[str] = field(default_factory=Counter)

    def add(self, opened: OpenedMember) -> None:
        """Add what a member contains."""
        self.opened += 1
        self.problems += opened.problems
        self.skipped += len(opened.skipped)
        self.skipped_names += opened.skipped[: LISTED_NAMES - len(self.skipped_names)]
        self.unpack_seconds += opened.unpack_seconds
        for name, label in opened.labels:
            self.strata.setdefault(name, Counter())[label] += 1
        if opened.described:
            self.packed_bytes += opened.member.packed_bytes
        for market in opened.described:
            self.updates.append(market.updates)
            self.plain_bytes += market.size_bytes
            first = market.first_published
            self.first_published = first if self.first_published is None else min(first, self.first_published)
            self.last_published = max(self.last_published, market.last_published)
            self.several_markets += len(market.market_ids) > 1
            self.irregular += bool(market.irregularities)
            self._note_content(market.sha256, market.market_ids)

    def _note_content(self, sha256: str, markets: Sequence[str]) -> None:
        if sha256 in self._checksums:
            self.copies += 1
            return
        self._checksums.add(sha256)
        self._markets.update(markets)
        self.shared += sum(self._markets[market] == 2 for market in markets)


def describe_listing(listing: Listing) -> ListingFacts:
    """Counts and sizes of a listing. Raises ValueError for one without members."""
    sizes = listing.members.sizes
    if not len(sizes):
        raise ValueError("no members")
    low, median, high = np.percentile(sizes, (5, 50, 95))
    days = {day for path in listing.members.paths if (day := read_layout(path).day) is not None}
    return ListingFacts(
        members=len(sizes),
        packed_bytes=int(sizes.sum()),
        median_bytes=float(median),
        low_bytes=float(low),
        high_bytes=float(high),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )


def choose_sample(count: int, seed: int) -> list[int]:
    """The rows of a random sample without replacement, in order; every row of a corpus that is not larger."""
    if count <= SAMPLE_MEMBERS:
        return list(range(count))
    return sorted(random.Random(f"perfbench describe {seed}").sample(range(count), SAMPLE_MEMBERS))


def describe_content(listing: Listing, rows: Sequence[int], folder: Path, progress: Progress) -> ContentFacts:
    """What these members of a listing contain; one of them is unpacked at a time.

    :param folder: for the unpacked files.
    """
    facts = ContentFacts()
    for number, row in enumerate(rows):
        progress(number, len(rows))
        opened = open_member(listing.members[row], folder)
        try:
            facts.add(opened)
        finally:
            discard(opened)
    progress(len(rows), len(rows))
    return facts
