"""A client's subscription to its orders: it is told of a change as soon as there is one."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import MarketClosed
from perfbench.exchange.stream import response_messages
from perfbench.exchange.stream.market_subscription import StreamMessage, read_publish_time
from perfbench.exchange.stream.order_cache import OrderCache, OrderStreamOptions

ORDER_CHANGE_OPERATION = "ocm"


@dataclass(frozen=True, slots=True)
class OrderSubscriptionConfig:
    """The id of the request, whose orders are told and which, and milliseconds of conflation and between heartbeats."""

    request: int
    account: str
    orders: OrderStreamOptions
    conflate_ms: int
    heartbeat_ms: int


class OrderSubscription:
    """One subscription to orders. ``journal`` is what has happened to all orders; it grows."""

    over = True
    """An order stream never has to be told more for a connection to end."""

    def __init__(self, agreed: OrderSubscriptionConfig, journal: Sequence[Order | MarketClosed], token: str) -> None:
        self._agreed, self._journal, self._token = agreed, journal, token
        self._positions = OrderCache(agreed.account, agreed.orders)
        self._position = 0
        self._told_at = time.monotonic()

    def opening(self, missed_since: int | None) -> list[bytes]:
        """The first message: an image of the orders, or what has changed since a position."""
        self._told_at = time.monotonic()
        self._follow(len(self._journal) if missed_since is None else min(missed_since, len(self._journal)))
        if missed_since is None:
            kind, changes = "SUB_IMAGE", self._positions.image()
        else:
            kind, changes = "RESUB_DELTA", self._follow(len(self._journal))
        message = {
            "op": ORDER_CHANGE_OPERATION,
            "id": self._agreed.request,
            "initialClk": self._token,
            "clk": str(self._position),
            "conflateMs": self._agreed.conflate_ms,
            "heartbeatMs": self._agreed.heartbeat_ms,
            "pt": read_publish_time(),
            "ct": kind,
        }
        return [response_messages.encode_line({**message, "oc": changes} if changes else message)]

    def _follow(self, position: int) -> list[dict[str, object]]:
        changes = self._positions.follow(self._journal[self._position : position])
        self._position = position
        return changes

    def next_due(self) -> float:
        """When the next message is due, by the monotonic clock."""
        return min(self._change_due(), self._told_at + self._agreed.heartbeat_ms / 1000)

    def _change_due(self) -> float:
        if self._position == len(self._journal):
            return math.inf
        return self._told_at + self._agreed.conflate_ms / 1000 if self._agreed.conflate_ms else 0.0

    def next(self, now: float, *, behind: bool) -> StreamMessage | None:  # noqa: ARG002 - what is due is always told in one
        """The changes that are due, or a heartbeat; None if there is nothing to say."""
        due = self._change_due()
        if now >= due:
            changes = self._follow(len(self._journal))
            if not changes:
                return None
            self._told_at = now
            message = {
                "op": ORDER_CHANGE_OPERATION,
                "id": self._agreed.request,
                "clk": str(self._position),
                "pt": read_publish_time(),
            }
            return StreamMessage(response_messages.encode_line({**message, "oc": changes}), due, self._position, 0)
        if now >= self._told_at + self._agreed.heartbeat_ms / 1000:
            due, self._told_at = self._told_at + self._agreed.heartbeat_ms / 1000, now
            data = response_messages.build_heartbeat(
                self._agreed.request, self._position, read_publish_time(), operation=ORDER_CHANGE_OPERATION
            )
            return StreamMessage(data, due, self._position, 0)
        return None
