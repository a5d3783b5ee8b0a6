"""Local exchange: market files served through the live stream and the API of a betting exchange.

Unmodified clients of any release connect to it. It never contacts the real exchange.
"""

from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS, FaultConfig
from perfbench.exchange.api.server import ApiConfig
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.metrics import ConnectionReport, ExchangeReport, Frame
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server

__all__ = [
    "DEFAULT_FAULT_KINDS",
    "FAULT_KINDS",
    "LOOPBACK",
    "ApiConfig",
    "AppKeys",
    "ConnectionReport",
    "ExchangeConfig",
    "ExchangeReport",
    "FaultConfig",
    "Frame",
    "Limits",
    "Server",
    "Timeline",
    "build_timeline",
]
