"""Caches that go wrong: modes of ``caching`` that are measured only when asked."""

from __future__ import annotations

from typing import Dict

from _caches import Answered, Stream
from _reads import Key

from perfbench import Work, mode


@mode(group="traps")
def ttl_never_evicts(stream: Stream) -> Work:
    """Two dicts, of answers and of their times by the market's clock, from which nothing is ever deleted."""
    model, ttl_ms = stream.model, stream.ttl_ms
    known: Dict[Key, float] = {}
    times: Dict[Key, int] = {}

    def cached(key: Key, now: int) -> float:
        if key not in known or now - times[key] >= ttl_ms:
            known[key] = model(key)
            times[key] = now
        return known[key]

    answers = [cached(key, now) for now, _, key in stream.reads]
    return Answered(stream, answers, (known, times), len(known))


@mode(group="traps")
def keyed_by_hash(stream: Stream) -> Work:
    """A dict by hash(key): wrong where two keys have one hash, such as -1 and -2 (--set key=drift)."""
    model = stream.model
    known: Dict[int, float] = {}
    answers = []
    for _, _, key in stream.reads:
        name = hash(key)
        answer = known.get(name)
        if answer is None:
            answer = known[name] = model(key)
        answers.append(answer)
    return Answered(stream, answers, known, len(known))
