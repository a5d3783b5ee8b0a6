"""Runs flumine live."""

from flumine import Flumine, clients

client = clients.SimulatedClient() if hasattr(clients, "SimulatedClient") else clients.BacktestClient()
Flumine(client).run()
