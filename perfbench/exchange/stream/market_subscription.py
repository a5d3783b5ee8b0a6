"""A client's subscription to markets: which frames are due to it, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed
from perfbench.exchange.stream import response_messages

MAX_SEGMENT_BYTES = 1 << 19
"""Bytes of an image from which on it is sent in segments, where the client takes those."""


@dataclass(frozen=True, slots=True)
class MarketSubscriptionConfig:
    """What was agreed: the id of the request, the markets, and milliseconds of conflation and between heartbeats."""

    request: int
    markets: frozenset[str]
    conflate_ms: int
    heartbeat_ms: int
    segmented: bool


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """Bytes to send, when they were due, up to which position they tell, and of how many updates."""

    data: bytes
    due: float
    position: int
    updates: int
    conflated: bool = False


class MarketSubscription:
    """One subscription, which begins with an image or with what the client missed."""

    def __init__(self, terms: MarketSubscriptionConfig, feed: Feed, clock: MarketClock, token: str) -> None:
        self._terms, self._feed, self._clock, self._token = terms, feed, clock, token
        self._position = 0
        self._told_at = time.monotonic()

    def opening(self, missed_since: int | None) -> list[bytes]:
        """The first messages: an image of the markets, or what has changed since a position. Market time is that of now."""
        now = time.monotonic()
        self._position, self._told_at = self._clock.position(now), now
        terms = self._terms
        if missed_since is None:
            kind, bodies = b"SUB_IMAGE", self._feed.image(self._position, terms.markets)
        else:
            kind = b"RESUB_DELTA"
            bodies = self._feed.changed(missed_since, self._position, terms.markets, conflated=False)
        groups = list(_split_segments(bodies)) if terms.segmented else [bodies]
        return [
            self._opening(kind, group, _encode_segment_type(number, len(groups))) for number, group in enumerate(groups)
        ]

    def _opening(self, kind: bytes, bodies: list[bytes], segment: bytes) -> bytes:
        changes = b',"mc":[%b]' % b",".join(bodies) if bodies else b""
        return (
            b'{"op":"mcm","id":%d,"initialClk":"%b","clk":"%d","conflateMs":%d,"heartbeatMs":%d,"pt":%d,"ct":"%b"%b%b}\r\n'
            % (
                self._terms.request,
                self._token.encode(),
                self._position,
                self._terms.conflate_ms,
                self._terms.heartbeat_ms,
                read_publish_time(),
                kind,
                segment,
                changes,
            )
        )

    @property
    def over(self) -> bool:
        """Whether everything has been told."""
        return self._position == len(self._feed)

    def next_due(self) -> float:
        """When the next frame or heartbeat is due, by the monotonic clock."""
        return min(self._frame_due(), self._beat_due())

    def _frame_due(self) -> float:
        due = self._clock.due(self._position)
        return max(due, self._told_at + self._terms.conflate_ms / 1000) if self._terms.conflate_ms else due

    def _beat_due(self) -> float:
        return self._told_at + self._terms.heartbeat_ms / 1000

    def next(self, now: float, *, behind: bool) -> StreamMessage | None:
        """The frame that is due, or a heartbeat; None if the updates that were due change nothing that was asked for.

        :param behind: the client took nothing for so long that it is told all that is due in one.
        """
        first, due = self._position, self._frame_due()
        if now < due:
            return self._heartbeat(now) if now >= self._beat_due() else None
        last = max(self._clock.position(now), first + 1) if behind or self._terms.conflate_ms else first + 1
        self._position = last
        if last - first > 1:
            bodies = self._feed.changed(first, last, self._terms.markets, conflated=True)
        else:
            bodies = self._feed.bodies(first, self._terms.markets)
        if not bodies:
            return None
        self._told_at = now
        data = response_messages.build_market_change(
            self._terms.request, last, read_publish_time(), bodies, self._clock.health(now)
        )
        return StreamMessage(data, due, last, last - first, last - first > 1)

    def _heartbeat(self, now: float) -> StreamMessage:
        due, self._told_at = self._beat_due(), now
        data = response_messages.build_heartbeat(
            self._terms.request, self._position, read_publish_time(), self._clock.health(now)
        )
        return StreamMessage(data, due, self._position, 0)


def read_publish_time() -> int:
    """Now, in milliseconds since 1970: clients compare it with their own clock."""
    return time.time_ns() // 1_000_000


def _split_segments(bodies: list[bytes]) -> list[list[bytes]]:
    """The bodies in groups of at most ``SEGMENT`` bytes, or of one."""
    groups: list[list[bytes]] = [[]]
    size = 0
    for body in bodies:
        if groups[-1] and size + len(body) > MAX_SEGMENT_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(body)
        size += len(body)
    return groups


def _encode_segment_type(number: int, amount: int) -> bytes:
    if amount == 1:
        return b""
    return b',"segmentType":"%b"' % (b"SEG_START" if number == 0 else b"SEG_END" if number == amount - 1 else b"SEG")
