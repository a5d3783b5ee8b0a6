"""Windows over the last trades of one runner that compute the volume-weighted average price (VWAP) after every trade.

VWAP = Σ price × size / Σ size over the last ``periods`` trades, or over all trades while there are fewer; None for a window
without volume. Prices and sizes come in whole hundredths: their sums are exact, in float64 up to 2**53, so every way to sum
them gives the same answer to the last bit. The classes at the end are traps: they look right, and are not.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Deque, List, Optional, Tuple

with suppress(ImportError):  # an environment has it only for the modes that need it
    import numpy

HUNDREDTHS = 100


def average_price(value: float, volume: float) -> Optional[float]:
    """The price, of a value in hundredths × hundredths and a volume in hundredths; None without volume."""
    return float(value / (volume * HUNDREDTHS)) if volume else None


def counted(periods: int) -> int:
    """The periods. Raises ValueError if there are none: a slice from -0 has all elements."""
    if periods < 1:
        raise ValueError("periods={}: a VWAP is of at least one trade".format(periods))
    return periods


class Lists:
    """Growing lists, and a loop over their ends for every answer."""

    def __init__(self, periods: int) -> None:
        self._periods = counted(periods)
        self._prices: List[float] = []
        self._sizes: List[float] = []

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade."""
        self._prices.append(price)
        self._sizes.append(size)
        value = volume = 0.0
        begin = -self._periods
        for past_price, past_size in zip(self._prices[begin:], self._sizes[begin:]):  # noqa: B905 - strict= is of 3.10
            value += past_price * past_size
            volume += past_size
        return self.answer(value, volume)

    answer = staticmethod(average_price)


class NumpyRing:
    """Two ring buffers in arrays, and their dot product for every answer."""

    def __init__(self, periods: int, capacity: int) -> None:
        """Raises ValueError for more periods than the ring holds: it would silently answer for its capacity."""
        if periods > capacity:
            raise ValueError("a ring of {} trades has no last {}: raise its capacity".format(capacity, periods))
        self._periods = counted(periods)
        self._capacity = capacity
        self._prices = numpy.zeros(capacity)
        self._sizes = numpy.zeros(capacity)
        self._count = 0

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade."""
        place = self._count % self._capacity
        self._prices[place] = price
        self._sizes[place] = size
        self._count += 1
        end = place + 1
        begin = end - min(self._periods, self._count)
        value, volume = self._sums(max(begin, 0), end)
        if begin < 0:
            older_value, older_volume = self._sums(begin + self._capacity, self._capacity)
            value, volume = value + older_value, volume + older_volume
        return self.answer(value, volume)

    def _sums(self, begin: int, end: int) -> Tuple[float, float]:
        sizes = self._sizes[begin:end]
        return self._prices[begin:end] @ sizes, sizes.sum()

    answer = staticmethod(average_price)


class RunningSums:
    """Two integers to which a trade is added on arrival, and from which it is subtracted when it leaves the window."""

    def __init__(self, periods: int) -> None:
        self._periods = counted(periods)
        self._last: Deque[Tuple[float, float]] = deque(maxlen=periods)
        self._value: float = 0
        self._volume: float = 0

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade."""
        last = self._last
        if len(last) == self._periods:
            value, volume = last[0]
            self._value -= value
            self._volume -= volume
        value = price * size
        last.append((value, size))
        self._value += value
        self._volume += size
        return self._value / (self._volume * HUNDREDTHS) if self._volume else None


class FloatSums(RunningSums):
    """Trap: running sums of floats. Rounding errors accumulate."""

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade, with the rounding errors of all trades before."""
        if len(self._last) == self._periods:
            value, volume = self._last[0]
            self._value -= value
            self._volume -= volume
        value, volume = price / HUNDREDTHS * (size / HUNDREDTHS), size / HUNDREDTHS
        self._last.append((value, volume))
        self._value += value
        self._volume += volume
        return self._value / self._volume if self._volume else None


class SilentRing(NumpyRing):
    """Trap: asked for more periods than it holds, it silently answers for fewer."""

    def __init__(self, periods: int, capacity: int) -> None:
        super().__init__(min(periods, capacity), capacity)


class UnguardedLists(Lists):
    """Trap: a window without volume ends in a ZeroDivisionError."""

    @staticmethod
    def answer(value: float, volume: float) -> float:
        return value / (volume * HUNDREDTHS)


class UnguardedRing(NumpyRing):
    """Trap: a window without volume is nan, which compares false and propagates into every sum."""

    @staticmethod
    def answer(value: float, volume: float) -> float:
        with numpy.errstate(invalid="ignore"):
            return float(value / (volume * HUNDREDTHS))
