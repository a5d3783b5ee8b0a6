"""How much memory and time do ring buffers save over growing lists for moving averages?

Every update has a new time and price object, as from a stream; the prices are those of the most traded runner, repeated as
often as necessary. Every ``every`` updates the average of the last ``periods`` prices is computed.

``bytes_per_update`` is the growth of the resident memory of the process, divided by the updates. Its resolution is one page, so
the value of a structure that does not grow falls with the number of updates.
"""

from __future__ import annotations

from array import array
from collections import Counter
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple

from _buffers import ArrayRing, DequeMaxlen, GrowingLists, NumpyRing, RunningSum
from _prices import last_prices
from _resident import PAGE, filled_heap, resident_bytes
from _room import require_memory

from perfbench import Claim, Metric, Work, mode, setup

UNIT = "updates"
QUICK = {"updates": 20_000}
METRICS = {"bytes_per_update": Metric("bytes")}
NOTES = "performance notes of the community"
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


@mode(needs=["numpy"])
def deque_maxlen(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """deque(maxlen=…), and np.mean(list(prices)[-n:]), as advised."""
    return fed(stream, lambda: DequeMaxlen(periods, capacity), every)


@mode(needs=["numpy"])
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
