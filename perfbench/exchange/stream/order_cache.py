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
REGULATOR_CODE = "REG_GGC"


@dataclass(frozen=True, slots=True)
class OrderStreamOptions:
    """Strategies to include (None: all), and whether to report matched amounts in total and by strategy."""

    strategies: frozenset[str] | None = None
    include_overall: bool = True
    partition_by_strategy: bool = False


class OrderCache:
    """Orders of an account as last sent to a client."""

    def __init__(self, account: str, options: OrderStreamOptions) -> None:
        self._account, self._options = account, options
        self._orders: dict[str, Order] = {}
        self._closed: set[str] = set()

    def apply_entries(self, entries: Iterable[Order | MarketClosed]) -> list[dict[str, Any]]:
        """Apply journal entries and return the changes by market."""
        before = dict(self._orders)
        changed: dict[str, dict[RunnerKey, list[Order]]] = defaultdict(dict)
        closed_markets = []
        for entry in entries:
            if isinstance(entry, MarketClosed):
                closed_markets.append(entry.market_id)
            elif self._selects(entry):
                self._orders[entry.bet_id] = entry
                changed[entry.runner.market_id].setdefault(entry.runner, []).append(entry)
        own_markets = {order.runner.market_id for order in self._orders.values()}
        self._closed.update(closed_markets)
        return [
            self._build_market_change(market_id, changed.get(market_id, {}), before)
            for market_id in dict.fromkeys(
                [*changed, *(market_id for market_id in closed_markets if market_id in own_markets)]
            )
        ]

    def image(self) -> list[dict[str, Any]]:
        """Return all open orders, and all matched amounts on markets that are not closed."""
        runners_by_market: dict[str, dict[RunnerKey, list[Order]]] = defaultdict(dict)
        for order in self._orders.values():
            if order.runner.market_id not in self._closed:
                open_orders = runners_by_market[order.runner.market_id].setdefault(order.runner, [])
                if order.executable:
                    open_orders.append(order)
        return [
            {**self._build_market_change(market_id, runners, {}, full_image=True), "fullImage": True}
            for market_id, runners in runners_by_market.items()
        ]

    def _selects(self, order: Order) -> bool:
        strategies = self._options.strategies
        return order.account == self._account and (strategies is None or order.customer_strategy_ref in strategies)

    def _build_market_change(
        self,
        market_id: str,
        runners: dict[RunnerKey, list[Order]],
        before: dict[str, Order],
        *,
        full_image: bool = False,
    ) -> dict[str, Any]:
        changes = [
            self._build_runner_change(runner_key, orders, before, full_image=full_image)
            for runner_key, orders in runners.items()
        ]
        closed = {"closed": True} if market_id in self._closed else {}
        return {"id": market_id, **closed, "orc": changes}

    def _build_runner_change(
        self, runner_key: RunnerKey, orders: list[Order], before: dict[str, Order], *, full_image: bool
    ) -> dict[str, Any]:
        latest = {order.bet_id: order for order in orders}
        change: dict[str, Any] = {"id": runner_key.selection_id}
        if runner_key.handicap:
            change["hc"] = runner_key.handicap
        if full_image:
            change["fullImage"] = True
        if latest:
            change["uo"] = [build_unmatched_order(order) for order in latest.values()]
        if self._options.include_overall:
            change.update(self._build_matched_change(runner_key, before, None))
        if self._options.partition_by_strategy:
            strategy_refs = {
                order.customer_strategy_ref for order in self._orders.values() if order.runner == runner_key
            }
            matched_by_strategy = {
                ref: self._build_matched_change(runner_key, before, ref) for ref in sorted(strategy_refs)
            }
            if any(matched_by_strategy.values()):
                change["smc"] = {ref: matched for ref, matched in matched_by_strategy.items() if matched}
        return change

    def _build_matched_change(
        self, runner_key: RunnerKey, before: dict[str, Order], strategy: str | None
    ) -> dict[str, list[list[float]]]:
        """Return the matched amounts by price that changed: ``mb`` for backs, ``ml`` for lays."""
        matched = {}
        for key, side in (("mb", "BACK"), ("ml", "LAY")):
            old = _sum_fills_by_price(
                order for order in before.values() if _matches_runner(order, runner_key, side, strategy)
            )
            new = _sum_fills_by_price(
                order for order in self._orders.values() if _matches_runner(order, runner_key, side, strategy)
            )
            if changed := [[p, new.get(p, 0.0)] for p in sorted({*old, *new}) if old.get(p) != new.get(p)]:
                matched[key] = changed
        return matched


def _matches_runner(order: Order, runner_key: RunnerKey, side: str, strategy: str | None) -> bool:
    return order.runner == runner_key and order.side == side and strategy in (None, order.customer_strategy_ref)


def _sum_fills_by_price(orders: Iterable[Order]) -> dict[float, float]:
    sums: dict[float, float] = defaultdict(float)
    for order in orders:
        for price, size in order.fills:
            sums[price] = round_to_pence(sums[price] + size)
    return sums


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
        "rac": "",
        "rc": REGULATOR_CODE,
        "rfo": order.customer_order_ref,
        "rfs": order.customer_strategy_ref,
    }
