"""Pre-encoded updates of a timeline for one set of fields.

Definitions are stored with the times of the file and moved to the wall clock when they are sent, because market time
starts later than the feed is built.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from perfbench.exchange.replay.best_offers import ChangeReducer, MarketFields
from perfbench.exchange.replay.timeline import Timeline
from perfbench.worker.market_cache import MarketCache, MarketChange

IMAGE_INTERVAL = 256
"""Changes between two stored images of a market; bounds the merges needed for any image."""

DEFINITION_KEY = b'"marketDefinition":{'
"""Part of every encoded change that has a definition; as a value, its quotes would be escaped."""

ShiftDefinition = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Moves the times of the definition of a market (``MarketClock.shift_definition``)."""


def build_opening_images(timeline: Timeline) -> list[MarketChange]:
    """Return images, with all fields, of the markets that exist when the exchange opens."""
    merged_changes: dict[str, MarketCache] = {}
    for update in timeline.updates[: timeline.opening]:
        for change in update.changes:
            merged_changes.setdefault(change["id"], MarketCache(change["id"], is_image=True)).apply_change(change)
    return [cache.to_change() for cache in merged_changes.values()]


class Feed:
    """Encoded changes of every update, images at any position, and merged changes between two positions.

    A position is the number of published updates.
    """

    def __init__(
        self, timeline: Timeline, opening: Sequence[MarketChange], fields: MarketFields, shift: ShiftDefinition
    ) -> None:
        """:param opening: images of the markets when the exchange opens; earlier updates are never sent."""
        self._shift = shift
        self._markets: dict[str, _MarketHistory] = {}
        reducer = ChangeReducer(fields)
        before: list[tuple[tuple[str, bytes], ...]] = [()] * (timeline.opening - 1)
        self._frames = [*before, self._encode_update(timeline.opening - 1, opening, reducer)]
        for number, update in enumerate(timeline.updates[timeline.opening :], timeline.opening):
            self._frames.append(self._encode_update(number, update.changes, reducer))

    def _encode_update(
        self, number: int, changes: Iterable[MarketChange], reducer: ChangeReducer
    ) -> tuple[tuple[str, bytes], ...]:
        reduced = [reducer.reduce(change) for change in self._mark_first_images(changes)]
        return tuple(self._record_change(number, change) for change in reduced if change)

    def _mark_first_images(self, changes: Iterable[MarketChange]) -> Iterable[MarketChange]:
        """Mark the first change of each market as an image, which recorded files do not always do."""
        for change in changes:
            if change["id"] in self._markets:
                yield change
            else:
                self._markets[change["id"]] = _MarketHistory(change["id"])
                yield {**change, "img": True}

    def _record_change(self, number: int, change: MarketChange) -> tuple[str, bytes]:
        body = json.dumps(change, separators=(",", ":")).encode()
        self._markets[change["id"]].add(number, change, body)
        return change["id"], body

    def __len__(self) -> int:
        return len(self._frames)

    def bodies(self, number: int, market_ids: frozenset[str]) -> list[bytes]:
        """Return the changes of an update to these markets, encoded as JSON."""
        return [
            self._encode(json.loads(body)) if DEFINITION_KEY in body else body
            for market_id, body in self._frames[number]
            if market_id in market_ids
        ]

    def image(self, position: int, market_ids: frozenset[str]) -> list[bytes]:
        """Return the images of these markets at a position."""
        images = (
            self._markets[market_id].image(position) for market_id in sorted(market_ids) if market_id in self._markets
        )
        return [self._encode(image) for image in images if image]

    def definitions(self, position: int, market_ids: frozenset[str]) -> list[bytes]:
        """Return changes that repeat the definitions of these markets at a position, if they are among the fields."""
        images = (
            self._markets[market_id].image(position) for market_id in sorted(market_ids) if market_id in self._markets
        )
        names = ("id", "marketDefinition")
        return [self._encode({name: image[name] for name in names}) for image in images if image and names[1] in image]

    def merge_changes(self, first: int, position: int, market_ids: frozenset[str], *, conflated: bool) -> list[bytes]:
        """Return the changes from update ``first`` up to a position, merged into one for each of these markets."""
        merged_changes = (
            self._markets[market_id].merge_changes(first, position, conflated=conflated)
            for market_id in sorted(market_ids)
            if market_id in self._markets
        )
        return [self._encode(change) for change in merged_changes if change]

    def _encode(self, change: MarketChange) -> bytes:
        definition = change.get("marketDefinition")
        if isinstance(definition, dict):
            change = {**change, "marketDefinition": self._shift(change["id"], definition)}
        return _encode_change(change)


class _MarketHistory:
    """Numbered changes of one market, with an image every ``IMAGE_INTERVAL`` changes."""

    def __init__(self, market_id: str) -> None:
        self._market_id = market_id
        self._numbers: list[int] = []
        self._bodies: list[bytes] = []
        self._images: list[bytes] = []
        self._current = MarketCache(market_id, is_image=True)

    def add(self, number: int, change: MarketChange, body: bytes) -> None:
        """Add the next change."""
        if len(self._numbers) % IMAGE_INTERVAL == 0:
            self._images.append(_encode_change(self._current.to_change()))
        self._numbers.append(number)
        self._bodies.append(body)
        self._current.apply_change(change)

    def image(self, position: int) -> MarketChange | None:
        """Return the image at a position; None before the first change."""
        count = bisect_left(self._numbers, position)
        if not count:
            return None
        image_index = (count - 1) // IMAGE_INTERVAL
        cache = MarketCache(self._market_id, is_image=True)
        for body in (self._images[image_index], *self._bodies[image_index * IMAGE_INTERVAL : count]):
            cache.apply_change(json.loads(body))
        return cache.to_change()

    def merge_changes(self, first: int, position: int, *, conflated: bool) -> MarketChange | None:
        """Return the changes in a range merged into one; None if there are none, an image if they cannot be merged."""
        begin, end = bisect_left(self._numbers, first), bisect_left(self._numbers, position)
        if begin == end:
            return None
        cache = MarketCache(self._market_id, is_image=False)
        for body in self._bodies[begin:end]:
            cache.apply_change(json.loads(body))
        return cache.to_change(conflated=conflated and end - begin > 1) if cache.can_diff else self.image(position)


def _encode_change(change: MarketChange) -> bytes:
    return json.dumps(change, separators=(",", ":")).encode()
