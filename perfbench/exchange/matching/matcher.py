"""Order matching on one market against the replayed book.

An order takes the offers at its price or better. Each offer is taken once: its size stays reduced until the file
changes it. The rest of the order queues behind the size that was already at its price, and is filled from traded
volume: half of each change, because the stream's traded volume counts both sides. The replayed book itself never
changes: orders are invisible to other clients.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from perfbench.exchange.matching.exposure import Exposure
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.order import Order, RunnerKey, Side, fill_from, round_to_pence
from perfbench.worker.market_cache import MarketChange

REMOVED_STATUSES = frozenset({"REMOVED", "REMOVED_VACANT"})
MATERIAL_EVENTS = ("goal", "penalty", "red card", "var")
"""Words in the reason of a suspension (suspendReason) after which unmatched in-play orders lapse."""

TradedVolumes = dict[float, float]
"""Backers' volume at each price since the last update, in pounds."""


class Matcher:
    """Matches the orders of one market. Methods return the orders that they change.

    ``orders`` are all orders by bet id; those that can still be matched are indexed by runner, so that the cost of an
    update does not depend on how many are finished. ``exposures`` are by account; ``settled_at`` is the time of the
    closure in milliseconds since 1970.
    """

    def __init__(self, market_id: str) -> None:
        self.state = MarketState(market_id)
        self.orders: dict[str, Order] = {}
        self.exposures: defaultdict[str, Exposure] = defaultdict(Exposure)
        self.settled_at: int | None = None
        self._open: defaultdict[RunnerKey, dict[str, Order]] = defaultdict(dict)
        self._bet_ids: defaultdict[RunnerKey, list[str]] = defaultdict(list)
        self._changed: dict[str, Order] = {}
        self._taken_sizes: defaultdict[RunnerKey, dict[tuple[Side, float], float]] = defaultdict(dict)
        self._removed_runners: set[RunnerKey] = set()
        self._in_play = False
        self._reconciled = False
        self._suspended = False

    @property
    def closed(self) -> bool:
        """Whether the market is closed and settled."""
        return self.settled_at is not None

    @property
    def open_orders(self) -> list[Order]:
        """Orders that can still be matched, oldest first."""
        orders = [order for by_bet_id in self._open.values() for order in by_bet_id.values()]
        return sorted(orders, key=lambda order: order.bet_id)

    @property
    def has_open_orders(self) -> bool:
        """Whether any order can still be matched."""
        return any(self._open.values())

    @property
    def winners(self) -> int:
        """Number of winners of the market."""
        return int(self.state.definition.get("numberOfWinners") or 1)

    def set_order(self, order: Order) -> Order:
        """Add an order or replace its state."""
        before = self.orders.get(order.bet_id)
        if before is None:
            self._bet_ids[order.runner].append(order.bet_id)
        self.exposures[order.account].replace_order(before, order)
        self.orders[order.bet_id] = order
        self._changed[order.bet_id] = order
        if order.executable:
            self._open[order.runner][order.bet_id] = order
        else:
            self._open[order.runner].pop(order.bet_id, None)
        return order

    def place_order(self, order: Order, now: int, min_fill_size: float | None = None) -> Order:
        """Match an order immediately as far as possible, and queue the remainder.

        :param min_fill_size: pounds that must match immediately, or nothing does; the remainder is then cancelled
            (fill or kill).
        """
        if order.order_type != "LIMIT":
            return self.set_order(order)
        fills = self._match_offers(order)
        if min_fill_size is None:
            order = self._apply_fills(order, fills, now)
            queue_ahead = self.state.size_ahead(order.runner, order.side, order.price)
            return self.set_order(replace(order, queue_ahead=queue_ahead))
        if round_to_pence(sum(size for _, size in fills)) < min_fill_size:
            return self.set_order(order.kill(now))
        order = self._apply_fills(order, fills, now)
        return self.set_order(order.cancel(order.size_remaining, now) if order.executable else order)

    def is_marketable(self, runner: RunnerKey, side: Side, price: float) -> bool:
        """Return whether an order would be matched immediately, at least in part."""
        offers = self.state.list_offers(runner, side)
        taken = self._taken_sizes[runner]
        best = next((at for at, size in offers if size > taken.get((side, at), 0.0)), None)
        return best is not None and (best >= price if side == "BACK" else best <= price)

    def apply_change(self, change: MarketChange, now: int) -> list[Order]:
        """Apply the next change of the market and return the orders that it changes."""
        self._changed = {}
        trades = self._read_trades(change) if self.has_open_orders else {}
        self.state.apply_change(change)
        self._prune_taken_sizes(change)
        if "marketDefinition" in change:
            self._apply_definition(now)
        if self.state.is_open:
            self._match(change, trades, now)
        return sorted(self._changed.values(), key=lambda order: order.bet_id)

    def _match_offers(self, order: Order) -> list[tuple[float, float]]:
        """Return the fills available in the book, less what earlier orders took."""
        offers = self.state.list_offers(order.runner, order.side)
        return fill_from(order, ((price, size - self._get_taken_size(order, price)) for price, size in offers))

    def _get_taken_size(self, order: Order, price: float) -> float:
        return self._taken_sizes[order.runner].get((order.side, price), 0.0)

    def _apply_fills(self, order: Order, fills: list[tuple[float, float]], now: int) -> Order:
        for price, size in fills:
            taken = round_to_pence(self._get_taken_size(order, price) + size)
            self._taken_sizes[order.runner][order.side, price] = taken
        return order.add_fills(fills, now) if fills else order

    def _prune_taken_sizes(self, change: MarketChange) -> None:
        """Forget taken sizes whose offers are gone, and cap the others at what is still offered."""
        for runner in list(self._taken_sizes) if change.get("img") else self._list_changed_runners(change):
            taken = self._taken_sizes.get(runner)
            if not taken:
                continue
            offered = {side: dict(self.state.list_offers(runner, side)) for side in {side for side, _ in taken}}
            self._taken_sizes[runner] = {
                (side, price): min(size, offered[side][price])
                for (side, price), size in taken.items()
                if offered[side].get(price)
            }

    def _list_changed_runners(self, change: MarketChange) -> list[RunnerKey]:
        keys = (RunnerKey(self.state.market_id, r["id"], r.get("hc", 0.0)) for r in change.get("rc") or ())
        return list(dict.fromkeys(keys))

    def _read_trades(self, change: MarketChange) -> dict[RunnerKey, TradedVolumes]:
        trades: dict[RunnerKey, TradedVolumes] = {}
        for runner in change.get("rc") or ():
            ladder = self.state.get_runner_prices(runner["id"], runner.get("hc", 0)).get("trd", {})
            for price, size in runner.get("trd") or ():
                volume = (size - ladder[price][-1] if price in ladder else size) / 2
                if volume > 0:
                    runner_key = RunnerKey(self.state.market_id, runner["id"], runner.get("hc", 0.0))
                    trades.setdefault(runner_key, {})[price] = volume
        return trades

    def _match(self, change: MarketChange, trades: dict[RunnerKey, TradedVolumes], now: int) -> None:
        for runner in self._list_changed_runners(change):
            for order in list(self._open.get(runner, {}).values()):
                if order.order_type == "LIMIT" and not order.on_close:
                    crossed = self._apply_fills(order, self._match_offers(order), now)
                    matched = _fill_from_trades(crossed, trades.get(runner, {}), now)
                    if matched is not order:
                        self.set_order(matched)

    # Market turns ------------------------------------------------------------------------------------------------------------

    def _apply_definition(self, now: int) -> None:
        """Apply a new definition to the orders: removed runners, in-play, suspension, starting prices, closure."""
        definition = self.state.definition
        self._remove_runners(definition, now)
        if definition.get("inPlay") and not self._in_play:
            self._in_play = True
            self._turn_in_play(now)
        was_suspended, self._suspended = self._suspended, definition.get("status") == "SUSPENDED"
        if self._suspended and not was_suspended and _is_material_event(definition):
            self._lapse_all(now, lambda order: order.order_type == "LIMIT" and order.persistence_type == "LAPSE")
        if definition.get("bspReconciled") and not self._reconciled:
            self._reconciled = True
            self._reconcile_bsp(now)
        if definition.get("status") == "CLOSED" and not self.closed:
            self.settled_at = now
            self._lapse_all(now, lambda _: True)

    def _remove_runners(self, definition: dict[str, Any], now: int) -> None:
        for entry in definition.get("runners", ()):
            runner = RunnerKey(self.state.market_id, entry["id"], entry.get("hc", 0.0))
            if entry.get("status") in REMOVED_STATUSES and runner not in self._removed_runners:
                self._removed_runners.add(runner)
                for bet_id in self._bet_ids.get(runner, ()):
                    order = self.orders[bet_id]
                    if (changed := order.void(now)) is not order:
                        self.set_order(changed)

    def _lapse_all(self, now: int, selects: Callable[[Order], bool]) -> None:
        for order in self.open_orders:
            if selects(order):
                self.set_order(order.lapse(now))

    def _turn_in_play(self, now: int) -> None:
        for order in self.open_orders:
            if order.order_type == "LIMIT" and order.persistence_type == "LAPSE":
                self.set_order(order.lapse(now))
            elif order.order_type == "LIMIT" and order.persistence_type == "MARKET_ON_CLOSE":
                self.set_order(replace(order, on_close=True))

    def _reconcile_bsp(self, now: int) -> None:
        for order in self.open_orders:
            if order.order_type != "LIMIT" or order.on_close:
                runner = self.state.find_runner_definition(order.runner.selection_id, order.runner.handicap) or {}
                self.set_order(_match_at_starting_price(order, runner.get("bsp"), now))


