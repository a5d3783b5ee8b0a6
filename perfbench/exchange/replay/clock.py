"""Market clock: maps updates of a timeline to this machine's monotonic clock, and times of definitions to its wall clock."""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.replay.timeline import Timeline

START_DELAY_SECONDS = 0.05
"""Delay from the last awaited subscription to the first update, so that no client misses it."""

STALE_STATUS = 503
"""Status of stale data (Betfair, Exchange Stream API, status)."""

DEFINITION_TIMES = ("marketTime", "suspendTime", "settledTime", "openDate")
RUNNER_TIMES = ("removalDate",)
"""Times of a market definition and of its runners (Betfair, Exchange Stream API, MarketDefinition)."""


class MarketClock:
    """Market time at a multiple of real time; ``math.inf`` makes all updates due at once. Stopped until ``start``.

    :param stale_window: start and end of a period, in seconds of market time, in which data are reported as stale.
    :param keep_times: leave the times of definitions as they are in the file.
    """

    def __init__(
        self,
        timeline: Timeline,
        speed: float,
        stale_window: tuple[float, float] | None = None,
        *,
        keep_times: bool = False,
    ) -> None:
        self._timeline = timeline
        self._stale_window = stale_window or (math.inf, math.inf)
        self._keep_times = keep_times
        self.speed = speed
        self._start_lock = threading.Lock()
        self.started_at: float | None = None
        self._opened_at: float | None = None

    def start(self) -> bool:
        """Start market time; False if it was already running."""
        with self._start_lock:
            if self.started_at is not None:
                return False
            self._opened_at = time.time() + START_DELAY_SECONDS
            self.started_at = time.monotonic() + START_DELAY_SECONDS
            return True

    @property
    def opening(self) -> int:
        """Number of updates that are published when market time starts."""
        return self._timeline.opening

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

    def shift_definition(self, market_id: str, definition: dict[str, Any]) -> dict[str, Any]:
        """Return a market definition, as it is in the file, with its times moved to the wall clock.

        This and ``shift_time`` are the only places where times are moved; values that are no times stay as they are.
        """
        if self._keep_times:
            return definition
        shifted = {**definition, **self._shift_values(market_id, definition, DEFINITION_TIMES)}
        if isinstance(runners := definition.get("runners"), list):
            shifted["runners"] = [
                {**runner, **self._shift_values(market_id, runner, RUNNER_TIMES)}
                if isinstance(runner, dict) and any(name in runner for name in RUNNER_TIMES)
                else runner
                for runner in runners
            ]
        return shifted

    def _shift_values(self, market_id: str, values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.shift_time(market_id, values[name]) for name in names if name in values}

    def shift_time(self, market_id: str, text: Any) -> Any:
        """Return a time of a definition (ISO 8601) moved to the wall clock, with milliseconds, as the exchange writes it.

        The opening of the exchange in market time becomes its opening by the wall clock; distances from it are divided by
        the speed. Until market time starts, the exchange is taken to open now.
        """
        if self._keep_times or not isinstance(text, str) or market_id not in self._timeline.opening_times:
            return text
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            distance = _to_epoch(moment) - self._timeline.opening_times[market_id]
            return _format_time(self.opened_at + distance / self.speed)
        except (ValueError, OverflowError, OSError):
            return text

    @property
    def moves_times(self) -> bool:
        """Whether the times of definitions are moved."""
        return not self._keep_times

    @property
    def opened_at(self) -> float:
        """Wall clock time of the opening, in seconds since 1970; that of a start now, until market time starts."""
        return time.time() + START_DELAY_SECONDS if self._opened_at is None else self._opened_at

    def _market_time(self, now: float) -> float:
        assert self.started_at is not None
        return (now - self.started_at) * self.speed


def _to_epoch(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _format_time(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
