"""A model of configurable cost, a cache with a time to live, and the numbers of a cache: hits, age, memory."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from collections import OrderedDict
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Callable, Dict, Hashable, List, NamedTuple, Sequence, Tuple

from _reads import Key, Read
from _room import require_memory

from perfbench import Work

Model = Callable[[Key], float]

LOOPS_PER_US = 13
"""Loops of the model that take about a microsecond; fixed, so that the work is the same in every pass and on every machine."""

MASK = (1 << 31) - 1
NOTHING = ((), 0.0)
"""The last key and answer of a runner without any yet."""


def model_of(cost_us: float) -> Model:
    """A model that computes for about ``cost_us`` microseconds and whose answer depends on every number of its key."""
    loops = round(cost_us * LOOPS_PER_US)

    def model(key: Key) -> float:
        value = len(key)
        for number in key:
            value = (value * 1_000_003 + number) & MASK
        for _ in range(loops):
            value = (value * 1_103_515_245 + 12_345) & MASK
        return value / MASK

    return model


class Stream(NamedTuple):
    """The reads in the order of the market, the model, and the age in ms from which an answer is stale."""

    reads: List[Read]
    model: Model
    model_us: float
    ttl_ms: float


def stream_of(reads: List[Read], cost_us: float, at_most_s: float, ttl_s: float) -> Stream:
    """The last of these reads: as many as a model of this cost answers within ``at_most_s``, at least one."""
    affordable = max(1, int(at_most_s * 1e6 / max(cost_us, 0.1)))
    last = reads[-affordable:]
    model = model_of(cost_us)
    return Stream(last, model, microseconds(model, last, cost_us), ttl_s * 1000)


def microseconds(model: Model, reads: Sequence[Read], cost_us: float) -> float:
    """The measured CPU time of a model call in microseconds, from about 20 ms of calls."""
    some = reads[: 1 + int(20_000 / max(cost_us, 1))]
    before = time.process_time_ns()
    for read in some:
        model(read.key)
    return (time.process_time_ns() - before) / 1e3 / len(some)


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


class Answered(Work):
    """The answers to all reads. Its numbers take longer than the reads, so they are computed lazily, after the timed pass.

    :param kept: the content of the cache, for its size in bytes; ``entries`` is the number of answers in it.
    :param computed: for every read a name of the computation that answered it. Default: the identity of the answer, because every
        computation makes a new float.
    :param instances: weak references to the dropped instances.
    """

    def __init__(
        self,
        stream: Stream,
        answers: List[float],
        kept: Any = None,
        entries: int = 0,
        computed: Sequence[Hashable] = (),
        instances: Sequence[Callable[[], Any]] = (),
        **more: float,
    ) -> None:
        super().__init__(len(answers), output=answers, model_us=stream.model_us, entries=entries, **more)
        self._stream = stream
        self._answers = answers
        self._kept = kept
        self._computed = computed
        self._instances = instances

    @property
    def numbers(self) -> Dict[str, float]:  # type: ignore[override]
        """The numbers of the mode, and those derived from the answers."""
        computed = self._computed or [id(answer) for answer in self._answers]
        made: Dict[Hashable, int] = {}
        stale = 0
        for (now, _, _), name in zip(self._stream.reads, computed):  # noqa: B905 - Python 3.8 has no strict
            stale += now - made.setdefault(name, now) >= self._stream.ttl_ms
        reads = len(computed)
        return {
            "hit_ratio": 1 - len(made) / reads,
            "stale_share": stale / reads,
            "kept_alive": sum(instance() is not None for instance in self._instances),
            "kept_bytes": held_bytes(self._kept),
            **self._given,
        }

    @numbers.setter
    def numbers(self, given: Dict[str, float]) -> None:
        self._given = given


SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, type(None))
"""Objects that exist without the cache."""


def held_bytes(root: Any) -> int:
    """The bytes of an object and of everything that it refers to: containers, keys, answers, instances."""
    seen: Dict[int, Any] = {}
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, SHARED):
            seen[id(thing)] = thing
            waiting.extend(gc.get_referents(thing))
    return sum(map(sys.getsizeof, seen.values()))


def answer_sequentially(
    stream: Stream, make: Callable[[], Any], instances: int, state_kib: int
) -> Tuple[List[float], List[Callable[[], Any]]]:
    """The answers of ``instances`` models, each dropped after its share of the reads, and weak references to them.

    Raises NotAvailable if the machine has not enough memory for all of them.
    """
    require_memory(instances * state_kib << 10, "{} instances with {:,} KiB of state".format(instances, state_kib))
    part = -(-len(stream.reads) // instances)
    answers: List[float] = []
    made: List[Callable[[], Any]] = []
    for start in range(0, len(stream.reads), part):
        model = make()
        made.append(weakref.ref(model))
        price = model.price
        answers.extend([price(key) for _, _, key in stream.reads[start : start + part]])
        del model, price
    return answers, made
