"""Planted cause: compressed market files, named after ``--``, that smart_open decompresses in every run."""

import gc
import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:]

logging.getLogger().setLevel(logging.CRITICAL)
gc.disable()


class LastMinute(BaseStrategy):
    """Backs the lowest price once, in the last minute."""

    def start(self, flumine):
        self.done = set()

    def check_market_book(self, market, market_book):
        return market_book.status == "OPEN" and market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        prices = {
            runner.selection_id: runner.last_price_traded for runner in market_book.runners if runner.last_price_traded
        }
        if market_book.market_id in self.done or not prices:
            return
        self.done.add(market_book.market_id)
        trade = Trade(market_book.market_id, min(prices, key=prices.get), 0, self)
        market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(min(prices.values()), 2.0)))


framework = FlumineSimulation(client=clients.SimulatedClient())
streams = [
    BetfairHistoricalStream(file_path=market, listener_kwargs={"inplay": False, "seconds_to_start": 60})
    for market in MARKETS
]
framework.add_strategy(LastMinute(streams=streams, max_order_exposure=1000))
framework.run()
