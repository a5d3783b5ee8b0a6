"""What an exchange did: for people, and for scenarios that must know whether it was the exchange that was slow."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass

MIN_DELAY_SECONDS = 1e-6
"""Seconds; what is less counts as so much."""

LOG_BUCKET_WIDTH = math.log(1.02)
"""Delays are counted in classes of 2 %: exact enough, and of the same size after a week as after a minute."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds from the moment at which frames could have been sent to that at which they were: median, of the slowest 1 %, most."""

    p50: float
    p99: float
    most: float


class DelayHistogram:
    """How often frames were how late."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._most = 0.0

    def add(self, seconds: float) -> None:
        """One more frame."""
        self._counts[round(math.log(max(seconds, MIN_DELAY_SECONDS) / MIN_DELAY_SECONDS) / LOG_BUCKET_WIDTH)] += 1
        self._most = max(self._most, seconds)

    def include(self, other: DelayHistogram) -> None:
        """All of the frames of another connection."""
        self._counts.update(other._counts)
        self._most = max(self._most, other._most)

    def lateness(self) -> Lateness:
        """Zero where nothing was sent."""
        return Lateness(self._reached_by(0.5), self._reached_by(0.99), self._most)

    def _reached_by(self, share: float) -> float:
        left = share * self._counts.total()
        for place, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return min(MIN_DELAY_SECONDS * math.exp(place * LOG_BUCKET_WIDTH), self._most)
        return 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """An update as it was sent: its number, seconds of the monotonic clock when it was due and sent, and bytes."""

    number: int
    due: float
    sent: float
    size: int


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """A connection that is over: how many frames and bytes were sent, images and replies included, and why it ended.

    ``conflated`` frames stand for several updates each, because the client took too long; ``blocked`` is for how many seconds it
    took nothing.
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
    """The monotonic clock and the CPU seconds of this process at one moment."""

    wall: float
    cpu: float

    @classmethod
    def taken(cls) -> ClockReading:
        """Both now."""
        return cls(time.monotonic(), time.process_time())


@dataclass(frozen=True, slots=True)
class ApiReport:
    """How often each operation of the API was called, and how often each kind of fault happened."""

    calls: dict[str, int]
    faults: dict[str, int]


@dataclass(frozen=True, slots=True)
class ExchangeReport:
    """All connections to the stream, what the exchange used, and its API, if it has one.

    ``cpu_seconds`` and ``wall_seconds`` count from when market time began to run, for what came before is preparation, and to when
    the last client was hung up on, if it hangs up; else they count from and until when the exchange was open.
    """

    connections: tuple[ConnectionReport, ...]
    lateness: Lateness
    cpu_seconds: float
    wall_seconds: float
    api: ApiReport | None = None
