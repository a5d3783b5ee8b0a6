"""What flumine 1.17, 2.x and 3.x call differently, for programs that are to run with all of them."""

import inspect

import flumine
from flumine import BaseStrategy, clients


def make_framework():
    """A simulation with a simulated client."""
    if hasattr(flumine, "FlumineSimulation"):
        return flumine.FlumineSimulation(client=clients.SimulatedClient())
    return flumine.FlumineBacktest(client=clients.BacktestClient())


def choose_markets(markets, **listener_kwargs):
    """The keyword argument that gives market files to a strategy."""
    if "market_filter" in inspect.signature(BaseStrategy.__init__).parameters:
        return {"market_filter": {"markets": list(markets), "listener_kwargs": listener_kwargs}}
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

    return {"streams": [BetfairHistoricalStream(file_path=path, listener_kwargs=listener_kwargs) for path in markets]}
