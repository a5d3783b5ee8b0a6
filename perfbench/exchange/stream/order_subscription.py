"""Order subscription: order changes as soon as they happen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import MarketClosed
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.stream import response_messages
from perfbench.exchange.stream.market_subscription import StreamMessage
from perfbench.exchange.stream.order_cache import OrderCache, OrderStreamOptions
from perfbench.exchange.wall_clock import read_epoch_ms

ORDER_CHANGE_OPERATION = "ocm"


@dataclass(frozen=True, slots=True)
class OrderSubscriptionConfig:
    """Parameters of a subscription: request id, account, options, conflation and heartbeat interval in milliseconds."""

    request_id: int
    account: str
    options: OrderStreamOptions
    conflate_ms: int
    heartbeat_ms: int


class OrderSubscription:
    """Subscription to the orders of an account. ``journal`` is the growing log of all order changes."""

    is_complete = True
    """Always True: pending orders never keep a connection open."""

    def __init__(
        self,
        config: OrderSubscriptionConfig,
        journal: Sequence[Order | MarketClosed],
        clock: MarketClock,
        initial_clk: str,
        resume_position: int | None = None,
    ) -> None:
        self._config, self._journal, self._clock, self._initial_clk = config, journal, clock, initial_clk
        self._resume_position = resume_position
        self._cache = OrderCache(config.account, config.options)
        self._position = 0
        self._last_sent_at = time.monotonic()

    def build_opening_messages(self) -> list[bytes]:
        """Build the first message: an image of the orders, or the changes since a position."""
        resume_position = self._resume_position
        self._last_sent_at = time.monotonic()
        self._read_changes(len(self._journal) if resume_position is None else min(resume_position, len(self._journal)))
        if resume_position is None:
            change_type, changes = "SUB_IMAGE", self._cache.image()
        else:
            change_type, changes = "RESUB_DELTA", self._read_changes(len(self._journal))
        message = {
            "op": ORDER_CHANGE_OPERATION,
            "id": self._config.request_id,
            **self._describe_health(self._last_sent_at),
            "initialClk": self._initial_clk,
            "clk": str(self._position),
            "conflateMs": self._config.conflate_ms,
            "heartbeatMs": self._config.heartbeat_ms,
            "pt": read_epoch_ms(),
            "ct": change_type,
        }
        return [response_messages.encode_line({**message, "oc": changes} if changes else message)]

    def _describe_health(self, now: float) -> dict[str, int]:
        """Return the status, which is part of every message while data are stale."""
        status = self._clock.get_status(now)
        return {"status": status} if status else {}

    def _read_changes(self, position: int) -> list[dict[str, object]]:
        changes = self._cache.apply_entries(self._journal[self._position : position])
        self._position = position
        return changes

    def next_due(self) -> float:
        """Return when the next message is due, by the monotonic clock."""
        return min(self._change_due(), self._last_sent_at + self._config.heartbeat_ms / 1000)

    def _change_due(self) -> float:
        if self._position == len(self._journal):
            return math.inf
        return self._last_sent_at + self._config.conflate_ms / 1000 if self._config.conflate_ms else 0.0

    def build_next_message(self, now: float, *, behind: bool) -> StreamMessage | None:  # noqa: ARG002 - all pending changes are always sent in one message
        """Build the due message of changes or heartbeat; None if nothing is due."""
        due = self._change_due()
        if now >= due:
            changes = self._read_changes(len(self._journal))
            if not changes:
                return None
            self._last_sent_at = now
            message = {
                "op": ORDER_CHANGE_OPERATION,
                "id": self._config.request_id,
                **self._describe_health(now),
                "clk": str(self._position),
                "pt": read_epoch_ms(),
            }
            return StreamMessage(response_messages.encode_line({**message, "oc": changes}), due, self._position, 0)
        if now >= self._last_sent_at + self._config.heartbeat_ms / 1000:
            due, self._last_sent_at = self._last_sent_at + self._config.heartbeat_ms / 1000, now
            data = response_messages.build_heartbeat(
                self._config.request_id,
                self._position,
                read_epoch_ms(),
                self._clock.get_status(now),
                operation=ORDER_CHANGE_OPERATION,
            )
            return StreamMessage(data, due, self._position, 0)
        return None
