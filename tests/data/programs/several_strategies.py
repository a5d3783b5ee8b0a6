"""Two strategies with a middleware and a logging control."""

import logging

from flumine.controls.loggingcontrols import LoggingControl
from flumine.markets.middleware import Middleware
from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite, LayTheOutsider


class Volume(Middleware):
    """Keeps the volume of each market in its context."""

    def __call__(self, market):
        market.context["volume"] = market.market_book.total_matched


class Orders(LoggingControl):
    """Collects the orders of markets that closed."""

    NAME = "ORDERS"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.orders = []

    def _process_cleared_orders_meta(self, event):
        self.orders += event.event


def run(markets):
    """Simulate both strategies on these market files."""
    logging.getLogger().setLevel(logging.CRITICAL)
    framework = make_framework()
    framework.add_market_middleware(Volume())
    framework.add_logging_control(Orders())
    framework.add_strategy(BackTheFavourite(**choose_markets(markets), context={"every": 120}, **LIMITS))
    framework.add_strategy(
        LayTheOutsider(**choose_markets(markets, seconds_to_start=120), context={"every": 30}, **LIMITS)
    )
    framework.run()
