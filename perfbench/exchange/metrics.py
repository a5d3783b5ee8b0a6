"""Counters and delay histogram of the exchange."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass

MIN_DELAY_SECONDS = 1e-6
"""Smaller delays are counted as this one."""

LOG_BUCKET_WIDTH = math.log(1.02)
"""Delays are counted in buckets of 2 %, so that memory does not grow with run time."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds between the moment a frame could have been sent and the moment it was: median, 99th percentile,
    maximum.
    """

    p50: float
    p99: float
    most: float


class DelayHistogram:
    """Histogram of frame delays."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._max = 0.0

    def add(self, seconds: float) -> None:
        """Count a frame."""
        self._counts[round(math.log(max(seconds, MIN_DELAY_SECONDS) / MIN_DELAY_SECONDS) / LOG_BUCKET_WIDTH)] += 1
        self._max = max(self._max, seconds)

    def merge(self, other: DelayHistogram) -> None:
        """Add all frames of another histogram."""
        self._counts.update(other._counts)
        self._max = max(self._max, other._max)

    def lateness(self) -> Lateness:
        """Return the summary; zeros if no frame was sent."""
        return Lateness(self._get_quantile(0.5), self._get_quantile(0.99), self._max)

    def _get_quantile(self, share: float) -> float:
        remaining = share * self._counts.total()
        for bucket, count in sorted(self._counts.items()):
            remaining -= count
            if remaining <= 0:
                return min(MIN_DELAY_SECONDS * math.exp(bucket * LOG_BUCKET_WIDTH), self._max)
        return 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Sent update: its number, when it was due and sent (monotonic clock, seconds), and its size in bytes."""

    number: int
    due: float
    sent: float
    size: int


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """Summary of a closed connection: frames and bytes sent, images and replies included, and why it ended.

    ``conflated`` counts the frames that merge several updates for a slow client; ``blocked`` is the time in seconds
    during which the client read nothing.
    """

    connection: str
    frames: int
    size: int
    conflated: int
    blocked: float
    lateness: Lateness
    ended: str


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Monotonic clock and CPU seconds of this process."""

    wall: float
    cpu: float

    @classmethod
    def take(cls) -> ClockReading:
        """Read both clocks."""
        return cls(time.monotonic(), time.process_time())


@dataclass(frozen=True, slots=True)
class ApiReport:
    """Number of calls of each operation, and of faults of each kind."""

    calls: dict[str, int]
    faults: dict[str, int]


@dataclass(frozen=True, slots=True)
class ExchangeReport:
    """Summary of an exchange: its stream connections, resource use and API calls.

    ``cpu_seconds`` and ``wall_seconds`` start when market time starts, and end when the last client was disconnected
    if the exchange disconnects clients after the last update; otherwise they cover the time during which the exchange
    was open.
    """

    connections: tuple[ConnectionReport, ...]
    lateness: Lateness
    cpu_seconds: float
    wall_seconds: float
    api: ApiReport | None = None
