"""How fast does flumine backtest a strategy on a market, and how much faster with another reader?

The compared output has the orders placed at every update, in their final state, and at the end of a market its number of
orders, stakes matched and profit before commission. The same sums are saved with the samples of a run.

betfair_data has no mode here because it is not compatible: flumine reads the prices of a ladder as ``entry["price"]``, and
betfair_data 0.3.4 offers ``entry.price`` only (flumine 1.17 also wants ``streaming_update``, which its books do not have).
"""

from __future__ import annotations

from typing import Any, Iterator, List

from perfbench import Metric, Work, mode, setup
from perfbench.kit.owners import BACKTEST
from perfbench.kit.pins import TICKRUSH
from perfbench.kit.simulation import backtest, work
from perfbench.kit.strategies import Chosen, choose

UNIT = "updates"
METRICS = {"orders": Metric("orders", better="neither"), "refused": Metric("orders", better="neither")}
OWNERS = BACKTEST


def tickrush_books(market: str, stream_id: int) -> Iterator[List[Any]]:
    """tickrush's market books, one for every update, marked as flumine requires."""
    import tickrush  # noqa: PLC0415 - needed by one mode only

    for book in tickrush.iter_prices_file(market):
        book.streaming_unique_id = stream_id
        yield [book]


@setup
def chosen(*, strategy: str = "best_price", strategy_parameters: str = "") -> Chosen:
    """The strategy: best_price, idle, or path/to/file.py:Class; its parameters as stake=5,every=30."""
    return choose(strategy, strategy_parameters)


@mode(baseline=True)
def flumine_reader(market: str, chosen: Chosen) -> Work:
    """FlumineSimulation with its own historical stream."""
    return work([backtest([market], chosen)])


@mode(needs=[TICKRUSH], group="engines")
def tickrush_reader(market: str, chosen: Chosen) -> Work:
    """FlumineSimulation fed by tickrush (flumine 2 and 3; Python 3.10 or newer)."""
    return work([backtest([market], chosen, tickrush_books)])
