"""Five buffers of the last times and prices of a runner, with the average of the last prices.

``add`` takes an update, ``average`` is the mean of the last ``periods`` prices, or of all while there are fewer.
"""

from __future__ import annotations

from array import array
from collections import deque
from contextlib import suppress
from datetime import datetime
from typing import Any, Deque, List

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
