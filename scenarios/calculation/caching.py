"""Does it pay to cache a model's answers while a market is replayed, and which cache?

A cache pays off if the model's cost × the hit ratio exceeds the cost of a cache read: ``--sweep cost_us=0,1,10,100,1000,10000``
with ``--set key=exact`` (sizes, price, best, drift) and ``--set runners=traded`` (changed, all), which determine how often a
key recurs. The model gets the key only, so all modes give the same answers. ``stale_share`` is the share of reads whose answer
was at least ``ttl_s`` old by the market's clock, whether or not the mode limits the age.
"""

from __future__ import annotations

import functools
import importlib
import tempfile
from collections import OrderedDict
from pathlib import Path
from time import monotonic
from typing import Any, Callable, Dict, Iterator, Tuple

from _reads import NOTHING, Answered, Key, Model, Stream, answer_sequentially, reads_of, stream_of

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.pins import CACHETOOLS, JOBLIB

UNIT = "reads"
QUICK = {"reads": 5_000}
METRICS = {
    "hit_ratio": Metric("share", better="higher"),
    "stale_share": Metric("share"),
    "entries": Metric("entries"),
    "kept_bytes": Metric("bytes"),
    "kept_alive": Metric("instances"),
}
NOTES = "performance notes of the community"
ON_METHOD = "lru_cache on the model's method"
CLAIMS = [
    Claim("none", "lru_cache", 1.0, NOTES, text="cache your models with lru_cache", better="plain_dict"),
    Claim("none", "lru_cache_method", 1.0, NOTES, text=ON_METHOD, better="dict_on_instance"),
    Claim("none", "lru_cache_method", 1.0, NOTES, "kept_alive", ON_METHOD, "dict_on_instance"),
    Claim("lru_cache", "ttl_wall_clock", 1.0, NOTES, "stale_share", "let answers expire", better="ttl_market_clock"),
]


@setup
def stream(
    market: str,
    *,
    key: str = "best",
    runners: str = "changed",
    reads: int = 60_000,
    cost_us: float = 10.0,
    at_most_s: float = 4.0,
    ttl_s: float = 1.0,
) -> Stream:
    """The last reads of the market (0: all), fewer if the model alone would take longer than ``at_most_s``."""
    return stream_of(reads_of(market, key, runners)[-reads:], cost_us, at_most_s, ttl_s)


@mode(baseline=True)
def none(stream: Stream) -> Work:
    """The model computes every answer."""
    model = stream.model
    return Answered(stream, [model(key) for _, _, key in stream.reads])


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
def lru_cache_method(stream: Stream, *, instances: int = 50, state_kib: int = 256) -> Work:
    """functools.lru_cache on a method, for several models with state, one after the other."""
    model = stream.model

    class Pricing:
        def __init__(self) -> None:
            self.state = bytearray(state_kib << 10)

        @functools.lru_cache(maxsize=None)  # noqa: B019 - its cost is what the mode measures
        def price(self, key: Key) -> float:
            return model(key)

    answers, made = answer_sequentially(stream, Pricing, instances, state_kib)
    return Answered(stream, answers, Pricing.price, Pricing.price.cache_info().currsize, instances=made)


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
def ttl_wall_clock(stream: Stream) -> Work:
    """Answers expire by the computer's clock."""
    cached, cache = with_ttl(stream.model, stream.ttl_ms)
    answers = [cached(key, monotonic() * 1000) for _, _, key in stream.reads]
    return Answered(stream, answers, cache, len(cache))


@mode
def ttl_market_clock(stream: Stream) -> Work:
    """Answers expire by the market's clock: the publish time of the update."""
    cached, cache = with_ttl(stream.model, stream.ttl_ms)
    answers = [cached(key, now) for now, _, key in stream.reads]
    return Answered(stream, answers, cache, len(cache))


@mode(needs=[CACHETOOLS])
def cachetools_ttl(stream: Stream, *, maxsize: int = 1024) -> Work:
    """cachetools' TTLCache with the market's clock as its timer."""
    cachetools = importlib.import_module("cachetools")
    now = 0
    cache = cachetools.TTLCache(maxsize or float("inf"), stream.ttl_ms, lambda: now)
    cached = cachetools.cached(cache)(stream.model)
    answers = []
    for now, _, key in stream.reads:  # noqa: B007 - the timer reads it
        answers.append(cached(key))
    return Answered(stream, answers, cache, len(cache))


@mode(needs=[JOBLIB], group="disk")
def joblib_memory(stream: Stream, folder: Path) -> Work:
    """joblib.Memory: every answer is a file that later runs reuse (--set reads=5000)."""
    cached = importlib.import_module("joblib").Memory(str(folder), verbose=0).cache(stream.model)
    answers = [cached(key) for _, _, key in stream.reads]
    files = list(folder.rglob("output.pkl"))
    size = sum(file.stat().st_size for file in files)
    # A hit is read from its file, a new float each time, so the key distinguishes the computations.
    computed = [key for _, _, key in stream.reads]
    return Answered(stream, answers, entries=len(files), computed=computed, kept_bytes=size)


@mode(group="traps")
def ttl_never_evicts(stream: Stream) -> Work:
    """Two dicts, of answers and of their times by the market's clock, from which nothing is ever deleted."""
    model, ttl_ms = stream.model, stream.ttl_ms
    cache: Dict[Key, float] = {}
    times: Dict[Key, int] = {}

    def cached(key: Key, now: int) -> float:
        if key not in cache or now - times[key] >= ttl_ms:
            cache[key] = model(key)
            times[key] = now
        return cache[key]

    answers = [cached(key, now) for now, _, key in stream.reads]
    return Answered(stream, answers, (cache, times), len(cache))


@mode(group="traps")
def keyed_by_hash(stream: Stream) -> Work:
    """A dict by hash(key): wrong where two keys have one hash, such as -1 and -2 (--set key=drift)."""
    model = stream.model
    cache: Dict[int, float] = {}
    answers = []
    for _, _, key in stream.reads:
        name = hash(key)
        answer = cache.get(name)
        if answer is None:
            answer = cache[name] = model(key)
        answers.append(answer)
    return Answered(stream, answers, cache, len(cache))


@setup
def folder() -> Iterator[Path]:
    """An empty temporary folder."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as path:
        yield Path(path)
