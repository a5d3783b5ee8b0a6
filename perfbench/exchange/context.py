"""State shared by all stream connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.config import Limits
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.metrics import Frame
from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.resume_tokens import ResumeTokens


@dataclass(frozen=True, slots=True)
class ExchangeContext:
    """State shared by all stream connections.

    ``resume_tokens``: clocks issued by another exchange are rejected. ``feed`` returns the encoded updates for a set of
    fields; ``on_subscription`` is called for every subscription; ``closing`` ends all connections;
    ``count_available_connections`` returns how many more are allowed. ``record_frame``: called with the connection and
    every frame. ``close_when_done``: close a connection after the last update. ``reset_every``: reset a connection after
    this many frames, in the middle of the next (0: never). ``app_keys``: accepted application keys.
    """

    timeline: Timeline
    clock: MarketClock
    limits: Limits
    resume_tokens: ResumeTokens
    feed: Callable[[MarketFields], Feed]
    on_subscription: Callable[[str], None]
    count_available_connections: Callable[[], int]
    closing: threading.Event
    record_frame: Callable[[str, Frame], None] | None = None
    close_when_done: bool = False
    order_manager: OrderManager | None = None
    sessions: Sessions = field(default_factory=Sessions)
    reset_every: int = 0
    app_keys: AppKeys = field(default_factory=AppKeys)
