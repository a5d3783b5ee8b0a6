"""How fast does flumine backtest a strategy on a market, and how much faster with another reader?

The compared output has the orders placed at every update, in their final state, and at the end of a market its number of
orders, stakes matched and profit before commission. The same sums are saved with the samples of a run.

betfair_data has no mode here because it is not compatible: flumine reads the prices of a ladder as ``entry["price"]``, and
betfair_data 0.3.4 offers ``entry.price`` only (flumine 1.17 also wants ``streaming_update``, which its books do not have).
"""

from __future__ import annotations

from _backtest import backtest, work
from _owners import BACKTEST
from _readers import tickrush_books
from _strategies import Chosen, choose

from perfbench import Work, mode, setup

UNIT = "updates"
OWNERS = BACKTEST


@setup
def chosen(*, strategy: str = "best_price", strategy_parameters: str = "") -> Chosen:
    """The strategy: best_price, idle, or path/to/file.py:Class; its parameters as stake=5,every=30."""
    return choose(strategy, strategy_parameters)


@mode(baseline=True)
def flumine_reader(market: str, chosen: Chosen) -> Work:
    """FlumineSimulation with its own historical stream."""
    return work([backtest([market], chosen)])


@mode(needs=["tickrush==0.1.0"], group="engines")
def tickrush_reader(market: str, chosen: Chosen) -> Work:
    """FlumineSimulation fed by tickrush (flumine 2 and 3; Python 3.10 or newer)."""
    return work([backtest([market], chosen, tickrush_books)])
