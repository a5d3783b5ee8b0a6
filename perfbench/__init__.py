"""Benchmark and profiler for Betfair market-data replay. A scenario file imports all that it needs from here."""

from perfbench.worker.scenario_api import Change, Claim, Metric, NotAvailable, Work, canonical, mode, setup
from perfbench.worker.update_hooks import observed

__version__ = "0.1.0"
__all__ = ["Change", "Claim", "Metric", "NotAvailable", "Work", "canonical", "mode", "observed", "setup"]
