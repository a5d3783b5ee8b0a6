"""Planted cause: a strategy that keeps every book in a list."""

import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]

logging.getLogger().setLevel(logging.CRITICAL)


class Keeper(BaseStrategy):
    """Backs the lowest price every minute, in-play too, and keeps all books and prices for later."""

    def start(self, flumine):
        self.due = 0
        self.books = []
        self.ladders = []

    def check_market_book(self, market, market_book):
        return market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        self.books.append(market_book)
        ladders = [
            {
                "runner": runner.selection_id,
                "back": list(runner.ex.available_to_back),
                "lay": list(runner.ex.available_to_lay),
            }
            for runner in market_book.runners[:3]
        ]
        self.ladders.append((market_book.publish_time_epoch, ladders))
        prices = {
            runner.selection_id: runner.last_price_traded for runner in market_book.runners if runner.last_price_traded
        }
        if market_book.status != "OPEN" or market_book.publish_time_epoch < self.due or not prices:
            return
        self.due = market_book.publish_time_epoch + 60_000
        trade = Trade(market_book.market_id, min(prices, key=prices.get), 0, self)
        market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(min(prices.values()), 2.0)))


framework = FlumineSimulation(client=clients.SimulatedClient())
limits = {"max_order_exposure": 1000, "max_selection_exposure": 100_000, "max_live_trade_count": 1000}
streams = [BetfairHistoricalStream(file_path=market) for market in MARKETS]
framework.add_strategy(Keeper(streams=streams, **limits))
framework.run()
