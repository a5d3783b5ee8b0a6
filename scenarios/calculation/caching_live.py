"""How old do cached answers become while a strategy follows the exchange, and what does a read of the model cost then?

betfairlightweight follows a market that the local exchange plays at ``speed``, and the model is read for every runner that an
update changes. At ×1 the computer's clock is the market's, so that answers expire after 30 s of the market; at ×20 they do so
after ten minutes of it: ``--sweep speed=1,5,20`` (×1 takes five minutes a pass). ``caching`` has the same cache in a replay, where
hours pass within a second. The metric is the time in the reads.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

from _reads import Answered, Key, Model, Read, Stream, microseconds, model_of

from perfbench import Claim, Metric, NotAvailable, Work, mode, setup
from perfbench.kit.stream_client import EVERYTHING, Exchange, exchange, follow, percentile
from perfbench.kit.trades import HUNDREDTHS

UNIT = "reads"
QUICK = {"traffic": "last_minute", "speed": 240.0, "late_ms": 1000.0}
METRICS = {
    "read_p50_us": Metric("µs"),
    "read_p99_us": Metric("µs"),
    "hit_ratio": Metric("share", better="higher"),
    "stale_share": Metric("share"),
    "oldest_s": Metric("s"),
    "entries": Metric("entries"),
}
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim("none", "advised_ttl", 1.0, NOTES, text="keep answers for 30 s"),
    Claim("plain_dict", "advised_ttl", 1.0, OURS, "stale_share", "answers expire while it follows", "ttl_market_clock"),
]
Price = Callable[[Key, int], float]
"""The answer for a key at the time of its update by the market's clock, in ms."""


class Followed(NamedTuple):
    """The exchange and its speed, the model and its cost, and the age in seconds from which an answer is stale."""

    exchange: Exchange
    speed: float
    model: Model
    cost_us: float
    ttl_s: float


@setup
def market_stream(
    market: str,
    *,
    traffic: str = "pre_off",
    speed: float = 20.0,
    late_ms: float = 200.0,
    cost_us: float = 10.0,
    ttl_s: float = 30.0,
) -> Iterator[Followed]:
    """Exchange that waits for its client, and a model of about ``cost_us`` microseconds."""
    with exchange(market, speed, traffic, late_ms, "--no-api") as opened:
        yield Followed(opened, speed, model_of(cost_us), cost_us, ttl_s)


class Strategy:
    """Output queue of betfairlightweight that reads the model for each runner that an update changed.

    The exchange publishes by the computer's clock, of which a second is ``speed`` seconds of the market.
    """

    def __init__(self, price: Price, speed: float) -> None:
        self.own_seconds = 0.0  # the client's seconds are not measured, only those of the reads
        self._price = price
        self._speed = speed
        self._first = 0
        self.reads: List[Read] = []
        self.answers: List[float] = []
        self.seconds: List[float] = []

    def put(self, books: List[Any]) -> None:
        """Read the model; called by betfairlightweight with books as dicts."""
        for book in books:
            self._first = self._first or book["publishTime"]
            published = round((book["publishTime"] - self._first) * self._speed)
            changed = {runner["id"] for runner in book["streaming_update"].get("rc", ())}
            for runner in book["runners"]:
                sides = runner["ex"]["availableToBack"], runner["ex"]["availableToLay"]
                if runner["selectionId"] in changed and all(sides):
                    key = tuple(round(side[0]["price"] * HUNDREDTHS) for side in sides)
                    self._read(published, runner["selectionId"], key)

    def _read(self, published: int, runner: int, key: Key) -> None:
        before = time.perf_counter()
        answer = self._price(key, published)
        self.seconds.append(time.perf_counter() - before)
        self.reads.append(Read(published, runner, key))
        self.answers.append(answer)


def oldest_seconds(strategy: Strategy) -> float:
    """The greatest age of an answer by the market's clock, in seconds."""
    made: Dict[int, int] = {}
    ages = [
        read.published - made.setdefault(id(answer), read.published)
        for read, answer in zip(strategy.reads, strategy.answers)  # noqa: B905 - Python 3.8 has no strict
    ]
    return max(ages, default=0) / 1000


def followed(stream: Followed, price: Price, kept: Tuple[Dict[Key, Any], ...] = ()) -> Work:
    """Follow the exchange to the end of its window with this way to get answers.

    Raises RuntimeError where the exchange merged updates because this client was late: the reads would be others.
    """
    strategy = Strategy(price, stream.speed)
    follow(stream.exchange.port, True, strategy, {"fields": EVERYTHING})  # type: ignore[arg-type]
    sent, updates = len(stream.exchange.close()), stream.exchange.updates
    if sent < updates:
        text = "{:,} of {:,} updates were merged, because this machine is busy: close other programs or lower the speed"
        raise RuntimeError(text.format(updates - sent, updates))
    if not strategy.reads:
        raise NotAvailable(
            "no update has prices to back and to lay in this window: choose another file or --set traffic"
        )
    micros = [seconds * 1e6 for seconds in strategy.seconds]
    reads = Stream(
        strategy.reads,
        stream.model,
        (stream.cost_us,),
        microseconds(stream.model, strategy.reads, stream.cost_us),
        stream.ttl_s,
    )
    return Answered(
        reads,
        strategy.answers,
        kept,
        len(kept[0]) if kept else 0,
        seconds=sum(strategy.seconds),
        read_p50_us=percentile(micros, 50),
        read_p99_us=percentile(micros, 99),
        oldest_s=oldest_seconds(strategy),
    )


@mode(baseline=True)
def none(market_stream: Followed) -> Work:
    """The model computes every answer."""
    model = market_stream.model
    return followed(market_stream, lambda key, published: model(key))


@mode
def plain_dict(market_stream: Followed) -> Work:
    """A dict by key: answers never expire."""
    model = market_stream.model
    cache: Dict[Key, float] = {}

    def price(key: Key, published: int) -> float:
        answer = cache.get(key)
        if answer is None:
            answer = cache[key] = model(key)
        return answer

    return followed(market_stream, price, (cache,))


class AdvisedTtl:
    """Answers and their expiry in two dicts with the same keys, by ``time.time()``; nothing is ever deleted."""

    def __init__(self, model: Model, ttl_s: float) -> None:
        self._model = model
        self._ttl_s = ttl_s
        self.values: Dict[Key, float] = {}
        self.expiry: Dict[Key, float] = {}

    def price(self, key: Key) -> float:
        """The answer, computed again once it has expired."""
        now = time.time()
        if key in self.values and now < self.expiry[key]:
            return self.values[key]
        answer = self._model(key)
        self.values[key] = answer
        self.expiry[key] = now + self._ttl_s
        return answer


@mode
def advised_ttl(market_stream: Followed) -> Work:
    """As advised: two dicts, of answers and of their expiry by the computer's clock (30 s); nothing is ever deleted."""
    cache = AdvisedTtl(market_stream.model, market_stream.ttl_s)
    return followed(market_stream, lambda key, published: cache.price(key), (cache.values, cache.expiry))


@mode
def ttl_market_clock(market_stream: Followed) -> Work:
    """The same two dicts by the market's clock, the publish time of the update."""
    model, ttl_ms = market_stream.model, market_stream.ttl_s * 1000
    values: Dict[Key, float] = {}
    expiry: Dict[Key, float] = {}

    def price(key: Key, published: int) -> float:
        if key in values and published < expiry[key]:
            return values[key]
        answer = values[key] = model(key)
        expiry[key] = published + ttl_ms
        return answer

    return followed(market_stream, price, (values, expiry))
