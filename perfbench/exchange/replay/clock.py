"""Market clock: maps updates of a timeline to this machine's monotonic clock."""

from __future__ import annotations

import math
import threading
import time

from perfbench.exchange.replay.timeline import Timeline

START_DELAY_SECONDS = 0.05
"""Delay from the last awaited subscription to the first update, so that no client misses it."""

STALE_STATUS = 503
"""Status of stale data (Betfair, Exchange Stream API, status)."""


class MarketClock:
    """Market time at a multiple of real time; ``math.inf`` makes all updates due at once. Stopped until ``start``.

    :param stale_window: start and end of a period, in seconds of market time, in which data are reported as stale.
    """

    def __init__(self, timeline: Timeline, speed: float, stale_window: tuple[float, float] | None = None) -> None:
        self._timeline = timeline
        self._stale_window = stale_window or (math.inf, math.inf)
        self.speed = speed
        self._start_lock = threading.Lock()
        self.started_at: float | None = None

    def start(self) -> bool:
        """Start market time; False if it was already running."""
        with self._start_lock:
            if self.started_at is not None:
                return False
            self.started_at = time.monotonic() + START_DELAY_SECONDS
            return True

    def get_due_time(self, number: int) -> float:
        """Return when an update is due; infinite if there is no such update or the clock is stopped."""
        if self.started_at is None or number >= len(self._timeline.offsets):
            return math.inf
        return self.started_at + max(self._timeline.offsets[number], 0.0) / self.speed

    def count_due_updates(self, now: float) -> int:
        """Return the number of updates that are due at a time."""
        if self.started_at is None or now < self.started_at:
            return self._timeline.opening
        return (
            len(self._timeline.offsets) if self.speed == math.inf else self._timeline.position(self._market_time(now))
        )

    def get_status(self, now: float) -> int:
        """Return the stream status at a time: 503 in the stale window, else 0."""
        if self.started_at is None or self.speed == math.inf:
            return 0
        start, end = self._stale_window
        return STALE_STATUS if start <= self._market_time(now) < end else 0

    def _market_time(self, now: float) -> float:
        assert self.started_at is not None
        return (now - self.started_at) * self.speed
