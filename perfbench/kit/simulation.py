"""Simulations with every release of flumine since 1.17, with their results as plain values.

Relevant changes between releases: ``FlumineBacktest`` and ``BacktestClient`` became ``FlumineSimulation`` and
``SimulatedClient`` in 2.0, ``market_filter=`` of a strategy became ``streams=`` in 3.0, and times got a zone on the way. Fresh
objects for every pass. Errors of a strategy are raised and not logged: a strategy that failed half-way has not been measured.
"""

from __future__ import annotations

import datetime
import inspect
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

import flumine
from flumine import BaseStrategy, clients, config
from flumine.markets.blotter import Blotter
from flumine.order.order import BaseOrder

from perfbench import Work, observed
from perfbench.kit.strategies import Chosen

Reader = Callable[[str, int], Iterator[List[Any]]]
"""The books of a market file, one list for every update, each marked with the id of its stream."""

REAL_DATETIME = datetime.datetime
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


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
    record = _Record(framework)
    framework.add_strategy(chosen.made(**_feed(markets)))
    for stream in framework.streams:
        stream.create_generator = record.watching(stream, reader)
    with ExitStack() as ends:
        for context in (_errors_raised(), _quiet(), _real_datetime_afterwards(), record.noting_orders()):
            ends.enter_context(context)
        framework.run()
    return record.backtest()


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


class _Record:
    """Counts the updates of the framework and records the update of every order."""

    def __init__(self, framework: Any) -> None:
        self._framework = framework
        self._updates = 0
        self._orders: Dict[int, List[Any]] = {}
        self._ended: Dict[int, List[Any]] = {}
        self._refused: Dict[str, int] = {}
        self._seen = 0

    def watching(self, stream: Any, reader: Optional[Reader]) -> Callable[[], Callable[[], Iterator[List[Any]]]]:
        """A replacement of the stream's ``create_generator``: the same books, counted."""
        own = stream.create_generator
        market = stream.file_path if hasattr(stream, "file_path") else stream.market_filter

        def books() -> Iterator[List[Any]]:
            for update in observed(own()() if reader is None else reader(market, stream.stream_id)):
                self._updates += 1
                yield update
            markets = list(self._framework.markets)
            self._ended.setdefault(max(self._updates - 1, 0), []).extend(markets[self._seen :])
            self._seen = len(markets)

        return lambda: books

    @contextmanager
    def noting_orders(self) -> Iterator[None]:
        """Record every order that is placed or replaces another one, and count those that flumine's controls refuse.

        The overhead is per order only.
        """
        accept, refuse = Blotter.__setitem__, BaseOrder.violation

        def noted(blotter: Any, order_id: str, order: Any) -> None:
            accept(blotter, order_id, order)
            self._orders.setdefault(self._updates - 1, []).append(order)

        def counted(order: Any, reason: str) -> None:
            refuse(order, reason)
            self._refused[order.market_id] = self._refused.get(order.market_id, 0) + 1

        Blotter.__setitem__, BaseOrder.violation = noted, counted
        try:
            yield
        finally:
            Blotter.__setitem__, BaseOrder.violation = accept, refuse

    def backtest(self) -> Backtest:
        """The recorded events as plain values."""
        return Backtest(
            updates=self._updates,
            orders={update: in_order(map(order_fields, orders)) for update, orders in self._orders.items()},
            markets={update: [self._sums(market) for market in ended] for update, ended in self._ended.items()},
        )

    def _sums(self, market: Any) -> Dict[str, Any]:
        """Sums of a market at its end: orders placed and refused, stakes matched, profit before commission.

        The profit is None if the file ends before the market.
        """
        orders = list(market.blotter)
        return {
            "market": market.market_id,
            "orders": len(orders),
            "refused": self._refused.get(market.market_id, 0),
            "matched": number(sum(order.size_matched for order in orders)),
            "profit": number(sum(order.simulated.profit for order in orders)) if market.closed else None,
        }


@contextmanager
def _errors_raised() -> Iterator[None]:
    before = config.raise_errors
    config.raise_errors = True
    try:
        yield
    finally:
        config.raise_errors = before


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


@contextmanager
def _real_datetime_afterwards() -> Iterator[None]:
    """flumine replaces ``datetime.datetime``, and old releases leave it so after an error."""
    try:
        yield
    finally:
        datetime.datetime = REAL_DATETIME  # type: ignore[misc]


FORMER_STATUS = {"LAPSED": "EXECUTION_COMPLETE", "VOIDED": "EXECUTION_COMPLETE"}
"""Final states of flumine 1.17 that later releases merged into one; the sizes distinguish them."""


def order_fields(order: Any) -> Dict[str, Any]:
    """The final state of an order without its ids, which differ in every pass. Times in ms; profit None if unsettled."""
    kind = order.order_type
    return {
        "market": order.market_id,
        "runner": order.selection_id,
        "handicap": float(order.handicap or 0),
        "side": order.side,
        "type": kind.ORDER_TYPE.name,
        "price": number(getattr(kind, "price", None)),
        "size": number(getattr(kind, "size", None)),
        "liability": number(getattr(kind, "liability", None)),
        "placed": milliseconds(order.responses.date_time_placed),
        "matched": number(order.size_matched),
        "average": number(order.average_price_matched),
        "cancelled": number(order.size_cancelled),
        "lapsed": number(order.size_lapsed),
        "voided": number(order.size_voided),
        "status": FORMER_STATUS.get(order.status.name, order.status.name),
        "profit": number(order.simulated.profit) if order.runner_status else None,
    }


def in_order(orders: Iterable[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The orders of one update in a total order: readers differ in the order of runners, which strategies iterate over."""
    return sorted(orders, key=lambda order: [str(value) for value in order.values()])


def number(value: Any) -> Optional[float]:
    """A number for comparison: 12 significant digits, no negative zero. None stays None."""
    return None if value is None else float("%.12g" % value) + 0.0


def milliseconds(time: Optional[datetime.datetime]) -> Optional[int]:
    """A time in UTC, naive or aware, as milliseconds since 1970."""
    if time is None:
        return None
    return round((time.replace(tzinfo=datetime.timezone.utc) - EPOCH).total_seconds() * 1000)
