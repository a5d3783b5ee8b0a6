"""Does it pay to cache a model's answers while a market is replayed, and which cache?

A cache pays off if the model's cost × the hit ratio exceeds the cost of a cache read: ``--sweep cost_us=0,1,10,100,1000`` with
``--set key=exact`` (sizes, price, best, drift) and ``--set runners=traded`` (changed, all), which determine how often a key
recurs. The number of reads is the same for every cost, and so is the hit ratio; fewer reads (``--set reads=4000``) have a lower
one. The model gets the key only, so all modes give the same answers. ``stale_share`` is the share of reads whose answer was at
least ``ttl_s`` old by the market's clock, whether or not the mode limits the age. How old answers become while a strategy follows
the exchange is measured by ``caching_live``. A hash of the market data is no key where two states share one (-1 and -2 do):
``--set key=drift`` shows wrong answers of the advised method.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from _reads import NOTHING, Answered, Key, Model, Stream, answer_sequentially, reads_of, stream_of

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.pins import CACHETOOLS, JOBLIB

UNIT = "reads"
QUICK = {"reads": 5_000}
QUICK_LINES = 4_000
METRICS = {
    "hit_ratio": Metric("share", better="higher"),
    "stale_share": Metric("share"),
    "entries": Metric("entries"),
    "kept_bytes": Metric("bytes"),
    "kept_alive": Metric("instances"),
}
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim(
        "none",
        "advised_lru_method",
        1.0,
        NOTES,
        text="lru_cache(maxsize=128) on the model's method",
        better="plain_dict",
    ),
    Claim(
        "unbounded_lru_method",
        "advised_lru_method",
        1.0,
        OURS,
        "kept_alive",
        "maxsize=128 frees models that were dropped",
        "dict_on_instance",
    ),
    Claim("none", "advised_ttl", 1.0, NOTES, text="keep answers for 30 s", better="ttl_market_clock"),
    Claim("plain_dict", "advised_ttl", 1.0, OURS, "stale_share", "answers expire in a replay too", "ttl_market_clock"),
]


@setup
def stream(
    market: str,
    *,
    key: str = "best",
    runners: str = "changed",
    reads: int = 40_000,
    cost_us: float = 10.0,
    ttl_s: float = 30.0,
) -> Stream:
    """The last reads of the market (0: all)."""
    return stream_of(reads_of(market, key, runners)[-reads:], cost_us, ttl_s)


@mode(baseline=True)
def none(stream: Stream) -> Work:
    """The model computes every answer."""
    model = stream.model
    return Answered(stream, [model(key) for _, _, key in stream.reads])


def price_by_cached_method(stream: Stream, maxsize: Optional[int], instances: int, state_kib: int) -> Work:
    """Several models with state, one after the other, whose method is cached by model, hash of the market data and parameters."""
    model, parameters = stream.model, stream.parameters

    class Pricing:
        def __init__(self) -> None:
            self.state = bytearray(state_kib << 10)
            self.market_data: Key = ()

        def price(self, key: Key) -> float:
            self.market_data = key
            return self.calculate(hash(key), parameters)

        @functools.lru_cache(maxsize=maxsize)  # noqa: B019 - what it keeps alive is what the mode measures
        def calculate(self, data_hash: int, parameters: Tuple[float, ...]) -> float:
            return model(self.market_data)

    answers, made = answer_sequentially(stream, Pricing, instances, state_kib)
    return Answered(stream, answers, Pricing.calculate, Pricing.calculate.cache_info().currsize, instances=made)


@mode
def advised_lru_method(stream: Stream, *, instances: int = 50, state_kib: int = 256) -> Work:
    """As advised: lru_cache(maxsize=128) on a method, by a hash of the market data and the parameters; one model after another."""
    return price_by_cached_method(stream, 128, instances, state_kib)


@mode
def unbounded_lru_method(stream: Stream, *, instances: int = 50, state_kib: int = 256) -> Work:
    """The same with maxsize=None: no answer and no model is ever dropped."""
    return price_by_cached_method(stream, None, instances, state_kib)


@mode
def lru_cache(stream: Stream, *, maxsize: int = 1024) -> Work:
    """functools.lru_cache on the model (maxsize=0: unbounded)."""
    cached = functools.lru_cache(maxsize or None)(stream.model)
    answers = [cached(key) for _, _, key in stream.reads]
    return Answered(stream, answers, cached, cached.cache_info().currsize)


@mode
def plain_dict(stream: Stream) -> Work:
    """A dict by key, read in the loop; clear it when the market closes."""
    model = stream.model
    cache: Dict[Key, float] = {}
    answers = []
    for _, _, key in stream.reads:
        answer = cache.get(key)
        if answer is None:
            answer = cache[key] = model(key)
        answers.append(answer)
    return Answered(stream, answers, cache, len(cache))


@mode
def last_answer(stream: Stream) -> Work:
    """Only the last key and answer of every runner."""
    model = stream.model
    cache: Dict[int, Tuple[Key, float]] = {}
    answers = []
    for _, runner, key in stream.reads:
        last, answer = cache.get(runner, NOTHING)
        if last != key:
            answer = model(key)
            cache[runner] = key, answer
        answers.append(answer)
    return Answered(stream, answers, cache, len(cache))


@mode
def dict_on_instance(stream: Stream, *, instances: int = 50, state_kib: int = 256) -> Work:
    """The same models, each with its own dict, which is freed with it."""
    model = stream.model

    class Pricing:
        def __init__(self) -> None:
            self.state = bytearray(state_kib << 10)
            self.cache: Dict[Key, float] = {}

        def price(self, key: Key) -> float:
            answer = self.cache.get(key)
            if answer is None:
                answer = self.cache[key] = model(key)
            return answer

    answers, made = answer_sequentially(stream, Pricing, instances, state_kib)
    return Answered(stream, answers, instances=made)


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
def advised_ttl(stream: Stream) -> Work:
    """As advised: two dicts, of answers and of their expiry by the computer's clock (30 s); nothing is ever deleted."""
    cache = AdvisedTtl(stream.model, stream.ttl_s)
    price = cache.price
    answers = [price(key) for _, _, key in stream.reads]
    return Answered(stream, answers, (cache.values, cache.expiry), len(cache.values))


