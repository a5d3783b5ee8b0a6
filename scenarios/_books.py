"""A session of several markets: the first books of a market file, replayed repeatedly, with a record of each book."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from _bflw import replay
from _session import Record

from perfbench import NotAvailable
from perfbench.worker.scenario_api import ScenarioError

BYTES_PER_CHARACTER = 8
"""Memory of a market book per character of its JSON: 3 to 6 measured on five files, rounded up."""

LOOK_EVERY = 100
"""Every 100th book is serialised to estimate its size."""


class Session(NamedTuple):
    """The first ``amount`` books of the market file, ``markets`` times; ``bytes_per_book`` is an upper estimate."""

    market: str
    markets: int
    amount: int
    lightweight: bool
    bytes_per_book: int
    record: Record

    def books(self) -> Iterator[Any]:
        """The books of one market."""
        lines = replay(self.market, self.lightweight)
        return islice((book for books in lines for book in books), self.amount)


def session(market: str, replays: int, updates: int, lightweight: bool) -> Session:
    """A session of ``replays`` markets with at most ``updates`` books each (0: all), which are counted here.

    Raises ScenarioError for fewer than one, NotAvailable for a file without market books.
    """
    if replays < 1 or updates < 0:
        raise ScenarioError("replays={}, updates={}: at least one of each (0 updates: all)".format(replays, updates))
    amount, longest = 0, 0
    for book in islice((book for books in replay(market, True) for book in books), updates or None):
        amount += 1
        if amount % LOOK_EVERY == 1:
            longest = max(longest, len(json.dumps(book)))
    if not amount:
        raise NotAvailable("{} has no market books: choose another file".format(Path(market).name))
    return Session(market, replays, amount, lightweight, longest * BYTES_PER_CHARACTER, Record(amount * replays))
