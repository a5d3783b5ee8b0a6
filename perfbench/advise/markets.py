"""The markets of an advice: those that candidates are chosen on, those that confirm the choice, and the corpus they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.advise.model import CorpusSize
from perfbench.datasets.corpus.listing import Listing, list_corpus
from perfbench.model import CaseGroup, Settings
from perfbench.runner.survey.choose import MAX_TABLES, name_corpus

DRAWN_MARKETS = 6
"""Markets that are drawn from a corpus: two to choose on, four to confirm."""

TRAINING_SHARE = 3
"""One of this many markets trains, and at least one."""


@dataclass(frozen=True, slots=True)
class SplitGroups:
    """The groups of the user's set-up, one for each market: ``training`` and ``held_out``, both the same with a single one."""

    training: tuple[CaseGroup, ...]
    held_out: tuple[CaseGroup, ...]

    @property
    def all(self) -> tuple[CaseGroup, ...]:
        """Every group once."""
        return self.training if self.held_out == self.training else (*self.training, *self.held_out)


def split_groups(groups: Sequence[CaseGroup]) -> SplitGroups:
    """The first third of the groups, at least one, trains; the others are held out. Drawn markets are in random order."""
    own = tuple(groups)
    if len(own) == 1:
        return SplitGroups(own, own)
    training = max(1, len(own) // TRAINING_SHARE)
    return SplitGroups(own[:training], own[training:])


@dataclass(frozen=True, slots=True)
class ListedCorpus:
    """A corpus that markets were drawn from, with the packed bytes of its files by name."""

    size: CorpusSize
    packed_bytes: dict[str, int]


def find_corpus(settings: Settings) -> ListedCorpus | None:
    """The corpus of the data of a run; None where all of its markets are measured."""
    if not settings.data:
        return None
    listing = list_corpus(settings.data)
    if len(listing.members) <= MAX_TABLES:
        return None
    name = name_corpus(settings.data, len(listing.members))
    return ListedCorpus(CorpusSize(name, len(listing.members), listing.packed_bytes), _list_sizes(listing))


def _list_sizes(listing: Listing) -> dict[str, int]:
    return {
        listing.members.get_name(row): int(listing.members.packed_bytes[row]) for row in range(len(listing.members))
    }