def with_ttl(model: Model, ttl_ms: float) -> Tuple[Callable[[Key, float], float], Dict[Key, Any]]:
    """``cached(key, now)`` and its entries; the caller passes the time in ms of any clock.

    Entries are in order of insertion, so expired ones come first, and every insertion drops them.
    """
    cache: OrderedDict[Key, Tuple[float, float]] = OrderedDict()

    def cached(key: Key, now: float) -> float:
        entry = cache.get(key)
        if entry is not None and now < entry[1]:
            return entry[0]
        answer = model(key)
        cache[key] = answer, now + ttl_ms
        cache.move_to_end(key)
        while cache and next(iter(cache.values()))[1] <= now:
            cache.popitem(last=False)
        return answer

    return cached, cache


@mode
def ttl_market_clock(stream: Stream) -> Work:
    """Answers expire by the market's clock, the publish time of the update, and are then deleted."""
    cached, cache = with_ttl(stream.model, stream.ttl_s * 1000)
    answers = [cached(key, now) for now, _, key in stream.reads]
    return Answered(stream, answers, cache, len(cache))


@setup
def cachetools() -> Any:
    """cachetools, imported."""
    return importlib.import_module("cachetools")


@mode(needs=[CACHETOOLS])
def cachetools_ttl(stream: Stream, cachetools: Any, *, maxsize: int = 1024) -> Work:
    """cachetools' TTLCache with the market's clock as its timer."""
    now = 0
    cache = cachetools.TTLCache(maxsize or float("inf"), stream.ttl_s * 1000, lambda: now)
    cached = cachetools.cached(cache)(stream.model)
    answers = []
    for now, _, key in stream.reads:  # noqa: B007 - the timer reads it
        answers.append(cached(key))
    return Answered(stream, answers, cache, len(cache))


@setup
def joblib() -> Any:
    """joblib, imported."""
    return importlib.import_module("joblib")


@mode(needs=[JOBLIB], group="disk")
def joblib_memory(stream: Stream, joblib: Any, folder: Path) -> Work:
    """joblib.Memory: every answer is a file that later runs reuse (--set reads=5000)."""
    cached = joblib.Memory(str(folder), verbose=0).cache(stream.model)
    answers = [cached(key) for _, _, key in stream.reads]
    files = list(folder.rglob("output.pkl"))
    size = sum(file.stat().st_size for file in files)
    # A hit is read from its file, a new float each time, so the key distinguishes the computations.
    computed = [key for _, _, key in stream.reads]
    return Answered(stream, answers, entries=len(files), computed=computed, kept_bytes=size)


@setup
def folder() -> Iterator[Path]:
    """An empty temporary folder."""
    with folder_until_the_end() as path:
        yield Path(path)
