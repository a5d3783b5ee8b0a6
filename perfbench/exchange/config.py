"""What all connections to the stream share, and what the exchange puts up with."""

from __future__ import annotations

from dataclasses import dataclass, field

from perfbench.exchange.api.server import ApiConfig


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


LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """Where the exchange listens (port 0: any), how fast market time runs, for how many subscribers it waits, its
    limits, and whether every frame is noted in ``Server.log``, and whether connections end with the last update.

    ``round_trip``: seconds to every client and back; ``users``: who may log in, and by which password (None: everybody);
    ``api``: None if there is none; ``cut_every``: frames after which a connection is cut (0: never); ``unhealthy``: from and
    until when, in seconds of market time from the opening, the stream says that its data are stale.
    """

    host: str = LOOPBACK
    port: int = 0
    speed: float = 1.0
    subscribers: int = 1
    limits: Limits = field(default_factory=Limits)
    logged: bool = False
    hangs_up: bool = False
    round_trip: float = 0.0
    users: dict[str, str] | None = None
    api: ApiConfig | None = None
    api_port: int = 0
    cut_every: int = 0
    unhealthy: tuple[float, float] | None = None
