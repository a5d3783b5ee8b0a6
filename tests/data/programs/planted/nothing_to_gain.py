"""Nothing planted: nearly all of the time is the strategy's own arithmetic, which no lever makes faster."""

import gc
import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]
BOOKS, STEPS = 100, 700_000

logging.getLogger().setLevel(logging.CRITICAL)
gc.disable()


class Model(BaseStrategy):
    """Computes a price by a long recursion, and backs below it, before and after the off."""

    def start(self, flumine):
        self.books = 0

    def check_market_book(self, market, market_book):
        return market_book.status == "OPEN" and market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        self.books += 1
        prices = {
            runner.selection_id: runner.last_price_traded for runner in market_book.runners if runner.last_price_traded
        }
        if self.books > BOOKS or not prices:
            return
        value = min(prices.values())
        for step in range(STEPS):
            value = value * 0.999 + 0.001 * (step % 7 + 1)
        if self.books % 10 == 0 and value > 1:
            trade = Trade(market_book.market_id, min(prices, key=prices.get), 0, self)
            market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(min(prices.values()), 2.0)))


framework = FlumineSimulation(client=clients.SimulatedClient())
limits = {"max_order_exposure": 1000, "max_selection_exposure": 100_000, "max_live_trade_count": 1000}
streams = [
    BetfairHistoricalStream(file_path=market, listener_kwargs={"inplay": False, "seconds_to_start": 60})
    for market in MARKETS
]
framework.add_strategy(Model(streams=streams, **limits))
framework.run()
