"""What a strategy asks a model while a market is replayed: one read for every runner of an update that it looks at.

A key is what the model is told of the runner's state. The coarser it is, the more often it comes again. Its numbers are whole
hundredths or ticks, so the same state is always the same key.
"""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from _prices import HUNDREDTHS, changes

from perfbench import NotAvailable
from perfbench.worker.scenario_api import ScenarioError

Key = Tuple[int, ...]

SCALE = ((101, 200, 1), (200, 300, 2), (300, 400, 5), (400, 600, 10), (600, 1000, 20), (1000, 2000, 50))
"""Betfair's increments: from this price up to below that one, in such steps; all in hundredths."""

HIGHER = ((2000, 3000, 100), (3000, 5000, 200), (5000, 10000, 500), (10000, 100001, 1000))

TICKS = [price for start, end, step in SCALE + HIGHER for price in range(start, end, step)]
"""Every price of the ladder in order: the place of a price counts its ticks."""

FULL_DEPTH = {"atb": "back", "atl": "lay"}
LEVELS = {"batb": "back", "bdatb": "back", "batl": "lay", "bdatl": "lay"}


class Read(NamedTuple):
    """One question to the model. ``published`` in ms since 1970; ``runner`` counts the runners of the file from 0."""

    published: int
    runner: int
    key: Key


class Runner:
    """The state of one runner, in hundredths."""

    def __init__(self) -> None:
        self.price = 0
        self.first_price = 0
        self.traded: Dict[float, float] = {}
        self.sides: Dict[str, Dict[float, float]] = {"back": {}, "lay": {}}
        self.levels: Dict[str, Tuple[float, float]] = {}

    def apply(self, change: dict) -> None:
        """Take in what the stream says of the runner."""
        if change.get("ltp"):
            self.price = round(change["ltp"] * HUNDREDTHS)
            self.first_price = self.first_price or self.price
        self.traded.update(change.get("trd", ()))
        for name, side in FULL_DEPTH.items():
            for price, size in change.get(name, ()):
                if size:
                    self.sides[side][price] = size
                else:
                    self.sides[side].pop(price, None)
        for name, side in LEVELS.items():
            for level, price, size in change.get(name, ()):
                if level == 0:
                    self.levels[side] = (price, size)

    def best(self, side: str) -> Tuple[int, int]:
        """The best price of a side and its size; zeros if nothing is offered."""
        price, size = self.levels.get(side, (0, 0))
        offered = self.sides[side]
        if offered:
            price = max(offered) if side == "back" else min(offered)
            size = offered[price]
        return round(price * HUNDREDTHS), round(size * HUNDREDTHS)


def _exact(runner: Runner) -> Key:
    return runner.price, round(sum(runner.traded.values()) * HUNDREDTHS)


def _sizes(runner: Runner) -> Key:
    return runner.best("back") + runner.best("lay")


def _best(runner: Runner) -> Key:
    return runner.best("back")[0], runner.best("lay")[0]


def _price(runner: Runner) -> Key:
    return (runner.price,)


def _drift(runner: Runner) -> Optional[Key]:
    return (bisect_left(TICKS, runner.price) - bisect_left(TICKS, runner.first_price),) if runner.price else None


KEYS: Dict[str, Callable[[Runner], Optional[Key]]] = {
    "exact": _exact,
    "sizes": _sizes,
    "price": _price,
    "best": _best,
    "drift": _drift,
}
"""exact: last price and volume; sizes: best prices with sizes; best: without; drift: ticks since the runner's first price."""

RUNNERS = ("changed", "traded", "all")
"""Whom a strategy looks at in an update: the runners that it changed, those that were traded, or the whole book."""


def reads_of(market: str, key: str, runners: str) -> List[Read]:
    """Every read of a stream file for which the runner's state has all that the key needs, in order.

    Raises ScenarioError for a key or runners that are not known, NotAvailable for a file in which no state has what the key needs.
    """
    if key not in KEYS or runners not in RUNNERS:
        known = "key is one of {}; runners is one of {}".format(", ".join(KEYS), ", ".join(RUNNERS))
        raise ScenarioError("key={}, runners={}: {}".format(key, runners, known))
    found = list(_reads(market, KEYS[key], runners))
    if not found:
        text = "{} never has what the key {} needs: choose another file or another key".format(Path(market).name, key)
        raise NotAvailable(text)
    return found


def _reads(market: str, key_of: Callable[[Runner], Optional[Key]], runners: str) -> Iterator[Read]:
    books: Dict[str, Dict[int, Runner]] = {}
    numbers: Dict[Tuple[str, int, float], int] = {}
    for published, change in changes(market):
        if change.get("img"):
            books.pop(change["id"], None)
        book = books.setdefault(change["id"], {})
        wanted = {}
        for said in change.get("rc", ()):
            name = (change["id"], said["id"], said.get("hc", 0))
            number = numbers.setdefault(name, len(numbers))
            runner = book.setdefault(number, Runner())
            runner.apply(said)
            if runners == "changed" or (runners == "traded" and "trd" in said):
                wanted[number] = runner
        for number, runner in (book if runners == "all" else wanted).items():
            key = key_of(runner)
            if key is not None and (key_of is _drift or all(key)):
                yield Read(published, number, key)
