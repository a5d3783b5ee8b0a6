"""Shared parts of scenarios: readers, releases, memory, servers, clients. Runs in the measured interpreter (Python 3.8 syntax).

A scenario file imports what it needs from these modules, here and wherever it is copied to. They import nothing of perfbench but
its scenario API and worker; packages such as betfairlightweight are imported by the modules that are about them.
"""

from perfbench.kit.memory import resident_bytes
from perfbench.worker.process_memory import peak_rss_bytes
from perfbench.worker.scenario_api import NotAvailable, ScenarioError

__all__ = ["NotAvailable", "ScenarioError", "peak_rss_bytes", "resident_bytes"]
