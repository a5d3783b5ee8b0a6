"""Market subscription: image, deltas, conflation and segmentation."""

from __future__ import annotations

import json
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
class ResumePoint:
    """Where a client resumes: the position that it has reached, and the markets that it has with the same fields."""

    position: int
    market_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """Encoded message, when it was due, the position after it, and the number of updates in it."""

    data: bytes
    due: float
    position: int
    updates: int
    conflated: bool = False


class MarketSubscription:
    """Subscription that begins, at its construction, with an image or with the changes that the client missed.

    Until market time starts, definitions have provisional times; the final ones follow before the first update.
    """

    def __init__(
        self,
        config: MarketSubscriptionConfig,
        feed: Feed,
        clock: MarketClock,
        initial_clk: str,
        resume: ResumePoint | None = None,
    ) -> None:
        self._config, self._feed, self._clock, self._initial_clk = config, feed, clock, initial_clk
        self._resume = resume
        self._last_sent_at = time.monotonic()
        self._position = clock.count_due_updates(self._last_sent_at)
        self._has_provisional_times = False

    def build_opening_messages(self) -> list[bytes]:
        """Build the first messages: an image of the markets, or the changes since a position and images of new markets.

        All segments but the last are without the clocks, so that nobody resumes from half an image.
        """
        resume, self._last_sent_at = self._resume, time.monotonic()
        self._has_provisional_times = self._clock.started_at is None or (
            resume is not None and resume.position <= self._clock.opening
        )
        market_ids = self._config.market_ids
        shared = market_ids & resume.market_ids if resume else frozenset[str]()
        bodies = self._feed.image(self._position, market_ids - shared)
        if resume:
            bodies += self._feed.merge_changes(resume.position, self._position, shared, conflated=False)
        change_type = "RESUB_DELTA" if shared or (resume and not market_ids) else "SUB_IMAGE"
        groups = list(_split_segments(bodies)) if self._config.segmented else [bodies]
        return [
            self._encode_opening_message(change_type, group, number, len(groups)) for number, group in enumerate(groups)
        ]

    def _encode_opening_message(self, change_type: str, bodies: list[bytes], number: int, count: int) -> bytes:
        status = self._clock.get_status(time.monotonic())
        clocks = {"initialClk": self._initial_clk, "clk": str(self._position)} if number == count - 1 else {}
        header = json.dumps(
            {
                "op": "mcm",
                "id": self._config.request_id,
                **({"status": status} if status else {}),
                **clocks,
                "conflateMs": self._config.conflate_ms,
                "heartbeatMs": self._config.heartbeat_ms,
                "pt": read_epoch_ms(),
                "ct": change_type,
                **_name_segment(number, count),
            },
            separators=(",", ":"),
        ).encode()
        return header[:-1] + (b',"mc":[%b]' % b",".join(bodies) if bodies else b"") + b"}\r\n"

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
        if self._has_provisional_times and self._clock.started_at is not None:
            self._has_provisional_times = False
            if self._clock.moves_times and (message := self._repeat_definitions(now)):
                return message
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

    def _repeat_definitions(self, now: float) -> StreamMessage | None:
        """Build a message with the definitions, whose times are now final; None without definitions."""
        bodies = self._feed.definitions(self._position, self._config.market_ids)
        if not bodies:
            return None
        self._last_sent_at = now
        data = response_messages.build_market_change(
            self._config.request_id, self._position, read_epoch_ms(), bodies, self._clock.get_status(now)
        )
        return StreamMessage(data, now, self._position, 0)

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


def _name_segment(number: int, count: int) -> dict[str, str]:
    if count == 1:
        return {}
    return {"segmentType": "SEG_START" if number == 0 else "SEG_END" if number == count - 1 else "SEG"}
