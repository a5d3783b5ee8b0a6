"""Planted cause: a simulation for each of eleven settings of one strategy."""

import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]

logging.getLogger().setLevel(logging.CRITICAL)


class Layer(BaseStrategy):
    """Lays the first runner below a price, once a minute."""

    def start(self, flumine):
        self.due = 0

    def check_market_book(self, market, market_book):
        return market_book.status == "OPEN" and market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        if market_book.publish_time_epoch < self.due:
            return
        for runner in market_book.runners:
            price = runner.last_price_traded
            if runner.status == "ACTIVE" and price and price <= self.context["below"]:
                self.due = market_book.publish_time_epoch + 60_000
                trade = Trade(market_book.market_id, runner.selection_id, runner.handicap, self)
                market.place_order(trade.create_order(side="LAY", order_type=LimitOrder(price, 2.0)))
                return


def simulate(below):
    """The profit with one setting."""
    framework = FlumineSimulation(client=clients.SimulatedClient())
    streams = [
        BetfairHistoricalStream(file_path=market, listener_kwargs={"inplay": False, "seconds_to_start": 600})
        for market in MARKETS
    ]
    limits = {"max_order_exposure": 1000, "max_selection_exposure": 100_000, "max_live_trade_count": 1000}
    framework.add_strategy(Layer(streams=streams, context={"below": below}, **limits))
    framework.run()
    return sum(order.simulated.profit for market in framework.markets for order in market.blotter)


for number in range(11):
    print(number, simulate(5 + 2 * number))
