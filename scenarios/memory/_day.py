"""A day of the exchange's stream: the updates and their times, the library's listener, and the resident memory."""

from __future__ import annotations

import heapq
import json
import queue
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from betfairlightweight.streaming.listener import StreamListener

from perfbench import NotAvailable, observed
from perfbench.kit import resident_bytes
from perfbench.kit.bflw import NO_LATENCY_CHECK
from perfbench.kit.books import Record
from perfbench.kit.trades import changes

HOUR = 3_600_000
"""Maximum duration of a market, in milliseconds."""

FEWEST = 3
"""Minimum number of updates: an image, a change, a close."""

PAUSE = 1000
"""Milliseconds between the last change and the close."""

Change = Dict[str, Any]
Changes = Callable[[], Iterable[Tuple[int, Change]]]
"""Gives the changes of a stream file with their times (ms since 1970), again at each call."""


class Template(NamedTuple):
    """A market without its id: its changes as JSON, each with the milliseconds since the first one.

    ``unsettled`` replaces the last one if the market is suspended and never closed.
    """

    changes: List[Tuple[int, str]]
    unsettled: str


def of_file(market: str, updates: int) -> List[Template]:
    """The markets of a stream file. Raises NotAvailable if it defines none."""
    result = templates(lambda: changes(market), updates)
    if not result:
        raise NotAvailable("{} has no marketDefinition: choose another file".format(Path(market).name))
    return result


def of_generator(seeds: int, updates: int) -> List[Template]:
    """Generated markets, one for each seed from 1 on. Raises NotAvailable before Python 3.10, which the generator needs."""
    if sys.version_info < (3, 10):
        raise NotAvailable("the generator of markets needs Python 3.10 or newer: use --set source=market")
    from perfbench.datasets.generator.market import stream_lines  # noqa: PLC0415 - see above
    from perfbench.datasets.generator.recipe import Recipe  # noqa: PLC0415 - see above

    result: List[Template] = []
    for seed in range(1, seeds + 1):
        recipe = Recipe(seed=seed, runners=12, updates=40 * updates, bsp=True, in_play=True, removal=True)
        messages = [json.loads(line) for line in stream_lines(recipe)]
        generated = [(message["pt"], change) for message in messages for change in message["mc"]]
        result += templates(lambda generated=generated: generated, updates)
    return result


def templates(source: Changes, updates: int) -> List[Template]:
    """The markets of these changes that have a definition, with at most ``updates`` updates each, at least 3."""
    lengths = Counter(change["id"] for _, change in source())
    markets = {name: _Market(length, updates) for name, length in lengths.items()}
    for published, change in source():
        markets[change["id"]].add(published, change)
    return [market.template() for market in markets.values() if market.definition]


class _Market:
    """The image before the middle of a market's life, the changes there, and the last definition."""

    def __init__(self, length: int, updates: int) -> None:
        self.definition: Change = {}
        self._kept = updates - 2
        self._before = max(1, (length - self._kept) // 2)
        self._image: Change = {}
        self._runners: Dict[Tuple[int, float], Change] = {}
        self._began = 0
        self._middle: List[Tuple[int, Change]] = []

    def add(self, published: int, change: Change) -> None:
        self.definition = change.get("marketDefinition") or self.definition
        if self._before:
            self._before -= 1
            self._fold(published, change)
        elif len(self._middle) < self._kept:
            self._middle.append((published, change))

    def _fold(self, published: int, change: Change) -> None:
        self._began = published
        if change.get("img"):
            self._image, self._runners = {}, {}
        self._image.update((name, value) for name, value in change.items() if name != "rc")
        for runner in change.get("rc", ()):
            state = self._runners.setdefault((runner["id"], runner.get("hc", 0)), {})
            for name, value in runner.items():
                if isinstance(value, list):
                    _fold_ladder(state.setdefault(name, {}), value)
                else:
                    state[name] = value

    def template(self) -> Template:
        runners = [
            {name: list(value.values()) if isinstance(value, dict) else value for name, value in runner.items()}
            for runner in self._runners.values()
        ]
        sent = [(self._began, {**self._image, "rc": runners, "img": True}), *self._middle]
        closed, unsettled = ({"marketDefinition": {**self.definition, "status": s}} for s in ("CLOSED", "SUSPENDED"))
        sent.append((max(published for published, _ in sent) + PAUSE, closed))
        offsets = _at_most_an_hour([published for published, _ in sent])
        return Template(
            [(offset, _text(change)) for offset, (_, change) in zip(offsets, sent)],  # noqa: B905 - strict= is of 3.10
            _text(unsettled),
        )


def _fold_ladder(ladder: Dict[float, List[float]], entries: List[List[float]]) -> None:
    """Entries are ``[price, size]`` or ``[level, price, size]``; size 0 removes one."""
    for entry in entries:
        if entry[-1]:
            ladder[entry[0]] = entry
        else:
            ladder.pop(entry[0], None)


def _text(change: Change) -> str:
    """The change as JSON without its id, which is prepended later."""
    named = {name: value for name, value in change.items() if name != "id"}
    return json.dumps({"img": False, **named}, separators=(",", ":"))[1:]


def _at_most_an_hour(times: List[int]) -> List[int]:
    """Milliseconds since the first of these times, never decreasing; a market of more than an hour is compressed."""
    latest, offsets = 0, []
    for time in times:
        latest = max(latest, time - times[0])
        offsets.append(latest)
    pace = min(1.0, HOUR / latest)
    return [int(offset * pace) for offset in offsets]


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
    connection, rss = Connection(lightweight), [resident_bytes()]
    clock = MIDNIGHT

    def pass_time(until: int) -> None:
        nonlocal clock
        while clock + MINUTE <= until:
            clock += MINUTE
            connection.heartbeat(clock)
            if (clock - MIDNIGHT) % (HOUR // SAMPLES_PER_HOUR) == 0:
                rss.append(resident_bytes())

    for number, update in enumerate(observed(day.updates(closing))):
        pass_time(min(update.published, day.end))
        book = connection.update(update)
        take(book)
        record.note(number, book)
    pass_time(day.end)
    return Listened(rss, connection.cached)
