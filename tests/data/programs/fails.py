"""Fails at an update in the middle."""

import sys

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite


class Fails(BackTheFavourite):
    def process_market_book(self, market, market_book):
        if self.books >= 100:
            raise KeyError("no such runner")


framework = make_framework()
framework.add_strategy(Fails(**choose_markets(sys.argv[1:]), **LIMITS))
framework.run()
