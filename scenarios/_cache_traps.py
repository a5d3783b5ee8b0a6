"""Caches that go wrong: modes of ``caching`` that are measured on request only."""

from __future__ import annotations

from typing import Dict

from _caches import Answered, Stream
from _reads import Key

from perfbench import Work, mode


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
