"""From which number of trades does NumPy pay off for the VWAP of the last trades, and which way is faster still?

For every trade of the market (an increase of a traded size) the volume-weighted average price (VWAP) of the last ``periods``
trades of its runner is computed, in hundredths; there is none while there are fewer. The market's trades are repeated up to
``updates``.

``--set runners=3`` uses the three most traded runners. ``--set quiet=20`` makes the size of the first 20 of every 40
trades of a runner 0: a window without volume has no VWAP, and the advised code answers nan. With more periods than its rings
hold it answers for other trades (``--set capacity=20``). The batch modes get all trades at once, as in research; the others get
them one by one, as from a stream. Lists and rings get whole numbers as floats, which they sum faster than integers. The group
``traps`` is wrong code: ``--mode list_loop --mode traps`` shows where.
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from typing import Any, Callable, Deque, List, Optional, Tuple

from _vwap_batch import Batch, as_arrays, as_frame, at_once, compiled_by_numba, cumulative, rolled_by_polars

from perfbench import Claim, Work, mode, setup
from perfbench.kit.pins import NUMBA, NUMPY, POLARS
from perfbench.kit.trades import HUNDREDTHS, repeated, trades

UNIT = "updates"
QUICK = {"updates": 20_000}
QUICK_LINES = 4_000
CLAIMS = [
    Claim(
        "list_loop",
        "advised_rings",
        1.0,
        "community notes",
        text="NumPy rings of 1,000 trades and np.sum instead of a loop over lists",
        better="running_sums",
    )
]
Trade = Tuple[int, float, float]
"""The number of a runner, a price and a size, both in hundredths."""


with suppress(ImportError):  # an environment has it only for the modes that need it
    import numpy


def average_price(value: float, volume: float) -> Optional[float]:
    """The price of a value; None without volume."""
    return float(value / volume) if volume else None


def counted(periods: int) -> int:
    """The periods. Raises ValueError if there are none: a slice from -0 has all elements."""
    if periods < 1:
        raise ValueError("periods={}: a VWAP is of at least one trade".format(periods))
    return periods


class Lists:
    """The code that is advised against: two growing lists, and a loop over the indices from their ends."""

    def __init__(self, periods: int) -> None:
        self._periods = counted(periods)
        self._prices: List[float] = []
        self._sizes: List[float] = []

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade; None while there are fewer than the periods."""
        prices, sizes = self._prices, self._sizes
        prices.append(price)
        sizes.append(size)
        if len(prices) < self._periods:
            return None
        value = volume = 0.0
        for index in range(-self._periods, 0):
            value += prices[index] * sizes[index]
            volume += sizes[index]
        return average_price(value, volume)


class AdvisedRings:
    """The advised code: two arrays of 1,000 floats and an index; the window is a slice, or both ends concatenated.

    As advised it has no answer of its own to a window without volume (nan), nor to more periods than it holds (other trades).
    """

    def __init__(self, periods: int, capacity: int = 1000) -> None:
        self._periods = counted(periods)
        self._capacity = capacity
        self._prices = numpy.zeros(capacity, dtype=numpy.float64)
        self._sizes = numpy.zeros(capacity, dtype=numpy.float64)
        self._index = 0
        self._count = 0

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade; None while there are fewer than the periods."""
        self._prices[self._index] = price
        self._sizes[self._index] = size
        self._index = (self._index + 1) % self._capacity
        self._count += 1
        if self._count < self._periods:
            return None
        end = self._index
        begin = end - self._periods
        if begin >= 0:
            p, v = self._prices[begin:end], self._sizes[begin:end]
        else:
            p = numpy.concatenate((self._prices[begin:], self._prices[:end]))
            v = numpy.concatenate((self._sizes[begin:], self._sizes[:end]))
        return numpy.sum(p * v) / numpy.sum(v)  # type: ignore[no-any-return]


class DotRings:
    """Two rings in arrays, and their dot product, without a copy of the window."""

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
        """The VWAP after this trade; None while there are fewer than the periods."""
        place = self._count % self._capacity
        self._prices[place] = price
        self._sizes[place] = size
        self._count += 1
        if self._count < self._periods:
            return None
        end = place + 1
        begin = end - self._periods
        value, volume = self._sums(max(begin, 0), end)
        if begin < 0:
            older_value, older_volume = self._sums(begin + self._capacity, self._capacity)
            value, volume = value + older_value, volume + older_volume
        return average_price(value, volume)

    def _sums(self, begin: int, end: int) -> Tuple[float, float]:
        sizes = self._sizes[begin:end]
        return self._prices[begin:end] @ sizes, sizes.sum()


class RunningSums:
    """Two integers to which a trade is added on arrival, and from which it is subtracted when it leaves the window."""

    def __init__(self, periods: int) -> None:
        self._periods = counted(periods)
        self._last: Deque[Tuple[float, float]] = deque(maxlen=periods)
        self._value: float = 0
        self._volume: float = 0

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade; None while there are fewer than the periods."""
        last = self._last
        if len(last) == self._periods:
            value, volume = last[0]
            self._value -= value
            self._volume -= volume
        value = price * size
        last.append((value, size))
        self._value += value
        self._volume += size
        return self._value / self._volume if self._volume and len(last) == self._periods else None


