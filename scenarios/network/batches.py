"""How many markets should one call ask for?

Every pass gets the books of ``markets`` markets, copies of the one in the file a minute before its start, from an exchange that is
``rtt_ms`` away and takes ``service_ms`` for a call and ``per_market_ms`` for each book. ``projection``: best, all, best_traded or
all_traded. Every connection is kept, and has made a call before the time starts. The modes of one connection are compared with each
other, and those of four: column *connections*. The exchange refuses more than 200 points of data a call; a mode of which a call is
refused fails.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

import requests
from betfairlightweight import filters
from betfairlightweight.exceptions import APIError

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.exchange import Api, distance, open_api
from perfbench.kit.stream_server import Markets

UNIT = "markets"
METRIC = "wall_seconds"
METRICS = {
    "calls": Metric("calls"),
    "connections": Metric("", better="neither"),
    "slowest_ms": Metric("ms"),
}
QUICK = {"markets": 12, "rtt_ms": 1.0}
QUICK_LINES = 2_000
NOTES = "community notes"
CLAIMS = [Claim("one", "advised_ten", 1.0, NOTES, text="ask for ten markets in one call", better="largest")]

POINTS = 200
PROJECTIONS = {
    "best": (["EX_BEST_OFFERS"], 5),
    "all": (["EX_ALL_OFFERS"], 17),
    "best_traded": (["EX_BEST_OFFERS", "EX_TRADED"], 20),
    "all_traded": (["EX_ALL_OFFERS", "EX_TRADED"], 32),
}
"""Price data, and its weight per market (Betfair, Market Data Request Limits)."""

TEN = 10
AT_ONCE = 4
"""Connections that are open; a mode uses the first of them, or all."""

BEFORE_START_MS = 60_000


class Caller:
    """Requests books over a connection of its own and times every call."""

    def __init__(self, api: Api, prices: Any, session: requests.Session) -> None:
        self._client, self._prices = api.client(session), prices
        self.seconds: List[float] = []

    def books(self, markets: List[str]) -> List[Any]:
        """Return the books of these markets. Raises RuntimeError for a rejected call."""
        start = time.perf_counter()
        try:
            books: List[Any] = self._client.betting.list_market_book(market_ids=markets, price_projection=self._prices)
        except APIError as error:
            raise RuntimeError("a call for {} markets was rejected: {}".format(len(markets), error)) from None
        self.seconds.append(time.perf_counter() - start)
        return books

    def warm(self, market: str) -> None:
        """Make the call that connects, which is not timed."""
        self.books([market])
        self.seconds.clear()


class Wanted(NamedTuple):
    """Markets, callers that are connected, and maximum number of markets per call."""

    markets: Sequence[str]
    callers: Sequence[Caller]
    most: int


@setup
def wanted(
    market: str,
    *,
    markets: int = 200,
    projection: str = "best",
    rtt_ms: float = 20.0,
    service_ms: float = 5.0,
    per_market_ms: float = 0.5,
) -> Iterator[Wanted]:
    """Exchange with copies of the market, and connections to it. Raises ScenarioError for an unknown projection."""
    if projection not in PROJECTIONS or markets < 1:
        raise ScenarioError(
            "projection={} markets={}: choose {}; 1 or more".format(projection, markets, ", ".join(PROJECTIONS))
        )
    prices, weight = PROJECTIONS[projection]
    with folder_until_the_end() as folder:
        path = os.path.join(folder, "markets")
        _write_copies(market, path, markets)
        slow = ("--service", "{}ms".format(service_ms), "--per-market", "{}ms".format(per_market_ms))
        for api in open_api("--data", path, "--from", "start", *distance(rtt_ms), *slow):
            with ExitStack() as stack:
                sessions = [stack.enter_context(requests.Session()) for _ in range(AT_ONCE)]
                callers = [Caller(api, filters.price_projection(price_data=prices), session) for session in sessions]
                for caller in callers:
                    caller.warm(api.markets[0])
                yield Wanted(api.markets, callers, POINTS // weight)


def _write_copies(market: str, path: str, amount: int) -> None:
    """Write copies of the file's first market, in its state a minute before the start."""
    markets, last = Markets(), 0
    with open(market, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("mc"):
                if last and message["pt"] > _starts(markets) - BEFORE_START_MS:
                    break
                markets.apply(message["mc"])
                last = message["pt"]
    image = markets.image()[0]
    copies = [{**image, "id": "1.{:09}".format(number + 1)} for number in range(amount)]
    with open(path, "w", encoding="utf-8") as file:
        for moment in (last, last + 1):
            changes = copies if moment == last else copies[:1]
            file.write(json.dumps({"op": "mcm", "clk": "1", "pt": moment, "mc": changes}) + "\n")


def _starts(markets: Markets) -> float:
    """Return the announced start in milliseconds since 1970."""
    definition: Dict[str, Any] = markets.image()[0]["marketDefinition"]
    moment = datetime.strptime(definition["marketTime"], "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=timezone.utc).timestamp() * 1e3


def batches(markets: Sequence[str], size: int) -> Iterator[List[str]]:
    """Split the markets into batches."""
    waiting = iter(markets)
    while batch := list(itertools.islice(waiting, size)):
        yield batch


def one_after_the_other(wanted: Wanted, size: int) -> Work:
    """Request all markets in batches, one after another, over one connection."""
    caller = wanted.callers[0]
    start = time.perf_counter()
    answers = [caller.books(batch) for batch in batches(wanted.markets, size)]
    return _work(wanted, answers, time.perf_counter() - start, wanted.callers[:1])


def at_once(wanted: Wanted, size: int) -> Work:
    """Request all markets in batches, over all connections at once."""
    callers, requested = wanted.callers, list(batches(wanted.markets, size))
    start = time.perf_counter()
    with ThreadPoolExecutor(len(callers)) as pool:
        lanes = pool.map(
            lambda lane: [callers[lane].books(batch) for batch in requested[lane :: len(callers)]], range(len(callers))
        )
        answers = [answer for lane in lanes for answer in lane]
    return _work(wanted, answers, time.perf_counter() - start, callers)


def _work(wanted: Wanted, answers: List[List[Any]], seconds: float, callers: Sequence[Caller]) -> Work:
    """Return the books in the order of the markets, and the calls."""
    books = {book["marketId"]: book for answer in answers for book in answer}
    calls = [seconds for caller in callers for seconds in caller.seconds]
    return Work(
        len(books),
        seconds,
        [books[market] for market in wanted.markets],
        calls=len(calls),
        connections=len(callers),
        slowest_ms=1e3 * max(calls),
    )


@mode(baseline=True)
def one(wanted: Wanted) -> Work:
    """A call for every market."""
    return one_after_the_other(wanted, 1)


@mode
def advised_ten(wanted: Wanted) -> Work:
    """As advised: ten market ids in a call, one call after another, and the results appended."""
    caller = wanted.callers[0]
    books: List[Any] = []
    start = time.perf_counter()
    for first in range(0, len(wanted.markets), TEN):
        books.extend(caller.books(list(wanted.markets[first : first + TEN])))
    return _work(wanted, [books], time.perf_counter() - start, [caller])


@mode
def largest(wanted: Wanted) -> Work:
    """As many in a call as its weight allows."""
    return one_after_the_other(wanted, wanted.most)


@mode
def one_concurrent(wanted: Wanted) -> Work:
    """A call for every market, over four connections at once."""
    return at_once(wanted, 1)


@mode
def ten_concurrent(wanted: Wanted) -> Work:
    """Ten in a call, or as many as its weight allows, over four connections at once."""
    return at_once(wanted, min(TEN, wanted.most))


@mode
def largest_concurrent(wanted: Wanted) -> Work:
    """As many in a call as its weight allows, over four connections at once."""
    return at_once(wanted, wanted.most)
