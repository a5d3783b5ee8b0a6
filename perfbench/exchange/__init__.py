"""The exchange on your own machine: historic files, served as the live stream and the API of a betting exchange serve them.

Unchanged clients of any release connect to it. It never contacts the real one.
"""

from perfbench.exchange.api.face import ApiTerms
from perfbench.exchange.api.faults import KINDS as FAULTS
from perfbench.exchange.api.faults import USUAL as USUAL_FAULTS
from perfbench.exchange.api.faults import FaultTerms
from perfbench.exchange.ending import Ending
from perfbench.exchange.house import Limits
from perfbench.exchange.server import LOOPBACK, Server, Settings
from perfbench.exchange.statement import ConnectionStatement, Frame, Statement
from perfbench.exchange.timeline import Timeline, timeline

__all__ = [
    "FAULTS",
    "LOOPBACK",
    "USUAL_FAULTS",
    "ApiTerms",
    "ConnectionStatement",
    "Ending",
    "FaultTerms",
    "Frame",
    "Limits",
    "Server",
    "Settings",
    "Statement",
    "Timeline",
    "timeline",
]
