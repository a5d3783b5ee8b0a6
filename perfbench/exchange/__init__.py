"""The exchange on your own machine: historic files, served as the live stream of betting exchange data serves them.

Unchanged clients of any release connect to it. It never contacts the real one.
"""

from perfbench.exchange.conversation import Limits
from perfbench.exchange.server import LOOPBACK, Server, Settings
from perfbench.exchange.statement import ConnectionStatement, Frame, Statement
from perfbench.exchange.timeline import Timeline, timeline

__all__ = [
    "LOOPBACK",
    "ConnectionStatement",
    "Frame",
    "Limits",
    "Server",
    "Settings",
    "Statement",
    "Timeline",
    "timeline",
]
