"""How many markets should one call ask for?

Every pass gets the books of ``markets`` markets, copies of the one in the file a minute before its start, from an exchange that is
``rtt_ms`` away and takes ``service_ms`` for a call and ``per_market_ms`` for each book. ``projection``: best, all, best_traded or
all_traded. Connections are kept. The exchange refuses more than 200 points of data a call; a mode of which a call is refused fails.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

import requests
from betfairlightweight import filters
from betfairlightweight.exceptions import APIError

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.exchange import Api, distance, open_api
from perfbench.kit.stream_server import Markets

UNIT = "markets"
METRIC = "wall_seconds"
METRICS = {"calls": Metric("calls"), "slowest_ms": Metric("ms")}
QUICK = {"markets": 12, "rtt_ms": 1.0}
NOTES = "community notes"
CLAIMS = [Claim("one", "ten", 1.0, NOTES, text="ask for ten markets in one call", better="largest")]

POINTS = 200
PROJECTIONS = {
    "best": (["EX_BEST_OFFERS"], 5),
    "all": (["EX_ALL_OFFERS"], 17),
    "best_traded": (["EX_BEST_OFFERS", "EX_TRADED"], 20),
    "all_traded": (["EX_ALL_OFFERS", "EX_TRADED"], 32),
}
"""Price data, and its weight per market (Betfair, Market Data Request Limits)."""

AT_ONCE = 4
BEFORE_START_MS = 60_000


class Wanted(NamedTuple):
    """API, price projection, and maximum number of markets per call."""

    api: Api
    prices: Any
    most: int


@setup
def wanted(
    market: str,
    *,
    markets: int = 40,
    projection: str = "best",
    rtt_ms: float = 20.0,
    service_ms: float = 5.0,
    per_market_ms: float = 0.5,
) -> Iterator[Wanted]:
    """Exchange with copies of the market. Raises ScenarioError for an unknown projection."""
    if projection not in PROJECTIONS or markets < 1:
        raise ScenarioError(
            "projection={} markets={}: choose {}; 1 or more".format(projection, markets, ", ".join(PROJECTIONS))
        )
    prices, weight = PROJECTIONS[projection]
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        path = os.path.join(folder, "markets")
        _write_copies(market, path, markets)
        slow = ("--service", "{}ms".format(service_ms), "--per-market", "{}ms".format(per_market_ms))
        for api in open_api("--data", path, "--from", "start", *distance(rtt_ms), *slow):
            yield Wanted(api, filters.price_projection(price_data=prices), POINTS // weight)


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


class Caller:
    """Requests books and times every call. Raises RuntimeError for a rejected call."""

    def __init__(self, wanted: Wanted, session: requests.Session) -> None:
        self._prices = wanted.prices
        self._client = wanted.api.client(session)
        self.seconds: List[float] = []

    def books(self, markets: List[str]) -> List[Any]:
        """Return the books of these markets."""
        start = time.perf_counter()
        try:
            books: List[Any] = self._client.betting.list_market_book(markets, self._prices)
        except APIError as error:
            raise RuntimeError("a call for {} markets was rejected: {}".format(len(markets), error)) from None
        self.seconds.append(time.perf_counter() - start)
        return books


def one_after_the_other(wanted: Wanted, size: int) -> Work:
    """Request all markets in batches, one after another."""
    with requests.Session() as session:
        caller = Caller(wanted, session)
        start = time.perf_counter()
        books = [book for batch in batches(wanted.api.markets, size) for book in caller.books(batch)]
        return _work(wanted, books, time.perf_counter() - start, caller.seconds)


def _work(wanted: Wanted, books: List[Any], seconds: float, calls: List[float]) -> Work:
    assert len(books) == len(wanted.api.markets)
    return Work(len(books), seconds, books, calls=len(calls), slowest_ms=1e3 * max(calls))


@mode(baseline=True)
def one(wanted: Wanted) -> Work:
    """A call for every market."""
    return one_after_the_other(wanted, 1)


@mode
def ten(wanted: Wanted) -> Work:
    """As advised: ten markets in a call."""
    return one_after_the_other(wanted, 10)


@mode
def largest(wanted: Wanted) -> Work:
    """As many in a call as its weight allows."""
    return one_after_the_other(wanted, wanted.most)


@mode
def concurrent(wanted: Wanted) -> Work:
    """Ten in a call, or as many as its weight allows, and four calls at once, each on a connection of its own."""
    sessions = [requests.Session() for _ in range(AT_ONCE)]
    callers = [Caller(wanted, session) for session in sessions]
    requested = list(batches(wanted.api.markets, min(10, wanted.most)))
    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(
            pool.map(lambda lane: [callers[lane].books(batch) for batch in requested[lane::AT_ONCE]], range(AT_ONCE))
        )
    seconds = time.perf_counter() - start
    for session in sessions:
        session.close()
    books = {book["marketId"]: book for part in results for books in part for book in books}
    return _work(
        wanted, [books[market] for market in wanted.api.markets], seconds, [s for c in callers for s in c.seconds]
    )