class FloatSums(RunningSums):
    """Trap: running sums of floats. Rounding errors accumulate."""

    def traded(self, price: float, size: float) -> Optional[float]:
        """The VWAP after this trade, with the rounding errors of all trades before."""
        answer = super().traded(price / HUNDREDTHS, size / HUNDREDTHS)
        return answer and answer * HUNDREDTHS


@setup
def stream(market: str, *, updates: int = 100_000, runners: int = 0, quiet: int = 0) -> List[Trade]:
    """The trades in whole numbers; runner 0 is the most traded one."""
    market_trades = trades(market)
    often = Counter((trade.market, trade.runner) for trade in market_trades).most_common(runners or None)
    numbers = {key: number for number, (key, _) in enumerate(often)}
    chosen = [trade for trade in market_trades if (trade.market, trade.runner) in numbers]
    seen = [0] * len(numbers)
    taken = []
    for trade in repeated(chosen, updates):
        runner = numbers[trade.market, trade.runner]
        silent = quiet and seen[runner] // quiet % 2 == 0
        seen[runner] += 1
        taken.append((runner, trade.price, 0 if silent else trade.size))
    return taken


@setup
def floats(stream: List[Trade]) -> List[Trade]:
    """The same with prices and sizes as floats: still whole numbers, so that their sums are exact."""
    return [(runner, float(price), float(size)) for runner, price, size in stream]


def one_by_one(stream: List[Trade], window: Callable[[], Any]) -> Work:
    """The VWAP after every trade, with one window for each runner."""
    windows = [window() for _ in range(1 + max(runner for runner, _, _ in stream))]
    answers = [windows[runner].traded(price, size) for runner, price, size in stream]
    return Work(len(answers), output=answers)


@mode(baseline=True)
def list_loop(floats: List[Trade], *, periods: int = 50) -> Work:
    """As advised against: a loop over range(-periods, 0) that indexes two growing lists."""
    return one_by_one(floats, lambda: Lists(periods))


@mode(needs=[NUMPY])
def advised_rings(floats: List[Trade], *, periods: int = 50, capacity: int = 1_000) -> Work:
    """As advised: two NumPy rings for each runner, np.sum(p * v) / np.sum(v) of a slice or of both ends."""
    return one_by_one(floats, lambda: AdvisedRings(periods, capacity))


@mode(needs=[NUMPY])
def dot_rings(floats: List[Trade], *, periods: int = 50, capacity: int = 1_000) -> Work:
    """NumPy rings, and a dot product of each end instead of a copy."""
    return one_by_one(floats, lambda: DotRings(periods, capacity))


@mode
def running_sums(stream: List[Trade], *, periods: int = 50) -> Work:
    """Running integer sums: constant time for any number of periods."""
    return one_by_one(stream, lambda: RunningSums(periods))


@setup
def batch(stream: List[Trade]) -> Batch:
    """The trades as arrays of whole numbers."""
    return as_arrays(stream)


@mode(needs=[NUMPY])
def batch_cumsum(batch: Batch, *, periods: int = 50) -> Work:
    """All at once: differences of NumPy's cumulative sums, runner by runner."""
    return at_once(cumulative(batch, periods))


@setup
def compiled() -> Callable[[Batch, int], Any]:
    """Running sums, compiled by numba and called once."""
    return compiled_by_numba()


@mode(needs=[NUMBA])
def batch_numba(batch: Batch, compiled: Callable[[Batch, int], Any], *, periods: int = 50) -> Work:
    """All at once: running sums in a loop that numba has compiled before."""
    return at_once(compiled(batch, periods))


@setup
def frame(batch: Batch) -> Any:
    """The trades as a data frame of polars, whose threads have started."""
    return as_frame(batch)


@mode(needs=[NUMPY, POLARS])
def batch_polars(frame: Any, *, periods: int = 50) -> Work:
    """All at once: rolling sums of polars, runner by runner."""
    return at_once(rolled_by_polars(frame, periods))


@mode(group="traps")
def float_sums(stream: List[Trade], *, periods: int = 50) -> Work:
    """Trap: running sums of floats, which drift."""
    return one_by_one(stream, lambda: FloatSums(periods))


@mode(needs=[NUMPY], group="traps")
def shared_rings(floats: List[Trade], *, periods: int = 50, capacity: int = 1_000) -> Work:
    """Trap: one pair of rings for all runners, whose average belongs to no runner."""
    rings = AdvisedRings(periods, capacity)
    return one_by_one(floats, lambda: rings)
