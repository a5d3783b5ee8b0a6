"""What do ring buffers save over lists that grow, in memory and in time, when a moving average is asked for?

Every update brings a time and a price, made anew as a stream makes them; the prices are those of the runner that traded most often,
from the beginning as often as it takes. Every ``every`` updates the average of the last ``periods`` prices is asked for.

``bytes_per_update`` is what the resident memory of the process grew by, over the updates. Memory comes in pages: one page is the
least that can be told, so a structure that does not grow has a number that falls with the updates.
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
from _room import demand

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
    """Prices in hundredths that come again and again, and a place for every answer, which no mode has to allocate."""

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
    """The last traded prices of one runner; what reading them left free in the heap is filled."""
    demand(updates * 8, "{:,} answers".format(updates))
    found = last_prices(market)
    (runner, _), *_ = Counter(runner for runner, _ in found).most_common(1)
    made = Stream([price for of, price in found if of == runner], array("d", [0.0]) * updates)
    with filled_heap():
        yield made


@setup
def room(*, updates: int = 1_000_000) -> None:
    """Room for the lists."""
    demand(updates * (LISTED + 8), "{:,} updates in lists".format(updates))


def fed(stream: Stream, made: Callable[[], Any], every: int) -> Work:
    """Give every update to the window that is made, and ask it now and then for the average of its last prices."""
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
        asked = number - number % every
        yield round(average * min(asked + 1, periods) * HUNDREDTHS)


@mode(baseline=True)
def growing_lists(room: None, stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """Lists that grow, and the sum of their ends."""
    return fed(stream, lambda: GrowingLists(periods), every)


@mode(needs=["numpy"])
def deque_maxlen(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """deque(maxlen=…), and np.mean(list(prices)[-n:]), as it is advised."""
    return fed(stream, lambda: DequeMaxlen(periods, capacity), every)


@mode(needs=["numpy"])
def numpy_ring(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """A ring in a preallocated NumPy array, whose slices NumPy sums."""
    return fed(stream, lambda: NumpyRing(periods, capacity), every)


@mode
def array_ring(stream: Stream, *, periods: int = 50, every: int = 5, capacity: int = 1_000) -> Work:
    """A ring in array('d'), whose slices Python sums."""
    return fed(stream, lambda: ArrayRing(periods, capacity), every)


@mode
def deque_running_sum(stream: Stream, *, periods: int = 50, every: int = 5) -> Work:
    """deque(maxlen=periods) and a running integer sum: as fast for any number of periods."""
    return fed(stream, lambda: RunningSum(periods), every)
