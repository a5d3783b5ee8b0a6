"""Settings of the API."""

from __future__ import annotations

from dataclasses import dataclass, field

from perfbench.exchange.api.fault_injection import FaultConfig


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Opening balance of every account in pounds, extra latency of every call and of every market book, faults, and
    number of connections at once.
    """

    opening_balance: float = 1000.0
    extra_latency: float = 0.0
    latency_per_market: float = 0.0
    faults: FaultConfig = field(default_factory=FaultConfig)
    max_connections: int = 256
