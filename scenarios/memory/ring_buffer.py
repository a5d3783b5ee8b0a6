"""Is the memory of a moving average bounded by two deques of 1,000 prices, and which average is fast?

Every update has a new time and price object, as from a stream; the prices are those of the most traded runner, repeated as
often as necessary. Every ``every`` updates the average of the last ``periods`` prices is computed; there is none while there
are fewer. Structure and average are separate: lists and deques, each with NumPy's mean and with Python's sum, then rings and a
running sum.

``bytes_per_update`` is the growth of the resident memory of the process in the second half of the updates, divided by their
number: in the first half deques and rings fill up. What keeps anything of every update grows by at least a pointer, 8 bytes; less
is no growth.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import cycle, islice
from math import isnan, nan
from typing import Any, Callable, Deque, Iterable, Iterator, List, NamedTuple, Optional

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.memory import filled_heap, require_memory, resident_bytes
from perfbench.kit.pins import NUMPY
from perfbench.kit.trades import last_prices

UNIT = "updates"
QUICK = {"updates": 20_000}
QUICK_LINES = 4_000
POINTER = 8
METRICS = {"bytes_per_update": Metric("bytes", floor=POINTER)}
DEQUES = "two deques of 1,000 instead of lists that grow"
NOTES = "community notes"
CLAIMS = [
    Claim("list_mean", "advised_deques", 1.0, NOTES, "bytes_per_update", DEQUES + ": less memory", bounded=True),
    Claim("list_mean", "advised_deques", 1.0, NOTES, "", DEQUES + ": efficient calculation", "deque_running_sum"),
    Claim("deque_sum", "advised_deques", 1.0, "perfbench", "", "np.mean instead of sum() in the deques"),
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


class GrowingLists:
    """What is advised against: all times and prices in lists that grow for ever."""

    def __init__(self, periods: int) -> None:
        self.periods = counted(periods)
        self._times: List[datetime] = []
        self._prices: List[float] = []

    def add(self, time: datetime, price: float) -> None:
        self._times.append(time)
        self._prices.append(price)

    def average(self) -> Optional[float]:
        if len(self._prices) < self.periods:
            return None
        return self.mean(self._prices[-self.periods :])

    @staticmethod
    def mean(last: List[float]) -> float:
        return float(numpy.mean(last))


class SummedLists(GrowingLists):
    """The same lists, averaged by Python."""

    @staticmethod
    def mean(last: List[float]) -> float:
        return sum(last) / len(last)


class AdvisedDeques:
    """The advised code: two deques of 1,000, and NumPy's mean of the end of a list of the prices.

    As advised there is no check of the periods: of more than the deques hold there is never an average.
    """

    def __init__(self, periods: int, capacity: int = 1000) -> None:
        self.periods = counted(periods)
        self._prices: Deque[float] = deque(maxlen=capacity)
        self._timestamps: Deque[datetime] = deque(maxlen=capacity)

    def add(self, time: datetime, price: float) -> None:
        self._prices.append(price)
        self._timestamps.append(time)

    def average(self) -> Optional[float]:
        if len(self._prices) < self.periods:
            return None
        return float(numpy.mean(list(self._prices)[-self.periods :]))


class SummedDeques(AdvisedDeques):
    """The same deques, averaged by Python."""

    def average(self) -> Optional[float]:
        if len(self._prices) < self.periods:
            return None
        return sum(list(self._prices)[-self.periods :]) / self.periods


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

    def average(self) -> Optional[float]:
        periods = self.periods
        if self._count < periods:
            return None
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

    def average(self) -> Optional[float]:
        if len(self._prices) < self.periods:
            return None
        return self._sum / self.periods / HUNDREDTHS


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
    average: Optional[float] = None
    window, amount = made(), len(stream.answers)
    before = resident_bytes()
    for number, (time, price) in enumerate(stream.updates()):
        if number == amount // 2:
            before = resident_bytes()
        window.add(time, price)
        if number % every == 0:
            average = window.average()
        stream.answers[number] = nan if average is None else average
    grown = max(resident_bytes() - before, 0)
    return Work(
        amount,
        output=sums(stream.answers, window.periods),
        bytes_per_update=grown / (amount - amount // 2),
    )


def sums(averages: Iterable[float], periods: int) -> Iterator[Optional[int]]:
    """The sum behind every average in hundredths, a whole number: floats summed in another order differ in the last bit."""
    for average in averages:
        yield None if isnan(average) else round(average * periods * HUNDREDTHS)


@mode(baseline=True, needs=[NUMPY])
def list_mean(room: None, stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """As advised against: lists that grow for ever; np.mean of their ends."""
    return fed(stream, lambda: GrowingLists(periods), every)


@mode(needs=[NUMPY])
def advised_deques(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """As advised: two deques of 1,000; np.mean(list(prices)[-periods:])."""
    return fed(stream, lambda: AdvisedDeques(periods, capacity), every)


@mode
def list_sum(room: None, stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """The lists, averaged by sum()."""
    return fed(stream, lambda: SummedLists(periods), every)


@mode
def deque_sum(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """The deques, averaged by sum()."""
    return fed(stream, lambda: SummedDeques(periods, capacity), every)


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
