"""How much memory and time do ring buffers save over growing lists for moving averages?

Every update has a new time and price object, as from a stream; the prices are those of the most traded runner, repeated as
often as necessary. Every ``every`` updates the average of the last ``periods`` prices is computed.

``bytes_per_update`` is the growth of the resident memory of the process, divided by the updates. Its resolution is one page, so
the value of a structure that does not grow falls with the number of updates.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any, Callable, Deque, Iterable, Iterator, List, NamedTuple

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.memory import PAGE, filled_heap, require_memory, resident_bytes
from perfbench.kit.pins import NUMPY
from perfbench.kit.trades import last_prices

UNIT = "updates"
QUICK = {"updates": 20_000}
METRICS = {"bytes_per_update": Metric("bytes")}
NOTES = "community notes"
CLAIMS = [
    Claim(
        "growing_lists",
        "deque_maxlen",
        1.0,
        NOTES,
        metric="bytes_per_update",
        text="ring buffers instead of lists: less memory",
        better="deque_running_sum",
    ),
    Claim(
        "growing_lists",
        "deque_maxlen",
        1.0,
        NOTES,
        text="ring buffers instead of lists: faster averages",
        better="deque_running_sum",
    ),
]
HUNDREDTHS = 100
LISTED = 2 * 9 + 32 + 48
"""Bytes that two lists need for an update: two pointers in lists that grow by an eighth, a float, a datetime."""


class Stream(NamedTuple):
    """Prices in hundredths, which are repeated, and a preallocated slot for every answer."""

    prices: List[int]
    answers: "array[float]"

    def updates(self) -> Iterator[Any]:
        """A new time and a new price for every answer."""
        time, step = datetime(2020, 1, 1), timedelta(milliseconds=50)
        for price in islice(cycle(self.prices), len(self.answers)):
            time += step
            yield time, price / HUNDREDTHS


with suppress(ImportError):  # only the environments of modes that need it have it
    import numpy

HUNDREDTHS = 100


class GrowingLists:
    """All times and prices."""

    def __init__(self, periods: int) -> None:
        self.periods = counted(periods)
        self._times: List[datetime] = []
        self._prices: List[float] = []

    def add(self, time: datetime, price: float) -> None:
        self._times.append(time)
        self._prices.append(price)

    def average(self) -> float:
        last = self._prices[-self.periods :]
        return sum(last) / len(last)


class DequeMaxlen:
    """The last times and prices in deques that drop the oldest."""

    def __init__(self, periods: int, capacity: int) -> None:
        self.periods = held(periods, capacity)
        self._times: Deque[datetime] = deque(maxlen=capacity)
        self._prices: Deque[float] = deque(maxlen=capacity)

    def add(self, time: datetime, price: float) -> None:
        self._times.append(time)
        self._prices.append(price)

    def average(self) -> float:
        return float(numpy.mean(list(self._prices)[-self.periods :]))


class ArrayRing:
    """A ring buffer in a preallocated array, with a ring of times beside it."""

    def __init__(self, periods: int, capacity: int) -> None:
        self.periods = held(periods, capacity)
        self._prices = self.zeros(capacity)
        self._times: List[Any] = [None] * capacity
        self._count = 0

    @staticmethod
    def zeros(capacity: int) -> Any:
        return array("d", [0.0]) * capacity

    def add(self, time: datetime, price: float) -> None:
        place = self._count % len(self._times)
        self._times[place] = time
        self._prices[place] = price
        self._count += 1

    def average(self) -> float:
        periods = min(self.periods, self._count)
        end = (self._count - 1) % len(self._times) + 1
        total = self.total(self._prices[max(end - periods, 0) : end])
        if periods > end:
            total += self.total(self._prices[end - periods :])
        return total / periods

    total = staticmethod(sum)


class NumpyRing(ArrayRing):
    """The same with a NumPy array."""

    @staticmethod
    def zeros(capacity: int) -> Any:
        return numpy.zeros(capacity)

    @staticmethod
    def total(prices: Any) -> float:
        return float(prices.sum())


class RunningSum:
    """The last prices in whole hundredths, and their running sum."""

    def __init__(self, periods: int) -> None:
        self.periods = counted(periods)
        self._times: Deque[datetime] = deque(maxlen=periods)
        self._prices: Deque[int] = deque(maxlen=periods)
        self._sum = 0

    def add(self, time: datetime, price: float) -> None:
        hundredths = round(price * HUNDREDTHS)
        if len(self._prices) == self.periods:
            self._sum -= self._prices[0]
        self._sum += hundredths
        self._times.append(time)
        self._prices.append(hundredths)

    def average(self) -> float:
        return self._sum / len(self._prices) / HUNDREDTHS


def counted(periods: int) -> int:
    """The periods. Raises ValueError if there are none: a slice from -0 has all elements."""
    if periods < 1:
        raise ValueError("periods={}: an average is of at least one price".format(periods))
    return periods


def held(periods: int, capacity: int) -> int:
    """The periods. Raises ValueError if the ring holds fewer: it would silently average fewer."""
    if counted(periods) > capacity:
        raise ValueError("a ring of {} prices has no last {}: raise its capacity".format(capacity, periods))
    return periods


@setup
def stream(market: str, *, updates: int = 1_000_000) -> Iterator[Stream]:
    """The last traded prices of one runner; the heap that reading them freed is filled."""
    require_memory(updates * 8, "{:,} answers".format(updates))
    prices = last_prices(market)
    (runner, _), *_ = Counter(runner for runner, _ in prices).most_common(1)
    made = Stream([price for of, price in prices if of == runner], array("d", [0.0]) * updates)
    with filled_heap():
        yield made


@setup
def room(*, updates: int = 1_000_000) -> None:
    """Memory for the lists."""
    require_memory(updates * (LISTED + 8), "{:,} updates in lists".format(updates))


def fed(stream: Stream, made: Callable[[], Any], every: int) -> Work:
    """Add every update to the window, and compute the average every ``every`` updates."""
    average = 0.0
    before = resident_bytes()
    window = made()
    for number, (time, price) in enumerate(stream.updates()):
        window.add(time, price)
        if number % every == 0:
            average = window.average()
        stream.answers[number] = average
    grown = max(resident_bytes() - before, PAGE)
    return Work(
        len(stream.answers),
        output=sums(stream.answers, window.periods, every),
        bytes_per_update=grown / len(stream.answers),
    )


def sums(averages: Iterable[float], periods: int, every: int) -> Iterator[int]:
    """The sum behind every average in hundredths, a whole number: floats summed in another order differ in the last bit."""
    for number, average in enumerate(averages):
        last = number - number % every
        yield round(average * min(last + 1, periods) * HUNDREDTHS)


@mode(baseline=True)
def growing_lists(room: None, stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """Growing lists, and the sum of their ends."""
    return fed(stream, lambda: GrowingLists(periods), every)


@mode(needs=[NUMPY])
def deque_maxlen(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """deque(maxlen=…), and np.mean(list(prices)[-n:]), as advised."""
    return fed(stream, lambda: DequeMaxlen(periods, capacity), every)


@mode(needs=[NUMPY])
def numpy_ring(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """A ring in a preallocated NumPy array, summed by NumPy."""
    return fed(stream, lambda: NumpyRing(periods, capacity), every)


@mode
def array_ring(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """A ring in array('d'), summed by Python."""
    return fed(stream, lambda: ArrayRing(periods, capacity), every)


@mode
def deque_running_sum(stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """deque(maxlen=periods) and a running integer sum: constant time for any number of periods."""
    return fed(stream, lambda: RunningSum(periods), every)
