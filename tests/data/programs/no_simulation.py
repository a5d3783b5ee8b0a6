"""Prepares everything and runs nothing."""

from flumine import clients

client = clients.SimulatedClient() if hasattr(clients, "SimulatedClient") else clients.BacktestClient()
