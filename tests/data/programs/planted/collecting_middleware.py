"""Planted cause: the simulated middleware in a run that only collects prices."""

import csv
import logging
import sys

from flumine import BaseStrategy, FlumineSimulation, clients
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

MARKETS = sys.argv[1:] or ["markets/1.170258213"]

logging.getLogger().setLevel(logging.CRITICAL)


class Collector(BaseStrategy):
    """Writes the lowest price of every market once a second."""

    def start(self, flumine):
        self.due = 0
        self.rows = []

    def check_market_book(self, market, market_book):
        return market_book.publish_time_epoch >= self.due and market_book.streaming_update is not None

    def process_market_book(self, market, market_book):
        self.due = market_book.publish_time_epoch + 1000
        prices = [runner.last_price_traded for runner in market_book.runners if runner.last_price_traded]
        self.rows.append((market_book.market_id, market_book.publish_time_epoch, min(prices, default=None)))

    def finish(self, flumine):
        with open("prices.csv", "w", newline="") as file:
            csv.writer(file).writerows(self.rows)


framework = FlumineSimulation(client=clients.SimulatedClient())
framework.add_strategy(Collector(streams=[BetfairHistoricalStream(file_path=market) for market in MARKETS]))
framework.run()
