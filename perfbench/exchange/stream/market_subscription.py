"""Market subscription: image, deltas, conflation and segmentation."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed
from perfbench.exchange.stream import response_messages
from perfbench.exchange.wall_clock import read_epoch_ms

MAX_SEGMENT_BYTES = 1 << 19
"""Image size above which it is sent in segments, if the client accepts them."""


@dataclass(frozen=True, slots=True)
class MarketSubscriptionConfig:
    """Parameters of a subscription: request id, markets, conflation and heartbeat interval in milliseconds."""

    request_id: int
    market_ids: frozenset[str]
    conflate_ms: int
    heartbeat_ms: int
    segmented: bool


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """Encoded message, when it was due, the position after it, and the number of updates in it."""

    data: bytes
    due: float
    position: int
    updates: int
    conflated: bool = False


class MarketSubscription:
    """Subscription that begins with an image or with the changes that the client missed."""

    def __init__(self, config: MarketSubscriptionConfig, feed: Feed, clock: MarketClock, initial_clk: str) -> None:
        self._config, self._feed, self._clock, self._initial_clk = config, feed, clock, initial_clk
        self._position = 0
        self._last_sent_at = time.monotonic()

    def build_opening_messages(self, resume_position: int | None) -> list[bytes]:
        """Build the first messages: an image of the markets, or the changes since a position."""
        now = time.monotonic()
        self._position, self._last_sent_at = self._clock.count_due_updates(now), now
        config = self._config
        if resume_position is None:
            change_type, bodies = b"SUB_IMAGE", self._feed.image(self._position, config.market_ids)
        else:
            change_type = b"RESUB_DELTA"
            bodies = self._feed.merge_changes(resume_position, self._position, config.market_ids, conflated=False)
        groups = list(_split_segments(bodies)) if config.segmented else [bodies]
        return [
            self._encode_opening_message(change_type, group, _encode_segment_type(number, len(groups)))
            for number, group in enumerate(groups)
        ]

    def _encode_opening_message(self, change_type: bytes, bodies: list[bytes], segment: bytes) -> bytes:
        changes = b',"mc":[%b]' % b",".join(bodies) if bodies else b""
        return (
            b'{"op":"mcm","id":%d,"initialClk":"%b","clk":"%d","conflateMs":%d,"heartbeatMs":%d,"pt":%d,"ct":"%b"%b%b}\r\n'
            % (
                self._config.request_id,
                self._initial_clk.encode(),
                self._position,
                self._config.conflate_ms,
                self._config.heartbeat_ms,
                read_epoch_ms(),
                change_type,
                segment,
                changes,
            )
        )

    @property
    def is_complete(self) -> bool:
        """Whether every update has been sent."""
        return self._position == len(self._feed)

    def next_due(self) -> float:
        """Return when the next frame or heartbeat is due, by the monotonic clock."""
        return min(self._frame_due(), self._heartbeat_due())

    def _frame_due(self) -> float:
        due = self._clock.get_due_time(self._position)
        return max(due, self._last_sent_at + self._config.conflate_ms / 1000) if self._config.conflate_ms else due

    def _heartbeat_due(self) -> float:
        return self._last_sent_at + self._config.heartbeat_ms / 1000

    def build_next_message(self, now: float, *, behind: bool) -> StreamMessage | None:
        """Build the frame or heartbeat that is due; None if the due updates change nothing subscribed.

        :param behind: the client is too slow, and gets all due updates in one frame.
        """
        first, due = self._position, self._frame_due()
        if now < due:
            return self._heartbeat(now) if now >= self._heartbeat_due() else None
        last = max(self._clock.count_due_updates(now), first + 1) if behind or self._config.conflate_ms else first + 1
        self._position = last
        if last - first > 1:
            bodies = self._feed.merge_changes(first, last, self._config.market_ids, conflated=True)
        else:
            bodies = self._feed.bodies(first, self._config.market_ids)
        if not bodies:
            return None
        self._last_sent_at = now
        data = response_messages.build_market_change(
            self._config.request_id, last, read_epoch_ms(), bodies, self._clock.get_status(now)
        )
        return StreamMessage(data, due, last, last - first, last - first > 1)

    def _heartbeat(self, now: float) -> StreamMessage:
        due, self._last_sent_at = self._heartbeat_due(), now
        data = response_messages.build_heartbeat(
            self._config.request_id, self._position, read_epoch_ms(), self._clock.get_status(now)
        )
        return StreamMessage(data, due, self._position, 0)


def _split_segments(bodies: list[bytes]) -> list[list[bytes]]:
    """Group bodies into segments of at most ``MAX_SEGMENT_BYTES``, or of one body."""
    groups: list[list[bytes]] = [[]]
    size = 0
    for body in bodies:
        if groups[-1] and size + len(body) > MAX_SEGMENT_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(body)
        size += len(body)
    return groups


def _encode_segment_type(number: int, count: int) -> bytes:
    if count == 1:
        return b""
    return b',"segmentType":"%b"' % (b"SEG_START" if number == 0 else b"SEG_END" if number == count - 1 else b"SEG")
