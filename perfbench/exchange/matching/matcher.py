"""Order matching on one market against the replayed book.

An order takes the offers at its price or better. Each offer is taken once: its size stays reduced until the file
changes it. The rest of the order queues behind the size that was already at its price, and is filled from traded
volume: half of each change, because the stream's traded volume counts both sides. The replayed book itself never
changes: orders are invisible to other clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perfbench.exchange.market_cache import MarketChange
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.order import Order, RunnerKey, fill_from, round_to_pence

REMOVED_STATUSES = frozenset({"REMOVED", "REMOVED_VACANT"})
TradedVolumes = dict[float, float]
"""Backers' volume at each price since the last update, in pounds."""


class Matcher:
    """Matches the orders of one market. Methods return the orders that they change."""

    def __init__(self, market_id: str) -> None:
        self.state = MarketState(market_id)
        self.orders: dict[str, Order] = {}
        self.closed = False
        self._taken_sizes: dict[tuple[RunnerKey, str, float], float] = {}
        self._in_play = False
        self._reconciled = False

    @property
    def open_orders(self) -> list[Order]:
        """Orders that can still be matched, oldest first."""
        return [order for order in self.orders.values() if order.executable]

    def place_order(self, order: Order, now: int, min_fill_size: float | None = None) -> Order:
        """Match an order immediately as far as possible, and queue the remainder.

        :param min_fill_size: pounds that must match immediately, or nothing does; the remainder is then cancelled
            (fill or kill).
        """
        if order.order_type == "LIMIT":
            fills = self._match_offers(order)
            if min_fill_size is not None and sum(size for _, size in fills) < min_fill_size:
                fills = []
            order = self._apply_fills(order, fills, now)
            queue_ahead = self.state.size_ahead(order.runner, order.side, order.price)
            order = (
                replace(order, queue_ahead=queue_ahead)
                if min_fill_size is None
                else order.cancel(order.size_remaining, now)
            )
        self.orders[order.bet_id] = order
        return order

    def apply_change(self, change: MarketChange, now: int) -> list[Order]:
        """Apply the next change of the market and return the orders that it changes."""
        before = dict(self.orders)
        trades = self._read_trades(change) if self.open_orders else {}
        self.state.apply_change(change)
        self._prune_taken_sizes(change)
        if "marketDefinition" in change:
            self._apply_definition(now)
        if self.state.is_open:
            self._match(change, trades, now)
        return [order for bet_id, order in self.orders.items() if order is not before.get(bet_id)]

    def _match_offers(self, order: Order) -> list[tuple[float, float]]:
        """Return the fills available in the book, less what earlier orders took."""
        offers = self.state.list_offers(order.runner, order.side)
        return fill_from(order, ((price, size - self._get_taken_size(order, price)) for price, size in offers))

    def _get_taken_size(self, order: Order, price: float) -> float:
        return self._taken_sizes.get((order.runner, order.side, price), 0.0)

    def _apply_fills(self, order: Order, fills: list[tuple[float, float]], now: int) -> Order:
        for price, size in fills:
            self._taken_sizes[order.runner, order.side, price] = round_to_pence(
                self._get_taken_size(order, price) + size
            )
        return order.add_fills(fills, now) if fills else order

    def _prune_taken_sizes(self, change: MarketChange) -> None:
        """Forget taken sizes whose offers are gone, and cap the others at what is still offered."""
        for key in [key for key in self._taken_sizes if change.get("img") or self._changes_runner(change, key[0])]:
            runner_key, side, price = key
            offered = dict(self.state.list_offers(runner_key, "BACK" if side == "BACK" else "LAY")).get(price, 0.0)
            if offered:
                self._taken_sizes[key] = min(self._taken_sizes[key], offered)
            else:
                del self._taken_sizes[key]

    @staticmethod
    def _changes_runner(change: MarketChange, runner_key: RunnerKey) -> bool:
        return any(
            r["id"] == runner_key.selection_id and r.get("hc", 0) == runner_key.handicap for r in change.get("rc") or ()
        )

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
        for order in self.open_orders:
            if order.order_type == "LIMIT" and not order.on_close and self._changes_runner(change, order.runner):
                crossed = self._apply_fills(order, self._match_offers(order), now)
                self.orders[order.bet_id] = _fill_from_trades(crossed, trades.get(order.runner, {}), now)

    # Market turns ------------------------------------------------------------------------------------------------------------

    def _apply_definition(self, now: int) -> None:
        """Apply a new definition to the orders: removed runners, in-play, starting prices, closure."""
        definition = self.state.definition
        for order in list(self.orders.values()):
            runner = self.state.find_runner_definition(order.runner.selection_id, order.runner.handicap) or {}
            if runner.get("status") in REMOVED_STATUSES and not order.size_voided:
                self.orders[order.bet_id] = order.void()
        if definition.get("inPlay") and not self._in_play:
            self._in_play = True
            self._turn_in_play(now)
        if definition.get("bspReconciled") and not self._reconciled:
            self._reconciled = True
            self._reconcile_bsp(now)
        if definition.get("status") == "CLOSED" and not self.closed:
            self.closed = True
            for order in self.open_orders:
                self.orders[order.bet_id] = order.lapse(now)

    def _turn_in_play(self, now: int) -> None:
        for order in self.open_orders:
            if order.order_type == "LIMIT" and order.persistence_type == "LAPSE":
                self.orders[order.bet_id] = order.lapse(now)
            elif order.order_type == "LIMIT" and order.persistence_type == "MARKET_ON_CLOSE":
                self.orders[order.bet_id] = replace(order, on_close=True)

    def _reconcile_bsp(self, now: int) -> None:
        for order in self.open_orders:
            if order.order_type == "LIMIT" and not order.on_close:
                continue
            runner = self.state.find_runner_definition(order.runner.selection_id, order.runner.handicap) or {}
            price = runner.get("bsp")
            price = float(price) if isinstance(price, (int, float)) else 0.0
            if price > 1 and (order.order_type != "LIMIT_ON_CLOSE" or order.accepts_price(price)):
                order = order.add_fills([(price, _compute_bsp_stake(order, price))], now)  # noqa: PLW2901 - the same order, updated
            self.orders[order.bet_id] = replace(order, complete=True) if order.size_matched else order.lapse(now)


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
