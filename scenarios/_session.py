"""A day of the exchange's stream: the updates and their times, the library's listener, and the resident memory."""

from __future__ import annotations

import heapq
import queue
from array import array
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

from _bflw import NO_LATENCY_CHECK
from _templates import HOUR, Template
from betfairlightweight.streaming.listener import StreamListener

from perfbench import observed
from perfbench.worker.timed_pass import resident_bytes

MINUTE = 60_000
MIDNIGHT = 1_780_272_000_000
"""Start of a session: 2026-06-01 00:00 UTC. Times are milliseconds, those of the stream since 1970."""

SAMPLES_PER_HOUR = 6

BYTES_PER_CHARACTER = 8
"""Memory of a market book per character of the market's image as JSON: 3 to 6 measured on five files, rounded up."""

STREAM = 2
"""The id of the subscription. 0 is that of a historical stream, from which the library drops nothing."""


class Update(NamedTuple):
    """A market change as sent by the exchange: milliseconds since 1970, and the change as JSON."""

    published: int
    change: str


class Day(NamedTuple):
    """``hours`` hours with ``markets`` new markets per hour, evenly spread, cycling through the templates."""

    templates: List[Template]
    markets: int
    hours: int

    @property
    def end(self) -> int:
        """The end in milliseconds since 1970."""
        return MIDNIGHT + self.hours * HOUR

    @property
    def amount(self) -> int:
        """The number of updates."""
        return sum(len(self._template(number).changes) for number in range(self.markets * self.hours))

    @property
    def bytes_of_books(self) -> int:
        """An upper estimate of the memory of all market books, if they are kept."""
        images = sum(len(template.changes) * len(template.changes[0][1]) for template in self.templates)
        return BYTES_PER_CHARACTER * images * self.markets * self.hours // len(self.templates)

    def updates(self, closing: bool) -> Iterator[Update]:
        """All updates in order of time. Unless ``closing``, no market closes."""
        due: List[Tuple[int, int, int]] = []
        for number in range(self.markets * self.hours):
            starts = MIDNIGHT + number * HOUR // self.markets
            yield from self._until(starts, due, closing)
            heapq.heappush(due, (starts, number, 0))
        yield from self._until(None, due, closing)

    def _until(self, end: Optional[int], due: List[Tuple[int, int, int]], closing: bool) -> Iterator[Update]:
        while due and (end is None or due[0][0] < end):
            published, number, place = heapq.heappop(due)
            template = self._template(number)
            last = place == len(template.changes) - 1
            text = template.unsettled if last and not closing else template.changes[place][1]
            yield Update(published, '{{"id":"1.{:09d}",{}'.format(200_000_000 + number, text))
            if not last:
                later = template.changes[place + 1][0] - template.changes[place][0]
                heapq.heappush(due, (published + later, number, place + 1))

    def _template(self, number: int) -> Template:
        return self.templates[number % len(self.templates)]


class Record:
    """A few numbers of every market book: market, time, volume matched and the sum of last prices.

    Its memory is allocated and written before a session, so that it adds nothing to the curve.
    """

    FIELDS = 4

    def __init__(self, amount: int) -> None:
        self._numbers = array("d", [0.0]) * (self.FIELDS * amount)

    def note(self, number: int, book: Any) -> None:
        """Record the book of the update with this number."""
        if isinstance(book, dict):
            values = book["marketId"], book["publishTime"], book["totalMatched"]
            prices = [runner["lastPriceTraded"] for runner in book["runners"]]
        else:
            values = book.market_id, book.publish_time_epoch, book.total_matched
            prices = [runner.last_price_traded for runner in book.runners]
        place = self.FIELDS * number
        for offset, value in enumerate((*values, sum(price or 0.0 for price in prices))):
            self._numbers[place + offset] = float(value or 0.0)

    def published(self, number: int) -> float:
        """The publish time of the update with this number, in milliseconds since 1970."""
        return self._numbers[self.FIELDS * number + 1]

    def items(self) -> Iterator[List[float]]:
        """The numbers of each update."""
        return (
            self._numbers[first : first + self.FIELDS].tolist() for first in range(0, len(self._numbers), self.FIELDS)
        )


class Connection:
    """The library's stream listener and its queue of books, fed without a socket."""

    def __init__(self, lightweight: bool) -> None:
        self._books: queue.Queue[Any] = queue.Queue()
        self._listener = StreamListener(output_queue=self._books, max_latency=NO_LATENCY_CHECK, lightweight=lightweight)
        self._listener.register_stream(STREAM, "marketSubscription")
        self._sent = 0

    def update(self, update: Update) -> Any:
        """Send an update, the first one as the image of the subscription. Returns the market book from the queue."""
        self._send('"pt":{},"mc":[{}]'.format(*update), "" if self._sent else '"ct":"SUB_IMAGE","initialClk":"AAA",')
        (book,) = self._books.get_nowait()
        return book

    def heartbeat(self, published: int) -> None:
        """Send a heartbeat."""
        self._send('"pt":{}'.format(published), '"ct":"HEARTBEAT",')

    def _send(self, content: str, kind: str) -> None:
        self._sent += 1
        self._listener.on_data('{{"op":"mcm","id":{},{}"clk":"{}",{}}}'.format(STREAM, kind, self._sent, content))

    @property
    def cached(self) -> int:
        """The number of markets in the library's cache."""
        return len(self._listener.stream)


class Listened(NamedTuple):
    """Results of a session: resident bytes every ten minutes from start to end, and the markets still in memory."""

    rss: List[int]
    markets: int


def listen(day: Day, record: Record, take: Callable[[Any], None], *, lightweight: bool, closing: bool) -> Listened:
    """Replay a day: pass each book to ``take`` and record it.

    There is a heartbeat every minute.
    """
    connection, rss = Connection(lightweight), [resident()]
    clock = MIDNIGHT

    def pass_time(until: int) -> None:
        nonlocal clock
        while clock + MINUTE <= until:
            clock += MINUTE
            connection.heartbeat(clock)
            if (clock - MIDNIGHT) % (HOUR // SAMPLES_PER_HOUR) == 0:
                rss.append(resident())

    for number, update in enumerate(observed(day.updates(closing))):
        pass_time(min(update.published, day.end))
        book = connection.update(update)
        take(book)
        record.note(number, book)
    pass_time(day.end)
    return Listened(rss, connection.cached)


def resident() -> int:
    """Resident bytes of this process; 0 where the system does not report them."""
    return resident_bytes("VmRSS") or 0
