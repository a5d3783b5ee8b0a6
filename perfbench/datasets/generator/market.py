"""Lines of a generated market: it opens, is suspended, loses a runner, turns in-play, closes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from random import Random

from perfbench.datasets.generator.definition import Definition
from perfbench.datasets.generator.prices import TICKS, Book, find_nearest_tick
from perfbench.datasets.generator.recipe import Recipe

MARKET_SPACING = 120_000
IN_PLAY_SHARE = 0.2
STARTING_PRICE_SHARE = 0.04

Event = Callable[[int], str]
TimedLine = tuple[int, str]
"""Publish time in milliseconds since 1970, and a change of one market as JSON."""


def stream_lines(recipe: Recipe) -> Iterator[str]:
    """Every line of the file, with its newline; markets of one event are merged by time."""
    return stream_event_lines((recipe,))


def stream_event_lines(recipes: Iterable[Recipe]) -> Iterator[str]:
    """Every line of a file with the markets of several recipes, merged by time; each has the changes of its own file."""
    lives = []
    for recipe in recipes:
        share, rest = divmod(recipe.updates, recipe.markets)
        lives += [_MarketScript(recipe, number, share + (number < rest)).changes() for number in range(recipe.markets)]
    clock = 1_300_000_000
    for published, change in heapq.merge(*lives, key=_read_publish_time):
        clock += 3
        yield f'{{"op":"mcm","clk":"{clock}","pt":{published},"mc":[{change}]}}\n'


def _read_publish_time(change: TimedLine) -> int:
    return change[0]


class _MarketScript:
    """One market of a recipe, from the first line to the last."""

    def __init__(self, recipe: Recipe, number: int, updates: int) -> None:
        name = f"perfbench {recipe.seed} {number}"
        self._id = f"1.9{recipe.seed % 1_000_000:06d}{number:02d}"
        self._recipe = recipe
        self._updates = updates
        self._chance = Random(name)
        self._off_line = updates - 4 - round(IN_PLAY_SHARE * updates) if recipe.in_play else updates - 4
        self._off = recipe.start + number * MARKET_SPACING
        self._times = Random(f"{name} time")
        before = Random(f"{name} time")
        self._first = self._off - sum(_draw_pause(before) for _ in range(self._off_line))
        self._definition = Definition.generate(recipe, self._off, self._chance)
        self._books = self._generate_books()
        self._active = list(self._books)
        self._winner = self._active[int(self._chance.random() * (len(self._active) - 1))]
        self._published = self._first

    def _generate_books(self) -> list[Book]:
        weights = [1 + self._chance.getrandbits(5) for _ in self._definition.selections]
        anchors = [find_nearest_tick(min(500.0, max(1.05, sum(weights) / weight))) for weight in weights]
        return [
            Book(selection, anchor, self._chance, self._recipe.ladder)
            for selection, anchor in zip(self._definition.selections, anchors, strict=True)
        ]

    def changes(self) -> Iterator[TimedLine]:
        """Changes of this market with ascending publish times."""
        events = self._events()
        for line in range(self._updates):
            if line:
                self._published += (
                    _draw_pause(self._times) if line <= self._off_line else 50 + self._times.getrandbits(8)
                )
            event = events.get(line) or self._choose_change(line)
            yield self._published, event(line)

    def _choose_change(self, line: int) -> Event:
        """A change of some runners, or a new image. Recipes without images draw no number for it: their bytes stay."""
        if self._recipe.images and line > 1 and self._chance.random() < self._recipe.images:
            return lambda _: self._image()
        return lambda line: self._message(",".join(self._changed(line)))

    def _events(self) -> dict[int, Event]:
        off, last = self._off_line, self._updates - 1
        early, middle = off // 4, 2 * off // 5
        events: dict[int, Event] = {
            0: lambda _: self._define(),
            1: lambda _: self._message(",".join(book.opening() for book in self._books)),
            early: lambda _: self._define(),
            middle: lambda _: self._define(status="SUSPENDED"),
            middle + 2: lambda _: self._define(status="OPEN"),
            off: lambda _: self._define(status="SUSPENDED"),
            last - 1: lambda _: self._define(status="SUSPENDED"),
            last: lambda _: self._close(),
        }
        events[middle + 1] = self._remove if self._recipe.removal else lambda _: self._define()
        if self._recipe.bsp:
            events[off + 1] = lambda _: self._reconcile()
        if self._recipe.in_play:
            half = (off + last) // 2
            events[off + 2] = lambda _: self._define(status="OPEN", in_play=True)
            events[half] = lambda _: self._define(status="SUSPENDED")
            events[half + 1] = lambda _: self._define(status="OPEN")
        return events

    def _changed(self, line: int) -> Iterator[str]:
        chance, carry_on = self._chance, 1 - 1 / self._recipe.changed_runners
        in_play = self._definition.in_play
        first = int(chance.random() * len(self._active))
        count = 1
        while count < len(self._active) and chance.random() < carry_on:
            count += 1
        for number in range(count):
            book = self._active[(first + number) % len(self._active)]
            if in_play:
                self._race(book, line)
            yield book.change()
            if self._recipe.bsp and not self._definition.reconciled and chance.random() < STARTING_PRICE_SHARE:
                yield book.starting_prices()

    def _race(self, book: Book, line: int) -> None:
        """In-play, the winner's price falls and the others' rise, with random reversals."""
        done = (line - self._off_line) / (self._updates - self._off_line)
        if self._chance.random() < 0.02:
            goal = 40 if book is self._winner else len(TICKS) - 60
            book.drift(book.middle + round((goal - book.middle) * done * 0.5) + self._chance.getrandbits(4) - 8)

    def _define(self, status: str | None = None, in_play: bool | None = None) -> str:
        self._definition.status = status or self._definition.status
        self._definition.in_play = self._definition.in_play if in_play is None else in_play
        self._definition.version += 1 + self._chance.getrandbits(16)
        return self._message("", self._definition.as_json())

    def _remove(self, _line: int) -> str:
        gone = self._active.pop()
        self._definition.removed[gone.selection] = self._published
        self._definition.version += 1
        return self._message(gone.cleared(), self._definition.as_json())

    def _reconcile(self) -> str:
        self._definition.reconciled = True
        for book in self._active:
            self._definition.starting_prices[book.selection] = (
                TICKS[book.middle] * 100 + self._chance.getrandbits(7)
            ) / 10000
        return self._define()

    def _close(self) -> str:
        self._definition.winner = self._winner.selection
        self._definition.settled = self._published
        return self._define(status="CLOSED")

    def _image(self) -> str:
        return self._message(",".join(book.image() for book in self._active), self._definition.as_json(), "true")

    def _message(self, changes: str, definition: str = "", image: str = "false") -> str:
        field = f'"marketDefinition":{definition},' if definition else ""
        return f'{{"id":"{self._id}",{field}"rc":[{changes}],"con":true,"img":{image}}}'


def _draw_pause(times: Random) -> int:
    """Milliseconds between two lines before the off: median 0.4 s, one in ten above 2 s, as in the real files."""
    draw = times.getrandbits(10)
    return 50 + draw * draw * draw // 400_000
