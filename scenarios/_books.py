"""A session of several markets: so many books of a market file, replayed again and again, and what is noted of each."""

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
"""Of a market book as JSON, for the same book in memory: 3 to 6 measured on five files."""

LOOK_EVERY = 100
"""Books, of which one is written as JSON to see how long it is."""


class Session(NamedTuple):
    """The first ``amount`` books of the market file, ``markets`` times; a book takes about so many bytes, rather more than less."""

    market: str
    markets: int
    amount: int
    lightweight: bool
    bytes_per_book: int
    record: Record

    def books(self) -> Iterator[Any]:
        """The books of one of its markets."""
        lines = replay(self.market, self.lightweight)
        return islice((book for books in lines for book in books), self.amount)


def session(market: str, replays: int, updates: int, lightweight: bool) -> Session:
    """A session of so many markets and at most so many books of each (0: all), which are counted here.

    Raises ScenarioError for less than one, NotAvailable for a file without market books.
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
