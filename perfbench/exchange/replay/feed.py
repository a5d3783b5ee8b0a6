"""The updates of a timeline as one set of fields shows them: what is sent, made beforehand."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from perfbench.exchange.market_cache import MarketCache, MarketChange
from perfbench.exchange.replay.best_offers import ChangeReducer, MarketFields
from perfbench.exchange.replay.timeline import Timeline

IMAGE_INTERVAL = 256
"""Updates of a market from one of its images that is kept to the next; one in between costs at most so many merges."""


def build_opening_images(timeline: Timeline) -> list[MarketChange]:
    """All fields of the markets that have begun when the exchange opens."""
    found: dict[str, MarketCache] = {}
    for update in timeline.updates[: timeline.opening]:
        for change in update.changes:
            found.setdefault(change["id"], MarketCache(change["id"], whole=True)).apply(change)
    return [merged.change() for merged in found.values()]


class Feed:
    """For every update the JSON of each market that it changes; images of any moment, and what changed between two.

    A position is how many updates have been published.
    """

    def __init__(self, timeline: Timeline, opening: Sequence[MarketChange], fields: MarketFields) -> None:
        """:param opening: the images of the markets when the exchange opens: nobody is ever told of the updates before."""
        self._markets: dict[str, _MarketHistory] = {}
        reduction = ChangeReducer(fields)
        before: list[tuple[tuple[str, bytes], ...]] = [()] * (timeline.opening - 1)
        self._frames = [*before, self._noted(timeline.opening - 1, opening, reduction)]
        for number, update in enumerate(timeline.updates[timeline.opening :], timeline.opening):
            self._frames.append(self._noted(number, update.changes, reduction))

    def _noted(
        self, number: int, changes: Iterable[MarketChange], reduction: ChangeReducer
    ) -> tuple[tuple[str, bytes], ...]:
        reduced = [reduction.reduce(change) for change in self._begun(changes)]
        return tuple(self._kept(number, change) for change in reduced if change)

    def _begun(self, changes: Iterable[MarketChange]) -> Iterable[MarketChange]:
        """The first change of a market is its image, which recorded files do not always say."""
        for change in changes:
            if change["id"] in self._markets:
                yield change
            else:
                self._markets[change["id"]] = _MarketHistory(change["id"])
                yield {**change, "img": True}

    def _kept(self, number: int, change: MarketChange) -> tuple[str, bytes]:
        body = json.dumps(change, separators=(",", ":")).encode()
        self._markets[change["id"]].add(number, change, body)
        return change["id"], body

    def __len__(self) -> int:
        return len(self._frames)

    def bodies(self, number: int, wanted: frozenset[str]) -> list[bytes]:
        """What an update changes of these markets, as JSON; empty if nothing."""
        return [body for market, body in self._frames[number] if market in wanted]

    def image(self, position: int, wanted: frozenset[str]) -> list[bytes]:
        """All of those markets that have begun."""
        images = (self._markets[market].image(position) for market in sorted(wanted) if market in self._markets)
        return [_encode_change(image) for image in images if image]

    def changed(self, first: int, position: int, wanted: frozenset[str], *, conflated: bool) -> list[bytes]:
        """What the updates from number ``first`` up to a position have changed of these markets, each as one change."""
        found = (
            self._markets[market].changed(first, position, conflated=conflated)
            for market in sorted(wanted)
            if market in self._markets
        )
        return [_encode_change(change) for change in found if change]


class _MarketHistory:
    """The changes of one market and their numbers, and an image of it before every so manieth of them."""

    def __init__(self, market: str) -> None:
        self._market = market
        self._numbers: list[int] = []
        self._bodies: list[bytes] = []
        self._images: list[bytes] = []
        self._now = MarketCache(market, whole=True)

    def add(self, number: int, change: MarketChange, body: bytes) -> None:
        """The next change."""
        if len(self._numbers) % IMAGE_INTERVAL == 0:
            self._images.append(_encode_change(self._now.change()))
        self._numbers.append(number)
        self._bodies.append(body)
        self._now.apply(change)

    def image(self, position: int) -> MarketChange | None:
        """All of the market; None before its first change."""
        amount = bisect_left(self._numbers, position)
        if not amount:
            return None
        kept = (amount - 1) // IMAGE_INTERVAL
        merged = MarketCache(self._market, whole=True)
        for body in (self._images[kept], *self._bodies[kept * IMAGE_INTERVAL : amount]):
            merged.apply(json.loads(body))
        return merged.change()

    def changed(self, first: int, position: int, *, conflated: bool) -> MarketChange | None:
        """The changes in between as one; None if there are none. An image where the difference cannot be told."""
        begin, end = bisect_left(self._numbers, first), bisect_left(self._numbers, position)
        if begin == end:
            return None
        merged = MarketCache(self._market, whole=False)
        for body in self._bodies[begin:end]:
            merged.apply(json.loads(body))
        return merged.change(conflated=conflated and end - begin > 1) if merged.tellable else self.image(position)


def _encode_change(change: MarketChange) -> bytes:
    return json.dumps(change, separators=(",", ":")).encode()
