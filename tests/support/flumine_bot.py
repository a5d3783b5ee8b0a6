"""A bot of flumine that waits until the start of the market is near, and then backs a runner once: run by path.

    flumine_bot.py STREAM_PORT API_PORT CERTIFICATE SECONDS MARKET

writes a line of JSON with what it knew of the start when it saw the first book, when it placed its order, and what became of
the order.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from typing import Any

import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream
from flumine import BaseStrategy, Flumine, clients
from flumine.order.order import OrderStatus
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairmarketstream import BetfairMarketStream

TIMEOUT_SECONDS = 90.0


class BackNearTheStart(BaseStrategy):  # type: ignore[misc]
    """Backs the first runner at the best price, once the start is less than ``seconds`` ahead."""

    def __init__(self, seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self.seconds = seconds
        self.first: float | None = None
        self.placed: float | None = None
        self.order: Any = None
        self.done = threading.Event()

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        if self.first is None:
            self.first = market.seconds_to_start
        return bool(market_book.status == "OPEN" and not market_book.inplay)

    def process_market_book(self, market: Any, market_book: Any) -> None:
        if self.order is not None or not market.seconds_to_start < self.seconds:
            return
        runner = next((r for r in market_book.runners if r.status == "ACTIVE" and r.ex.available_to_back), None)
        if runner is None:
            return
        self.placed = market.seconds_to_start
        trade = Trade(market.market_id, runner.selection_id, runner.handicap, self)
        self.order = trade.create_order("BACK", LimitOrder(price=runner.ex.available_to_back[0]["price"], size=2.0))
        market.place_order(self.order)

    def process_orders(self, market: Any, orders: list[Any]) -> None:
        if any(order.status in (OrderStatus.EXECUTABLE, OrderStatus.EXECUTION_COMPLETE) for order in orders):
            self.done.set()


def run(stream_port: int, api_port: int, certificate: str, seconds: float, market: str) -> dict[str, Any]:
    """Trade, and describe the order."""
    os.environ["REQUESTS_CA_BUNDLE"] = certificate
    BaseClient.API_URLS["perfbench"] = f"https://127.0.0.1:{api_port}/exchange/"
    BaseClient.IDENTITY_URLS["perfbench"] = f"https://127.0.0.1:{api_port}/api/"
    BetfairStream._BetfairStream__port = stream_port
    BetfairStream.HOSTS[None] = "127.0.0.1"  # flumine passes no host
    logging.disable(logging.CRITICAL)
    trading = betfairlightweight.APIClient("you", "password", app_key="key", locale="perfbench")
    framework = Flumine(client=clients.BetfairClient(trading, interactive_login=True))
    fields = {"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS"]}
    streams = [BetfairMarketStream(market_filter={"marketIds": [market]}, market_data_filter=fields)]
    strategy = BackNearTheStart(seconds, streams=streams, max_order_exposure=100, max_selection_exposure=100)
    framework.add_strategy(strategy)
    threading.Thread(target=framework.run, daemon=True).start()
    strategy.done.wait(TIMEOUT_SECONDS)
    order = strategy.order
    return {
        "first": strategy.first,
        "placed": strategy.placed,
        "bet_id": order and order.bet_id,
        "size_matched": order and order.size_matched,
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5])), flush=True)
    os._exit(0)  # flumine's threads wait for more of the market
