"""Reads of a model by a strategy during a replay: one for every runner of an update that the strategy evaluates.

A key is the model's view of the runner's state. The coarser it is, the more often it recurs. Its numbers are whole hundredths
or ticks, so equal states have equal keys.
"""

from __future__ import annotations

import gc
import sys
import time
import weakref
from bisect import bisect_left
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Callable, Dict, Hashable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from perfbench import NotAvailable, Work
from perfbench.kit import ScenarioError
from perfbench.kit.memory import require_memory
from perfbench.kit.trades import HUNDREDTHS, changes

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
    """The reads in the order of the market, the model with its parameters, and the age in seconds from which an answer is stale."""

    reads: List[Read]
    model: Model
    parameters: Tuple[float, ...]
    model_us: float
    ttl_s: float


LONGEST_S = 60.0
"""The longest that a pass without a cache may take, by the nominal cost of the model."""


def stream_of(reads: List[Read], cost_us: float, ttl_s: float) -> Stream:
    """These reads and a model of this cost. Raises ScenarioError where all answers together would take over ``LONGEST_S``.

    The number of reads does not depend on the cost, so that the hit ratio is the same for every cost of a sweep.
    """
    if len(reads) * cost_us > LONGEST_S * 1e6:
        text = "{:,} reads of {:g} µs take {:,.0f} s without a cache: --set reads={:d} or fewer"
        raise ScenarioError(
            text.format(len(reads), cost_us, len(reads) * cost_us / 1e6, int(LONGEST_S * 1e6 / cost_us))
        )
    model = model_of(cost_us)
    return Stream(reads, model, (cost_us,), microseconds(model, reads, cost_us), ttl_s)


def microseconds(model: Model, reads: Sequence[Read], cost_us: float) -> float:
    """The measured CPU time of a model call in microseconds, from about 20 ms of calls."""
    some = reads[: 1 + int(20_000 / max(cost_us, 1))]
    before = time.process_time_ns()
    for read in some:
        model(read.key)
    return (time.process_time_ns() - before) / 1e3 / len(some)


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
            stale += now - made.setdefault(name, now) >= self._stream.ttl_s * 1000
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