def _is_material_event(definition: dict[str, Any]) -> bool:
    reason = str(definition.get("suspendReason") or "").lower().replace("_", " ")
    return bool(definition.get("inPlay")) and any(word in reason for word in MATERIAL_EVENTS)


def _match_at_starting_price(order: Order, starting_price: Any, now: int) -> Order:
    """Return an order after the reconciliation: matched at the starting price, or lapsed."""
    price = float(starting_price) if isinstance(starting_price, (int, float)) else 0.0
    if math.isfinite(price) and price > 1 and (order.order_type != "LIMIT_ON_CLOSE" or order.accepts_price(price)):
        order = order.add_fills([(price, _compute_bsp_stake(order, price))], now)
        return replace(order, complete=True)
    return order.lapse(now)


def _compute_bsp_stake(order: Order, price: float) -> float:
    """Return the stake matched at the starting price for what an order risks."""
    if order.order_type == "LIMIT":
        return (
            order.size_remaining
            if order.side == "BACK"
            else round_to_pence(order.size_remaining * (order.price - 1) / (price - 1))
        )
    return order.liability if order.side == "BACK" else round_to_pence(order.liability / (price - 1))


def _fill_from_trades(order: Order, trades: TradedVolumes, now: int) -> Order:
    """Return an order filled from traded volume; the volume used is deducted from ``trades``."""
    fills: list[tuple[float, float]] = []
    for price, volume in _iterate_acceptable_trades(order, trades):
        available = volume
        if price == order.price:
            queued = min(order.queue_ahead, available)
            order = replace(order, queue_ahead=order.queue_ahead - queued)
            available -= queued
        amount = round_to_pence(min(order.size_remaining - sum(size for _, size in fills), available))
        if amount > 0:
            fills.append((order.price, amount))
            trades[price] -= amount
    return order.add_fills(fills, now) if fills else order


def _iterate_acceptable_trades(order: Order, trades: TradedVolumes) -> Iterator[tuple[float, float]]:
    """Yield the trades at an order's price or better, best first."""
    for price in sorted(trades, reverse=order.side == "BACK"):
        if order.accepts_price(price):
            yield price, trades[price]
