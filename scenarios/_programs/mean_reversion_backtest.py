"""Backtest of a strategy that trades against moves away from the mean price, with the habits of many backtests.

It keeps the prices of half an hour for every runner, looks at every update of the whole market, logs its decisions to a file and
has a middleware of its own. Nothing in it is slow on purpose. ``perfbench advise`` is tried on it; perfbench changes nothing of it.
"""

from __future__ import annotations

import inspect
import logging
from collections import defaultdict, deque
from typing import Any, Deque, Dict, List, Tuple

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.markets.middleware import Middleware
from flumine.order.order import OrderStatus
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.utils import get_nearest_price, get_price

STAKE = 2.0
SECONDS_BEFORE_OFF = 1800
WINDOW_SECONDS = 1800
FEWEST_PRICES = 20
DEVIATION = 0.03
"""A price this far from its mean, as a share of it, is traded against."""

logger = logging.getLogger("mean_reversion")


class Overround(Middleware):  # type: ignore[misc]
    """Notes the sum of the implied probabilities of each market book."""

    def __call__(self, market: Any) -> None:
        """Note it in the context of the market."""
        prices = (get_price(runner.ex.available_to_back, 0) for runner in market.market_book.runners)
        market.context["overround"] = sum(1 / price for price in prices if price)


class MeanReversion(BaseStrategy):  # type: ignore[misc]
    """Backs what became longer than its mean price, lays what became shorter; one open trade for each runner."""

    def start(self, *_arguments: Any) -> None:
        """No price is known yet."""
        self.prices: Dict[Tuple[str, int], Deque[Tuple[int, float]]] = defaultdict(deque)

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        """Whether the market is open and not in-play."""
        del market
        return bool(market_book.status == "OPEN" and not market_book.inplay)

    def process_market_book(self, market: Any, market_book: Any) -> None:
        """Keep the last price of each runner, and trade near the off."""
        now = market_book.publish_time_epoch
        for runner in market_book.runners:
            if runner.status != "ACTIVE" or not runner.last_price_traded:
                continue
            prices = self.prices[market_book.market_id, runner.selection_id]
            prices.append((now, runner.last_price_traded))
            while prices[0][0] < now - WINDOW_SECONDS * 1000:
                prices.popleft()
            if len(prices) >= FEWEST_PRICES and 0 < market.seconds_to_start <= SECONDS_BEFORE_OFF:
                self.trade(market, market_book, runner, prices)

    def trade(self, market: Any, market_book: Any, runner: Any, prices: Deque[Tuple[int, float]]) -> None:
        """Place an order if the price is far from its mean and no trade is open."""
        if runner.last_price_traded > 30 or market.context["overround"] > 1.05:
            return
        context = self.get_runner_context(market_book.market_id, runner.selection_id, runner.handicap)
        if context.live_trade_count or context.trade_count >= 20:
            return
        mean = sum(price for _, price in prices) / len(prices)
        change = runner.last_price_traded / mean - 1
        if abs(change) < DEVIATION:
            return
        side = "BACK" if change > 0 else "LAY"
        price = get_nearest_price(runner.last_price_traded)
        trade = Trade(market_book.market_id, runner.selection_id, runner.handicap, self)
        market.place_order(trade.create_order(side=side, order_type=LimitOrder(price, STAKE)))
        logger.info("%s %s at %s, mean %.2f", side, runner.selection_id, price, mean)

    def process_orders(self, market: Any, orders: List[Any]) -> None:
        """Cancel orders that have been unmatched for ten seconds."""
        for order in orders:
            if order.status == OrderStatus.EXECUTABLE and (order.elapsed_seconds or 0) > 10:
                market.cancel_order(order)


def run(market: str) -> None:
    """Backtest the strategy on a market file."""
    logging.basicConfig(filename="mean_reversion.log", level=logging.INFO)
    framework = FlumineSimulation(client=clients.SimulatedClient())
    framework.add_market_middleware(Overround())
    framework.add_strategy(
        MeanReversion(
            **choose_streams(market),
            max_selection_exposure=10_000,
            max_order_exposure=1_000,
            max_live_trade_count=1,
        )
    )
    framework.run()


def choose_streams(market: str) -> Dict[str, Any]:
    """The keyword argument for market files, which changed in flumine 3.0."""
    if "market_filter" in inspect.signature(BaseStrategy.__init__).parameters:
        return {"market_filter": {"markets": [market]}}
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream  # noqa: PLC0415

    return {"streams": [BetfairHistoricalStream(file_path=market)]}
