"""The last times and prices of a runner, and the average of the last prices, in five ways.

``add`` takes an update, ``average`` is the mean of the last ``periods`` prices, or of all as long as there are fewer.
"""

from __future__ import annotations

from array import array
from collections import deque
from contextlib import suppress
from datetime import datetime
from typing import Any, Deque, List

with suppress(ImportError):  # an environment has it only for the modes that need it
    import numpy

HUNDREDTHS = 100


class GrowingLists:
    """All times and prices there ever were."""

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
    """A preallocated array that is written over from its beginning when it is full; so is the list of times beside it."""

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
    """The same with an array of NumPy."""

    @staticmethod
    def zeros(capacity: int) -> Any:
        return numpy.zeros(capacity)

    @staticmethod
    def total(prices: Any) -> float:
        return float(prices.sum())


class RunningSum:
    """The last prices in whole hundredths, and their sum, which a price enters and leaves."""

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
    """The periods. Raises ValueError if there are none: a slice from -0 on is all that there is."""
    if periods < 1:
        raise ValueError("periods={}: an average is of at least one price".format(periods))
    return periods


def held(periods: int, capacity: int) -> int:
    """The periods. Raises ValueError if a ring does not hold as many: it would average what it has and not say so."""
    if counted(periods) > capacity:
        raise ValueError("a ring of {} prices has no last {}: raise its capacity".format(capacity, periods))
    return periods
