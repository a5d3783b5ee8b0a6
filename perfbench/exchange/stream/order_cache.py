"""An account's orders as the order stream tells them: what is open, and what was matched at which price.

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
REGULATOR_CODE = "REG_LGA"


@dataclass(frozen=True, slots=True)
class OrderStreamOptions:
    """Of which strategies orders are told (None: all), and whether matched amounts are told in sum, and for each strategy."""

    strategies: frozenset[str] | None = None
    in_sum: bool = True
    by_strategy: bool = False


class OrderCache:
    """What a client has been told of an account."""

    def __init__(self, account: str, terms: OrderStreamOptions) -> None:
        self._account, self._terms = account, terms
        self._orders: dict[str, Order] = {}
        self._closed: set[str] = set()

    def follow(self, entries: Iterable[Order | MarketClosed]) -> list[dict[str, Any]]:
        """What further entries of the journal change, market by market."""
        before = dict(self._orders)
        told: dict[str, dict[RunnerKey, list[Order]]] = defaultdict(dict)
        ended = []
        for entry in entries:
            if isinstance(entry, MarketClosed):
                ended.append(entry.market)
            elif self._concerns(entry):
                self._orders[entry.bet] = entry
                told[entry.place.market].setdefault(entry.place, []).append(entry)
        mine = {order.place.market for order in self._orders.values()}
        self._closed.update(ended)
        return [
            self._market(market, told.get(market, {}), before)
            for market in dict.fromkeys([*told, *(market for market in ended if market in mine)])
        ]

    def image(self) -> list[dict[str, Any]]:
        """All that is open, and all that was matched on markets that are not over."""
        places: dict[str, dict[RunnerKey, list[Order]]] = defaultdict(dict)
        for order in self._orders.values():
            if order.place.market not in self._closed:
                open_ones = places[order.place.market].setdefault(order.place, [])
                if order.executable:
                    open_ones.append(order)
        return [
            {**self._market(market, runners, {}, whole=True), "fullImage": True} for market, runners in places.items()
        ]

    def _concerns(self, order: Order) -> bool:
        strategies = self._terms.strategies
        return order.account == self._account and (strategies is None or order.strategy_ref in strategies)

    def _market(
        self, market: str, runners: dict[RunnerKey, list[Order]], before: dict[str, Order], *, whole: bool = False
    ) -> dict[str, Any]:
        changes = [self._runner(place, orders, before, whole=whole) for place, orders in runners.items()]
        closed = {"closed": True} if market in self._closed else {}
        return {"accountId": 0, "id": market, **closed, "orc": changes}

    def _runner(
        self, place: RunnerKey, orders: list[Order], before: dict[str, Order], *, whole: bool
    ) -> dict[str, Any]:
        latest = {order.bet: order for order in orders}
        said: dict[str, Any] = {"id": place.runner}
        if place.handicap:
            said["hc"] = place.handicap
        if whole:
            said["fullImage"] = True
        if latest:
            said["uo"] = [build_unmatched_order(order) for order in latest.values()]
        if self._terms.in_sum:
            said.update(self._matched(place, before, None))
        if self._terms.by_strategy:
            refs = {order.strategy_ref for order in self._orders.values() if order.place == place}
            parts = {ref: self._matched(place, before, ref) for ref in sorted(refs)}
            if any(parts.values()):
                said["smc"] = {ref: part for ref, part in parts.items() if part}
        return said

    def _matched(
        self, place: RunnerKey, before: dict[str, Order], strategy: str | None
    ) -> dict[str, list[list[float]]]:
        """Amounts by price that have changed: ``mb`` backs, ``ml`` lays."""
        found = {}
        for key, side in (("mb", "BACK"), ("ml", "LAY")):
            old = _sum_fills_by_price(
                order for order in before.values() if _matches_runner(order, place, side, strategy)
            )
            new = _sum_fills_by_price(
                order for order in self._orders.values() if _matches_runner(order, place, side, strategy)
            )
            if changed := [[p, new.get(p, 0.0)] for p in sorted({*old, *new}) if old.get(p) != new.get(p)]:
                found[key] = changed
        return found


def _matches_runner(order: Order, place: RunnerKey, side: str, strategy: str | None) -> bool:
    return order.place == place and order.side == side and strategy in (None, order.strategy_ref)


def _sum_fills_by_price(orders: Iterable[Order]) -> dict[float, float]:
    sums: dict[float, float] = defaultdict(float)
    for order in orders:
        for price, size in order.fills:
            sums[price] = round_to_pence(sums[price] + size)
    return sums


def build_unmatched_order(order: Order) -> dict[str, Any]:
    """An order as the stream writes it."""
    times = {"md": order.matched_at, "ld": order.lapsed_at, "cd": order.cancelled_at}
    liability = {"bsp": order.liability} if order.kind != "LIMIT" else {}
    average = {"avp": order.average} if order.fills else {}
    return {
        "id": order.bet,
        "p": order.price,
        "s": order.size,
        **liability,
        "side": order.side[0],
        "status": STATUS_CODES[order.executable],
        "pt": PERSISTENCE_CODES[order.persistence],
        "ot": ORDER_TYPE_CODES[order.kind],
        "pd": order.placed,
        **{key: at for key, at in times.items() if at is not None},
        **average,
        "sm": order.matched,
        "sr": order.remaining,
        "sl": order.lapsed,
        "sc": order.cancelled,
        "sv": order.voided,
        "rac": "",
        "rc": REGULATOR_CODE,
        "rfo": order.order_ref,
        "rfs": order.strategy_ref,
    }
