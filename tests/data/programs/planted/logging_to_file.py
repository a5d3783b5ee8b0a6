"""Planted cause: INFO messages about every runner of every book, written to a file."""

import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]

logging.basicConfig(filename="backtest.log", level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
logger = logging.getLogger("favourite")


class Favourite(BaseStrategy):
    """Backs the favourite every twenty seconds."""

    def start(self, flumine):
        self.due = 0

    def check_market_book(self, market, market_book):
        return market_book.status == "OPEN" and market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        prices = {}
        for runner in market_book.runners:
            logger.info(
                "%s %s: %s, last %s",
                market_book.market_id,
                runner.selection_id,
                runner.status,
                runner.last_price_traded,
            )
            if runner.status == "ACTIVE" and runner.last_price_traded:
                prices[runner.selection_id] = runner.last_price_traded
        if market_book.publish_time_epoch < self.due or not prices:
            return
        self.due = market_book.publish_time_epoch + 20_000
        trade = Trade(market_book.market_id, min(prices, key=prices.get), 0, self)
        market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(min(prices.values()), 2.0)))


framework = FlumineSimulation(client=clients.SimulatedClient())
streams = [
    BetfairHistoricalStream(file_path=market, listener_kwargs={"inplay": False, "seconds_to_start": 600})
    for market in MARKETS
]
framework.add_strategy(
    Favourite(streams=streams, max_order_exposure=1000, max_selection_exposure=100_000, max_live_trade_count=1000)
)
framework.run()
