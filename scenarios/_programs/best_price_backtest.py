"""Backtest of a strategy that trades at the best price in the ten minutes before the off, as flumine's documentation writes one.

``perfbench advise`` without an argument advises on it. It is a program like your own: perfbench changes nothing of it.
"""

from __future__ import annotations

import inspect
from typing import Any, Dict, List, Tuple

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.order import OrderStatus
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.utils import get_price

STAKE = 2.0
SECONDS_BEFORE_OFF = 600
SECONDS_BETWEEN_ORDERS = 60
DEAREST = 20.0


class BestPrice(BaseStrategy):  # type: ignore[misc]
    """Backs at the best price to back and lays at the best price to lay, for every runner once a minute."""

    def start(self, *_arguments: Any) -> None:
        """Nothing is due yet."""
        self.due: Dict[Tuple[str, int], int] = {}

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        """Whether the market is open, not in-play and near the off."""
        return bool(
            market_book.status == "OPEN" and not market_book.inplay and market.seconds_to_start <= SECONDS_BEFORE_OFF
        )

    def process_market_book(self, market: Any, market_book: Any) -> None:
        """Place a pair of orders for every runner that is due."""
        now = market_book.publish_time_epoch
        for runner in market_book.runners:
            key = (market_book.market_id, runner.selection_id)
            back, lay = get_price(runner.ex.available_to_back, 0), get_price(runner.ex.available_to_lay, 0)
            if runner.status != "ACTIVE" or now < self.due.get(key, 0) or not back or not lay or lay > DEAREST:
                continue
            self.due[key] = now + SECONDS_BETWEEN_ORDERS * 1000
            for side, price in (("BACK", back), ("LAY", lay)):
                trade = Trade(market_book.market_id, runner.selection_id, runner.handicap, self)
                market.place_order(trade.create_order(side=side, order_type=LimitOrder(price, STAKE)))

    def process_orders(self, market: Any, orders: List[Any]) -> None:
        """Cancel orders that have been unmatched for half a minute."""
        for order in orders:
            if order.status == OrderStatus.EXECUTABLE and (order.elapsed_seconds or 0) > SECONDS_BETWEEN_ORDERS / 2:
                market.cancel_order(order)


def run(market: str) -> None:
    """Backtest the strategy on a market file."""
    framework = FlumineSimulation(client=clients.SimulatedClient())
    framework.add_strategy(
        BestPrice(
            **choose_streams(market),
            max_selection_exposure=10_000,
            max_order_exposure=1_000,
            max_live_trade_count=10,
        )
    )
    framework.run()


def choose_streams(market: str) -> Dict[str, Any]:
    """The keyword argument for market files, which changed in flumine 3.0."""
    if "market_filter" in inspect.signature(BaseStrategy.__init__).parameters:
        return {"market_filter": {"markets": [market]}}
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream  # noqa: PLC0415

    return {"streams": [BetfairHistoricalStream(file_path=market)]}
