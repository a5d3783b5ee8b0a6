"""What all connections to the stream share, and what the exchange puts up with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.exchange.betting.desk import Desk
from perfbench.exchange.clock import Clock
from perfbench.exchange.feed import Feed
from perfbench.exchange.fields import Fields
from perfbench.exchange.sessions import Sessions
from perfbench.exchange.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Limits:
    """What the exchange puts up with, in seconds and numbers.

    ``patience``: for a handshake, for a whole request, for the first one, and for a client that reads nothing.
    ``conflate_after``: a client that took nothing for so long gets all that is due in one frame.
    """

    patience: float = 15.0
    conflate_after: float = 1.0
    markets: int = 200
    connections: int = 10


@dataclass(frozen=True, slots=True)
class House:
    """What all conversations share. ``token`` is the initial clock of this exchange: that of another one means nothing here.

    ``feed`` makes the updates for some fields ready; ``subscribed`` is told of every subscription, ``closing`` ends them all;
    ``available`` says how many more connections there may be; ``logged``: every frame is noted; ``hangs_up``: a connection ends
    when everything has been told. ``desk`` and ``sessions``: where orders are placed, and who has logged in; ``cut_every``:
    a connection is reset after so many frames, in the middle of the next (0: never).
    """

    timeline: Timeline
    clock: Clock
    limits: Limits
    token: str
    feed: Callable[[Fields], Feed]
    subscribed: Callable[[str], None]
    available: Callable[[], int]
    closing: threading.Event
    logged: bool = False
    hangs_up: bool = False
    desk: Desk | None = None
    sessions: Sessions = field(default_factory=Sessions)
    cut_every: int = 0
