"""One face for every release of flumine since 1.17: run a simulation, and what came of it as plain values.

What changed between releases and matters here: ``FlumineBacktest`` and ``BacktestClient`` became ``FlumineSimulation`` and
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
from _strategies import Chosen
from flumine import BaseStrategy, clients, config
from flumine.markets.blotter import Blotter
from flumine.order.order import BaseOrder

from perfbench import Work, observed

Reader = Callable[[str, int], Iterator[List[Any]]]
"""The books of a market file, one list for every update, each marked with the id of its stream."""

REAL_DATETIME = datetime.datetime
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class Backtest:
    """What came of a backtest.

    ``orders`` are keyed by the number of the update, from 0, at which they were placed; ``markets`` by the last update of their
    stream. All values are plain, so that they can go from one process to another.
    """

    updates: int
    orders: Dict[int, List[Dict[str, Any]]]
    markets: Dict[int, List[Dict[str, Any]]]

    def happened(self) -> Iterator[Dict[str, Any]]:
        """One item for every update: the orders placed at it, as they ended, and the markets that it was the last of."""
        for update in range(self.updates):
            item = {"orders": self.orders.get(update), "markets": self.markets.get(update)}
            yield {name: value for name, value in item.items() if value}


def work(backtests: Sequence[Backtest]) -> Work:
    """The updates of all of these, what happened at each, and sums over the markets; the profit is that of the closed ones."""
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

    :param reader: reads the files in place of flumine's own stream.
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
    """The keyword by which a strategy of this release is told its market files."""
    if "market_filter" in inspect.signature(BaseStrategy.__init__).parameters:
        return {"market_filter": {"markets": list(markets)}}
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream  # noqa: PLC0415 - since 3.0 only

    return {"streams": [BetfairHistoricalStream(file_path=market) for market in markets]}


class _Record:
    """Counts the updates that the framework is fed with, and notes at which of them an order enters the books."""

    def __init__(self, framework: Any) -> None:
        self._framework = framework
        self._updates = 0
        self._orders: Dict[int, List[Any]] = {}
        self._ended: Dict[int, List[Any]] = {}
        self._refused: Dict[str, int] = {}
        self._seen = 0

    def watching(self, stream: Any, reader: Optional[Reader]) -> Callable[[], Callable[[], Iterator[List[Any]]]]:
        """In place of the stream's ``create_generator``: the same books, counted."""
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
        """As long as it lasts, every order that is placed or takes the place of another one is noted, and every one that flumine's
        controls refuse is counted: a cost per order only.
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
        """All of it as plain values."""
        return Backtest(
            updates=self._updates,
            orders={update: in_order(map(order_fields, orders)) for update, orders in self._orders.items()},
            markets={update: [self._sums(market) for market in ended] for update, ended in self._ended.items()},
        )

    def _sums(self, market: Any) -> Dict[str, Any]:
        """A market at its end: how many orders were placed and refused, the stakes matched, and the profit before commission.

        A file may end before its market does: then the profit is None.
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
"""What flumine 1.17 called the ends of an order that its sizes tell too: later releases have one name for them."""


def order_fields(order: Any) -> Dict[str, Any]:
    """An order as it ended, without what is different in every pass (its ids). Times in ms; profit None if it was not settled."""
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
    """The orders of one update in a total order: readers do not agree on the order of runners, and strategies go through them."""
    return sorted(orders, key=lambda order: [str(value) for value in order.values()])


def number(value: Any) -> Optional[float]:
    """A number as it compares: 12 significant digits, no negative zero. None stays None."""
    return None if value is None else float("%.12g" % value) + 0.0


def milliseconds(time: Optional[datetime.datetime]) -> Optional[int]:
    """A time, in UTC whether it says so or not, as milliseconds since 1970."""
    if time is None:
        return None
    return round((time.replace(tzinfo=datetime.timezone.utc) - EPOCH).total_seconds() * 1000)
