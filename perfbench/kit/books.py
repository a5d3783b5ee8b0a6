"""A session of several markets: the first books of a market file, replayed repeatedly, with a record of each book."""

from __future__ import annotations

import json
from array import array
from itertools import islice
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple

from perfbench import NotAvailable
from perfbench.kit.bflw import replay
from perfbench.worker.scenario_api import ScenarioError

BYTES_PER_CHARACTER = 8
"""Memory of a market book per character of its JSON: 3 to 6 measured on five files, rounded up."""

LOOK_EVERY = 100
"""Every 100th book is serialised to estimate its size."""


class Record:
    """A few numbers of every market book: market, time, volume matched and the sum of last prices.

    Its memory is allocated and written before a session, so that it adds nothing to the curve.
    """

    FIELDS = 4

    def __init__(self, amount: int) -> None:
        self._numbers = array("d", [0.0]) * (self.FIELDS * amount)

    def note(self, number: int, book: Any) -> None:
        """Record the book of the update with this number."""
        if isinstance(book, dict):
            values = book["marketId"], book["publishTime"], book["totalMatched"]
            prices = [runner["lastPriceTraded"] for runner in book["runners"]]
        else:
            values = book.market_id, book.publish_time_epoch, book.total_matched
            prices = [runner.last_price_traded for runner in book.runners]
        place = self.FIELDS * number
        for offset, value in enumerate((*values, sum(price or 0.0 for price in prices))):
            self._numbers[place + offset] = float(value or 0.0)

    def published(self, number: int) -> float:
        """The publish time of the update with this number, in milliseconds since 1970."""
        return self._numbers[self.FIELDS * number + 1]

    def items(self) -> Iterator[List[float]]:
        """The numbers of each update."""
        return (
            self._numbers[first : first + self.FIELDS].tolist() for first in range(0, len(self._numbers), self.FIELDS)
        )


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
