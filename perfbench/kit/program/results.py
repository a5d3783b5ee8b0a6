"""Results of the simulations of a program: orders as events in time, sums of markets, and the work that was done.

The events of all simulations are merged by market and time. So they are the same whether strategies share a simulation, in which
order files are read, and in which processes; and updates that no order depends on leave no trace in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from perfbench.kit.program.noted import SimulationNote
from perfbench.kit.simulation_record import EndedMarket, SimulationRecord, in_order, milliseconds, number, order_fields
from perfbench.worker.scenario_api import Work

Fields = Dict[str, Any]


@dataclass
class SimulationResult:
    """The result of one ``run()`` as plain values. ``seconds`` are CPU seconds of the process and of children that it waited for.

    ``started`` and ``ended`` are seconds since 1970. Each order has the ``time`` at which it was placed, in ms since 1970, and its
    ``strategy``; each market whether and when it was ``closed``, and how many of its orders were ``refused``.
    ``handled`` are the books that strategies were given to process, in a check pass.
    """

    updates: int
    seconds: float
    started: float
    ended: float
    orders: List[Fields]
    markets: List[Fields]
    process: int
    note: Optional[SimulationNote] = None
    handled: Optional[int] = None


def read_orders(record: SimulationRecord) -> List[Fields]:
    """The orders of a simulation that has ended, with their time and strategy."""
    return [
        {"time": placed.time, "strategy": name_strategy(placed.order.trade.strategy), **order_fields(placed.order)}
        for placed in record.orders
    ]


def read_markets(record: SimulationRecord) -> List[Fields]:
    """The markets of a simulation that has ended: those that it read, and those that only refused orders show."""
    markets = {ended.market.market_id: _read_market(ended, record.refused) for ended in record.markets}
    for market, count in record.refused.items():
        markets.setdefault(market, {"market": market, "closed": False, "time": None, "refused": count})
    return list(markets.values())


def _read_market(ended: EndedMarket, refused: Dict[str, int]) -> Fields:
    market = ended.market
    return {
        "market": market.market_id,
        "closed": bool(market.closed),
        "time": milliseconds(market.date_time_closed) if market.closed else None,
        "refused": refused.get(market.market_id, 0),
    }


def name_strategy(strategy: Any) -> str:
    """The class of a strategy, and its name if it has another one: ``Lay`` or ``Lay:evening``."""
    kind, name = type(strategy).__name__, str(strategy.name)
    return kind if name == kind else "{}:{}".format(kind, name)


class _MarketEvents:
    """The orders of a market by the time at which they were placed, and how it ended."""

    def __init__(self) -> None:
        self.orders: Dict[Tuple[bool, int], List[Fields]] = {}
        self.closed = False
        self.time: Optional[int] = None
        self.refused = 0

    def add_order(self, order: Fields) -> None:
        fields = {name: value for name, value in order.items() if name != "time"}
        time = order["time"]
        self.orders.setdefault((time is not None, time or 0), []).append(fields)

    def add_market(self, market: Fields) -> None:
        self.closed = self.closed or market["closed"]
        self.time = self.time if market["time"] is None else market["time"]
        self.refused += market["refused"]

    def list_orders(self) -> List[Fields]:
        return [order for orders in self.orders.values() for order in orders]

    def sum_up(self) -> Fields:
        """Orders placed and refused, stakes matched, and profit before commission; None for a market that did not close."""
        orders = self.list_orders()
        return {
            "orders": len(orders),
            "refused": self.refused,
            "matched": number(math.fsum(order["matched"] or 0.0 for order in orders)),
            "profit": number(math.fsum(order["profit"] or 0.0 for order in orders)) if self.closed else None,
        }


def _gather_events(results: Sequence[SimulationResult]) -> Dict[str, _MarketEvents]:
    """The events of each market with orders or refused orders, by market id."""
    events: Dict[str, _MarketEvents] = {}
    for result in results:
        for order in result.orders:
            events.setdefault(order["market"], _MarketEvents()).add_order(order)
    for result in results:
        for market in result.markets:
            if market["market"] in events or market["refused"]:
                events.setdefault(market["market"], _MarketEvents()).add_market(market)
    return dict(sorted(events.items()))


def iterate_events(results: Sequence[SimulationResult]) -> Iterator[Fields]:
    """One item for each time at which orders were placed in a market, one for the end of each market, and the totals.

    A market without orders has none. Orders are in their final state. All items have ``time``, ``orders`` and ``markets``.
    """
    markets = _gather_events(results)
    for name, events in markets.items():
        for (_, time), orders in sorted(events.orders.items(), key=lambda item: item[0]):
            yield {"market": name, "time": time, "orders": in_order(orders), "markets": []}
        yield {"market": name, "time": events.time, "orders": [], "markets": [events.sum_up()]}
    sums = [events.sum_up() for events in markets.values()]
    totals = {
        "orders": sum(market["orders"] for market in sums),
        "refused": sum(market["refused"] for market in sums),
        "matched": number(math.fsum(market["matched"] for market in sums)),
        "profit": number(math.fsum(market["profit"] or 0.0 for market in sums)),
    }
    yield {"market": "all", "time": None, "orders": [], "markets": [totals]}


def build_work(results: Sequence[SimulationResult]) -> Work:
    """The work of simulations: their updates, the CPU seconds of their ``run()``, their events, and sums over all markets."""
    *_, last = iterate_events(results)
    (totals,) = last["markets"]
    markets = [market for result in results for market in result.markets]
    counts = [result.handled for result in results if result.handled is not None]
    work = Work(
        sum(result.updates for result in results),
        seconds=math.fsum(result.seconds for result in results) or None,
        output=iterate_events(results),
        per_unit=False,
        simulations=len(results),
        processes=len({result.process for result in results}),
        elapsed_seconds=max(result.ended for result in results) - min(result.started for result in results),
        markets=len(markets),
        closed=sum(market["closed"] for market in markets),
        orders=totals["orders"],
        refused=totals["refused"],
        matched=round(totals["matched"], 2),
        profit=round(totals["profit"], 2),
    )
    work.handled = sum(counts) if counts else None
    return work
