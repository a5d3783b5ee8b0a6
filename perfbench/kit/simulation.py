"""Simulations with every release of flumine since 1.17, with their results as plain values.

Relevant changes between releases: ``FlumineBacktest`` and ``BacktestClient`` became ``FlumineSimulation`` and
``SimulatedClient`` in 2.0, ``market_filter=`` of a strategy became ``streams=`` in 3.0, and times got a zone on the way. Fresh
objects for every pass. Errors of a strategy are raised and not logged: a strategy that failed half-way has not been measured.
"""

from __future__ import annotations

import inspect
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import flumine
from flumine import BaseStrategy, clients

from perfbench import Work
from perfbench.kit.simulation_record import (
    SimulationRecord,
    errors_raised,
    in_order,
    number,
    order_fields,
    real_datetime_afterwards,
)
from perfbench.kit.strategies import Chosen

Reader = Callable[[str, int], Iterator[List[Any]]]
"""The books of a market file, one list for every update, each marked with the id of its stream."""


@dataclass(frozen=True)
class Backtest:
    """The result of a backtest.

    ``orders`` are keyed by the number of the update, from 0, at which they were placed; ``markets`` by the last update of their
    stream. All values are plain, so that they can be sent between processes.
    """

    updates: int
    orders: Dict[int, List[Dict[str, Any]]]
    markets: Dict[int, List[Dict[str, Any]]]

    def happened(self) -> Iterator[Dict[str, Any]]:
        """One item for every update: the orders placed at it, in their final state, and the markets that ended with it."""
        for update in range(self.updates):
            item = {"orders": self.orders.get(update), "markets": self.markets.get(update)}
            yield {name: value for name, value in item.items() if value}


def work(backtests: Sequence[Backtest]) -> Work:
    """The number of updates, the events of each, and sums over the markets; the profit is that of closed markets."""
    markets = [market for backtest in backtests for ended in backtest.markets.values() for market in ended]
    return Work(
        sum(backtest.updates for backtest in backtests),
        output=(item for backtest in backtests for item in backtest.happened()),
        markets=len(markets),
        closed=sum(market["profit"] is not None for market in markets),
        orders=sum(market["orders"] for market in markets),
        refused=sum(market["refused"] for market in markets),
        matched=round(sum(market["matched"] for market in markets), 2),
        profit=round(sum(market["profit"] or 0.0 for market in markets), 2),
    )


def backtest(markets: Sequence[str], chosen: Chosen, reader: Optional[Reader] = None) -> Backtest:
    """Simulate the strategy on these market files, one after the other, in one framework.

    :param reader: reads the files instead of flumine's own stream.
    """
    framework = _framework()
    record = SimulationRecord(framework)
    framework.add_strategy(chosen.made(**_feed(markets)))
    for stream in framework.streams:
        market = stream.file_path if hasattr(stream, "file_path") else stream.market_filter
        record.watch(stream, None if reader is None else partial(reader, market, stream.stream_id))
    with ExitStack() as ends:
        for context in (errors_raised(), _quiet(), real_datetime_afterwards(), record.noting_orders()):
            ends.enter_context(context)
        framework.run()
    return _read_backtest(record)


def _framework() -> Any:
    if hasattr(flumine, "FlumineSimulation"):
        return flumine.FlumineSimulation(client=clients.SimulatedClient())
    return flumine.FlumineBacktest(client=clients.BacktestClient())


def _feed(markets: Sequence[str]) -> Dict[str, Any]:
    """The keyword argument that passes market files to a strategy in this release."""
    if "market_filter" in inspect.signature(BaseStrategy.__init__).parameters:
        return {"market_filter": {"markets": list(markets)}}
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream  # noqa: PLC0415 - since 3.0 only

    return {"streams": [BetfairHistoricalStream(file_path=market) for market in markets]}


def _read_backtest(record: SimulationRecord) -> Backtest:
    """The recorded events as plain values."""
    orders: Dict[int, List[Dict[str, Any]]] = {}
    for placed in record.orders:
        orders.setdefault(placed.update, []).append(order_fields(placed.order))
    markets: Dict[int, List[Dict[str, Any]]] = {}
    for ended in record.markets:
        markets.setdefault(ended.update, []).append(_sum_market(ended.market, record.refused))
    return Backtest(record.updates, {update: in_order(placed) for update, placed in orders.items()}, markets)


def _sum_market(market: Any, refused: Dict[str, int]) -> Dict[str, Any]:
    """Sums of a market at its end: orders placed and refused, stakes matched, profit before commission.

    The profit is None if the file ends before the market.
    """
    orders = list(market.blotter)
    return {
        "market": market.market_id,
        "orders": len(orders),
        "refused": refused.get(market.market_id, 0),
        "matched": number(sum(order.size_matched for order in orders)),
        "profit": number(sum(order.simulated.profit for order in orders)) if market.closed else None,
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Only critical messages, as flumine's own examples set it for simulations."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
