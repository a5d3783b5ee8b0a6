"""What all connections to the stream share, and what the exchange puts up with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.config import Limits
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed
from perfbench.exchange.replay.timeline import Timeline


@dataclass(frozen=True, slots=True)
class ExchangeContext:
    """What all conversations share. ``token`` is the initial clock of this exchange: that of another one means nothing here.

    ``feed`` makes the updates for some fields ready; ``subscribed`` is told of every subscription, ``closing`` ends them all;
    ``available`` says how many more connections there may be; ``logged``: every frame is noted; ``hangs_up``: a connection ends
    when everything has been told. ``desk`` and ``sessions``: where orders are placed, and who has logged in; ``cut_every``:
    a connection is reset after so many frames, in the middle of the next (0: never).
    """

    timeline: Timeline
    clock: MarketClock
    limits: Limits
    token: str
    feed: Callable[[MarketFields], Feed]
    subscribed: Callable[[str], None]
    available: Callable[[], int]
    closing: threading.Event
    logged: bool = False
    hangs_up: bool = False
    desk: OrderManager | None = None
    sessions: Sessions = field(default_factory=Sessions)
    cut_every: int = 0
