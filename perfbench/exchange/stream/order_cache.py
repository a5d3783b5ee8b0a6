"""Order cache of an account: unmatched orders, and matched amounts by price.

Names: Betfair, Exchange Stream API, OrderChangeMessage (ESASwaggerSchema.json of betfair/stream-api-sample-code).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perfbench.exchange.matching.order import Order, RunnerKey, round_to_pence
from perfbench.exchange.matching.order_manager import MarketClosed

STATUS_CODES = {True: "E", False: "EC"}
ORDER_TYPE_CODES = {"LIMIT": "L", "LIMIT_ON_CLOSE": "LOC", "MARKET_ON_CLOSE": "MOC"}
PERSISTENCE_CODES = {"LAPSE": "L", "PERSIST": "P", "MARKET_ON_CLOSE": "MOC"}
MATCHED_KEYS = {"BACK": "mb", "LAY": "ml"}
REGULATOR_CODE = "REG_GGC"


@dataclass(frozen=True, slots=True)
class OrderStreamOptions:
    """Strategies to include (None: all), and whether to report matched amounts in total and by strategy."""

    strategies: frozenset[str] | None = None
    include_overall: bool = True
    partition_by_strategy: bool = False


class OrderCache:
    """Orders of an account as last sent to a client.

    The cost of a change does not depend on how many orders there have been: only the open orders, the fills of the
    others and the matched amounts by price are kept, and nothing of closed markets.
    """

    def __init__(self, account: str, options: OrderStreamOptions) -> None:
        self._account, self._options = account, options
        self._markets: dict[str, dict[RunnerKey, _RunnerOrders]] = {}

    def apply_entries(self, entries: Iterable[Order | MarketClosed]) -> list[dict[str, Any]]:
        """Apply journal entries and return the changes by market."""
        changed: dict[str, dict[RunnerKey, _RunnerOrders]] = {}
        closed_markets = set()
        for entry in entries:
            if isinstance(entry, MarketClosed):
                if self._markets.pop(entry.market_id, None):
                    closed_markets.add(entry.market_id)
                    changed.setdefault(entry.market_id, {})
            elif self._selects(entry):
                market_id = entry.runner.market_id
                runner = self._markets.setdefault(market_id, {}).setdefault(entry.runner, _RunnerOrders())
                runner.apply(entry)
                changed.setdefault(market_id, {})[entry.runner] = runner
        return [
            {
                "id": market_id,
                **({"closed": True} if market_id in closed_markets else {}),
                "orc": [self._build_runner_change(key, runner.take_changes()) for key, runner in runners.items()],
            }
            for market_id, runners in changed.items()
        ]

    def image(self) -> list[dict[str, Any]]:
        """Return all open orders, and all matched amounts on markets that are not closed."""
        return [
            {
                "id": market_id,
                "orc": [
                    self._build_runner_change(key, runner.list_all(), full_image=True)
                    for key, runner in runners.items()
                ],
                "fullImage": True,
            }
            for market_id, runners in self._markets.items()
        ]

    def _selects(self, order: Order) -> bool:
        strategies = self._options.strategies
        return order.account == self._account and (strategies is None or order.customer_strategy_ref in strategies)

    def _build_runner_change(
        self, runner: RunnerKey, changes: _RunnerChanges, *, full_image: bool = False
    ) -> dict[str, Any]:
        change: dict[str, Any] = {"id": runner.selection_id}
        if runner.handicap:
            change["hc"] = runner.handicap
        if full_image:
            change["fullImage"] = True
        if changes.orders:
            change["uo"] = [build_unmatched_order(order) for order in changes.orders]
        if self._options.include_overall:
            change.update(_list_matched(changes.overall))
        if self._options.partition_by_strategy and changes.by_strategy:
            change["smc"] = {ref: _list_matched(matched) for ref, matched in sorted(changes.by_strategy.items())}
        return change


MatchedSizes = dict[tuple[str, float], float]
"""Matched size by key of the stream (``mb`` for backs, ``ml`` for lays) and price."""


@dataclass(frozen=True, slots=True)
class _RunnerChanges:
    """Latest states of orders, and matched sizes in total and by strategy."""

    orders: tuple[Order, ...]
    overall: MatchedSizes
    by_strategy: dict[str, MatchedSizes]


class _RunnerOrders:
    """Orders of an account on one runner, and what has changed of them since it was last taken."""

    def __init__(self) -> None:
        self._open: dict[str, Order] = {}
        self._fills: dict[str, tuple[tuple[float, float], ...]] = {}
        self._overall: MatchedSizes = {}
        self._by_strategy: dict[str, MatchedSizes] = {}
        self._changed_orders: dict[str, Order] = {}
        self._changed_sizes: dict[tuple[str, str, float], None] = {}

    def apply(self, order: Order) -> None:
        """Apply the next state of an order."""
        self._changed_orders[order.bet_id] = order
        if order.executable:
            self._open[order.bet_id] = order
        else:
            self._open.pop(order.bet_id, None)
        before, after = dict(self._fills.pop(order.bet_id, ())), dict(order.fills)
        if order.fills:
            self._fills[order.bet_id] = order.fills
        key, ref = MATCHED_KEYS[order.side], order.customer_strategy_ref
        for price in {*before, *after}:
            growth = after.get(price, 0.0) - before.get(price, 0.0)
            if growth:
                for sizes in (self._overall, self._by_strategy.setdefault(ref, {})):
                    sizes[key, price] = round_to_pence(sizes.get((key, price), 0.0) + growth)
                self._changed_sizes[ref, key, price] = None

    def take_changes(self) -> _RunnerChanges:
        """Return the changes since the last call."""
        overall = {(key, price): self._overall[key, price] for _, key, price in self._changed_sizes}
        by_strategy: dict[str, MatchedSizes] = defaultdict(dict)
        for ref, key, price in self._changed_sizes:
            by_strategy[ref][key, price] = self._by_strategy[ref][key, price]
        changes = _RunnerChanges(tuple(self._changed_orders.values()), overall, dict(by_strategy))
        self._changed_orders, self._changed_sizes = {}, {}
        return changes

    def list_all(self) -> _RunnerChanges:
        """Return the open orders and everything that is matched."""
        by_strategy = {ref: matched for ref, sizes in self._by_strategy.items() if (matched := _drop_empty(sizes))}
        return _RunnerChanges(tuple(self._open.values()), _drop_empty(self._overall), by_strategy)


def _drop_empty(sizes: MatchedSizes) -> MatchedSizes:
    return {place: size for place, size in sizes.items() if size}


def _list_matched(sizes: MatchedSizes) -> dict[str, list[list[float]]]:
    """Return the matched sizes by price, in the form of the stream."""
    lists: dict[str, list[list[float]]] = {}
    for key, price in sorted(sizes):
        lists.setdefault(key, []).append([price, sizes[key, price]])
    return lists


def build_unmatched_order(order: Order) -> dict[str, Any]:
    """Build the ``uo`` entry of an order."""
    times = {"md": order.matched_at, "ld": order.lapsed_at, "cd": order.cancelled_at}
    liability = {"bsp": order.liability} if order.order_type != "LIMIT" else {}
    average = {"avp": order.average_price} if order.fills else {}
    return {
        "id": order.bet_id,
        "p": order.price,
        "s": order.size,
        **liability,
        "side": order.side[0],
        "status": STATUS_CODES[order.executable],
        "pt": PERSISTENCE_CODES[order.persistence_type],
        "ot": ORDER_TYPE_CODES[order.order_type],
        "pd": order.placed_at,
        **{key: at for key, at in times.items() if at is not None},
        **average,
        "sm": order.size_matched,
        "sr": order.size_remaining,
        "sl": order.size_lapsed,
        "sc": order.size_cancelled,
        "sv": order.size_voided,
        **({"lsrc": order.lapse_reason} if order.lapse_reason else {}),
        "rac": "",
        "rc": REGULATOR_CODE,
        "rfo": order.customer_order_ref,
        "rfs": order.customer_strategy_ref,
    }
