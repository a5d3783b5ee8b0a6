"""Planted cause: seconds_to_start of a day, for a strategy that acts in the last two minutes."""

import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]

logging.getLogger().setLevel(logging.CRITICAL)


class LastMinutes(BaseStrategy):
    """Backs the lowest price every ten seconds of the last two minutes."""

    def start(self, flumine):
        self.due = 0

    def check_market_book(self, market, market_book):
        return (
            market_book.status == "OPEN" and market.seconds_to_start < 120 and market_book.streaming_update is not None
        )

    def process_market_book(self, market, market_book):
        prices = {
            runner.selection_id: runner.last_price_traded for runner in market_book.runners if runner.last_price_traded
        }
        if market_book.publish_time_epoch < self.due or not prices:
            return
        self.due = market_book.publish_time_epoch + 10_000
        trade = Trade(market_book.market_id, min(prices, key=prices.get), 0, self)
        market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(min(prices.values()), 2.0)))


framework = FlumineSimulation(client=clients.SimulatedClient())
streams = [
    BetfairHistoricalStream(file_path=market, listener_kwargs={"inplay": False, "seconds_to_start": 86_400})
    for market in MARKETS
]
limits = {"max_order_exposure": 1000, "max_selection_exposure": 100_000, "max_live_trade_count": 1000}
framework.add_strategy(LastMinutes(streams=streams, **limits))
framework.run()
