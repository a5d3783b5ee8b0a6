"""Reads of a model by a strategy during a replay: one for every runner of an update that the strategy evaluates.

A key is the model's view of the runner's state. The coarser it is, the more often it recurs. Its numbers are whole hundredths
or ticks, so equal states have equal keys.
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
"""Betfair's price increments as (from, below, step), in hundredths."""

HIGHER = ((2000, 3000, 100), (3000, 5000, 200), (5000, 10000, 500), (10000, 100001, 1000))

TICKS = [price for start, end, step in SCALE + HIGHER for price in range(start, end, step)]
"""Every price of the ladder in order: the index of a price is its number of ticks."""

FULL_DEPTH = {"atb": "back", "atl": "lay"}
LEVELS = {"batb": "back", "bdatb": "back", "batl": "lay", "bdatl": "lay"}


class Read(NamedTuple):
    """One read of the model. ``published`` in ms since 1970; ``runner`` counts the runners of the file from 0."""

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
        """Apply a runner change of the stream."""
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
"""The runners that a strategy evaluates at an update: changed, traded, or all of the book."""


def reads_of(market: str, key: str, runners: str) -> List[Read]:
    """Every read of a stream file for which the runner's state has all values of the key, in order.

    Raises ScenarioError for an unknown key or runners, NotAvailable for a file in which no state has the values of the key.
    """
    if key not in KEYS or runners not in RUNNERS:
        choices = "key is one of {}; runners is one of {}".format(", ".join(KEYS), ", ".join(RUNNERS))
        raise ScenarioError("key={}, runners={}: {}".format(key, runners, choices))
    reads = list(_reads(market, KEYS[key], runners))
    if not reads:
        text = "{} never has the values of the key {}: choose another file or another key".format(
            Path(market).name, key
        )
        raise NotAvailable(text)
    return reads


def _reads(market: str, key_of: Callable[[Runner], Optional[Key]], runners: str) -> Iterator[Read]:
    books: Dict[str, Dict[int, Runner]] = {}
    numbers: Dict[Tuple[str, int, float], int] = {}
    for published, change in changes(market):
        if change.get("img"):
            books.pop(change["id"], None)
        book = books.setdefault(change["id"], {})
        wanted = {}
        for runner_change in change.get("rc", ()):
            name = (change["id"], runner_change["id"], runner_change.get("hc", 0))
            number = numbers.setdefault(name, len(numbers))
            runner = book.setdefault(number, Runner())
            runner.apply(runner_change)
            if runners == "changed" or (runners == "traded" and "trd" in runner_change):
                wanted[number] = runner
        for number, runner in (book if runners == "all" else wanted).items():
            key = key_of(runner)
            if key is not None and (key_of is _drift or all(key)):
                yield Read(published, number, key)
