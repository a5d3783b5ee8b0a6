"""When every update of a timeline is due, by this machine's monotonic clock."""

from __future__ import annotations

import math
import threading
import time

from perfbench.exchange.replay.timeline import Timeline

START_DELAY_SECONDS = 0.05
"""Seconds from the last subscription that was waited for to the first update, so that no client is late for it."""

STALE_STATUS = 503
"""Betfair, Exchange Stream API, status: the data are not up to date, for something behind the stream is not well."""


class MarketClock:
    """Market time, so many times as fast as ours; ``math.inf``: everything is due at once. It stands still until it begins.

    :param unhealthy: seconds of market time from and until which the data are said to be stale.
    """

    def __init__(self, timeline: Timeline, speed: float, unhealthy: tuple[float, float] | None = None) -> None:
        self._timeline = timeline
        self._unhealthy = unhealthy or (math.inf, math.inf)
        self.speed = speed
        self._begin = threading.Lock()
        self.began: float | None = None

    def begin(self) -> bool:
        """Let market time run; False if it ran already."""
        with self._begin:
            if self.began is not None:
                return False
            self.began = time.monotonic() + START_DELAY_SECONDS
            return True

    def due(self, number: int) -> float:
        """When an update is due; infinite for one that there is not, or while the clock stands still."""
        if self.began is None or number >= len(self._timeline.offsets):
            return math.inf
        return self.began + max(self._timeline.offsets[number], 0.0) / self.speed

    def position(self, now: float) -> int:
        """How many updates are due at a time."""
        if self.began is None or now < self.began:
            return self._timeline.opening
        return len(self._timeline.offsets) if self.speed == math.inf else self._timeline.position(self._market(now))

    def health(self, now: float) -> int:
        """The status that the stream gives its data: 503 while they are said to be stale, else 0."""
        if self.began is None or self.speed == math.inf:
            return 0
        begin, end = self._unhealthy
        return STALE_STATUS if begin <= self._market(now) < end else 0

    def _market(self, now: float) -> float:
        assert self.began is not None
        return (now - self.began) * self.speed
