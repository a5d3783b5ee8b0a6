"""Orders and markets of a simulation, noted while it runs, with every release of flumine since 1.17; and an order as plain values.

flumine is imported by the functions that use it: a program without it must not import it, which would change its books.
"""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set

from perfbench.worker.update_hooks import observed

Books = Callable[[], Iterator[List[Any]]]
"""A function that reads a market file: the books of every update."""

REAL_DATETIME = datetime.datetime
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

HANDLER = "process_market_book"
"""The method of flumine's BaseStrategy that is called with each book that its ``check_market_book`` wants."""

FORMER_STATUS = {"LAPSED": "EXECUTION_COMPLETE", "VOIDED": "EXECUTION_COMPLETE"}
"""Final states of flumine 1.17 that later releases merged into one; the sizes distinguish them."""


class PlacedOrder(NamedTuple):
    """An order, the number of the update (from 0) at which it was placed, and the market's time then, in ms since 1970."""

    update: int
    time: Optional[int]
    order: Any


class EndedMarket(NamedTuple):
    """A market, and the number of the last update (from 0) of the file that it was in."""

    update: int
    market: Any


class SimulationRecord:
    """Counts the updates of a framework and notes its orders, those that were refused, and its markets.

    The overhead is one addition for an update, and a call for an order.
    """

    def __init__(self, framework: Any) -> None:
        self._framework = framework
        self.updates = 0
        self.orders: List[PlacedOrder] = []
        self.markets: List[EndedMarket] = []
        self.refused: Dict[str, int] = {}
        self.handled = 0
        self._noted: Set[int] = set()
        self._watched: List[Any] = []

    def watch(self, stream: Any, reader: Optional[Books] = None) -> None:
        """Have a stream count its updates.

        :param reader: reads the books instead of the stream.
        """
        create = stream.create_generator

        def books() -> Iterator[List[Any]]:
            for update in observed(create()() if reader is None else reader()):
                self.updates += 1
                yield update
            self._end_file()

        stream.create_generator = lambda: books
        self._watched.append(stream)

    def release_streams(self) -> None:
        """Have the streams read as before, for another run of the same framework."""
        for stream in self._watched:
            vars(stream).pop("create_generator", None)
        self._watched.clear()

    def _end_file(self) -> None:
        markets = [market for market in self._framework.markets if id(market) not in self._noted]
        self._noted.update(map(id, markets))
        self.markets += [EndedMarket(max(self.updates - 1, 0), market) for market in markets]

    @contextmanager
    def counting_handled(self) -> Iterator[None]:
        """Count the books that strategies are given to process, in a check pass: a call for each would slow a timed one."""
        strategies = [(strategy, vars(strategy).get(HANDLER)) for strategy in self._framework.strategies]
        for strategy, _ in strategies:
            setattr(strategy, HANDLER, self._counted(getattr(strategy, HANDLER)))
        try:
            yield
        finally:
            for strategy, own in strategies:
                vars(strategy).pop(HANDLER, None)
                if own is not None:
                    setattr(strategy, HANDLER, own)

    def _counted(self, handle: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            self.handled += 1
            return handle(*arguments, **keywords)

        return counted

    @contextmanager
    def noting_orders(self) -> Iterator[None]:
        """Note every order that is placed or replaces another one, and count those that flumine's controls refuse."""
        from flumine import config  # noqa: PLC0415 - see the docstring of the module
        from flumine.markets.blotter import Blotter  # noqa: PLC0415
        from flumine.order.order import BaseOrder  # noqa: PLC0415

        accept, refuse = Blotter.__setitem__, BaseOrder.violation

        def note_order(blotter: Any, order_id: str, order: Any) -> None:
            accept(blotter, order_id, order)
            self.orders.append(PlacedOrder(self.updates - 1, milliseconds(config.current_time), order))

        def count_refused(order: Any, reason: str) -> None:
            refuse(order, reason)
            self.refused[order.market_id] = self.refused.get(order.market_id, 0) + 1

        Blotter.__setitem__, BaseOrder.violation = note_order, count_refused
        try:
            yield
        finally:
            Blotter.__setitem__, BaseOrder.violation = accept, refuse


@contextmanager
def errors_raised() -> Iterator[None]:
    """Have flumine raise errors of strategies and middleware: a strategy that failed half-way has not been measured."""
    from flumine import config  # noqa: PLC0415 - see the docstring of the module

    before = config.raise_errors
    config.raise_errors = True
    try:
        yield
    finally:
        config.raise_errors = before


@contextmanager
def real_datetime_afterwards() -> Iterator[None]:
    """flumine replaces ``datetime.datetime``, and old releases leave it so after an error."""
    try:
        yield
    finally:
        datetime.datetime = REAL_DATETIME  # type: ignore[misc]


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
