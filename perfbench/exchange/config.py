"""Settings and limits of the exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.metrics import Frame


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for clients, in seconds and counts.

    ``timeout``: for a handshake, for the first request, for a request to be complete, and for a client that does not
    read. ``conflate_after``: a client that read nothing for this long gets all pending updates in one frame.
    """

    timeout: float = 15.0
    conflate_after: float = 1.0
    max_markets: int = 200
    max_connections: int = 10


LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """Settings of an exchange.

    ``host`` and ``port``: listening address (port 0: any). ``speed``: market time relative to real time.
    ``wait_for_subscribers``: number of subscribers that start market time. ``record_frame``: called with the connection
    and every frame, from several threads (None: nothing). ``close_when_done``: close each connection after the last
    update. ``round_trip``: added round-trip time in seconds. ``users``: passwords by user name (None: anybody).
    ``api``: None for no API. ``reset_every``: frames after which a connection is reset (0: never). ``stale_window``:
    start and end, in seconds of market time from the opening, of a period in which the stream reports stale data.
    ``keep_times``: serve the times of market definitions as they are in the file; otherwise they move with the market
    clock. ``app_keys``: accepted application keys.
    """

    host: str = LOOPBACK
    port: int = 0
    speed: float = 1.0
    wait_for_subscribers: int = 1
    limits: Limits = field(default_factory=Limits)
    record_frame: Callable[[str, Frame], None] | None = None
    close_when_done: bool = False
    round_trip: float = 0.0
    users: dict[str, str] | None = None
    api: ApiConfig | None = None
    api_port: int = 0
    reset_every: int = 0
    stale_window: tuple[float, float] | None = None
    keep_times: bool = False
    app_keys: AppKeys = field(default_factory=AppKeys)
