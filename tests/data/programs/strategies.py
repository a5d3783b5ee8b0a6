"""Strategies of the example programs."""

from flumine import BaseStrategy
from flumine.order.order import OrderStatus
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.utils import get_price

LIMITS = {"max_selection_exposure": 10000, "max_order_exposure": 1000, "max_live_trade_count": 20}


class BackTheFavourite(BaseStrategy):
    """Backs the runner with the lowest price, at most once in ``context["every"]`` seconds."""

    def start(self, *framework):
        self.due = {}
        self.books = 0

    def check_market_book(self, market, market_book):
        self.books += 1
        return market_book.status == "OPEN" and not market_book.inplay

    def process_market_book(self, market, market_book):
        if market_book.publish_time_epoch < self.due.get(market_book.market_id, 0):
            return
        prices = {runner.selection_id: get_price(runner.ex.available_to_back, 0) for runner in market_book.runners}
        prices = {selection: price for selection, price in prices.items() if price}
        if prices:
            self.due[market_book.market_id] = market_book.publish_time_epoch + 1000 * self.context.get("every", 60)
            favourite = min(prices, key=lambda selection: (prices[selection], selection))
            self.place(market, market_book, favourite, prices[favourite])

    def place(self, market, market_book, selection, price):
        trade = Trade(market_book.market_id, selection, 0, self)
        order_type = LimitOrder(price, self.context.get("stake", 2.0))
        market.place_order(trade.create_order(side="BACK", order_type=order_type))

    def process_orders(self, market, orders):
        for order in orders:
            if order.status == OrderStatus.EXECUTABLE and (order.elapsed_seconds or 0) > 30:
                market.cancel_order(order)


class LayTheOutsider(BackTheFavourite):
    """Lays the runner with the highest price below 50."""

    def place(self, market, market_book, selection, price):
        prices = {runner.selection_id: get_price(runner.ex.available_to_lay, 0) for runner in market_book.runners}
        prices = {selection: price for selection, price in prices.items() if price and price < 50}
        if prices:
            outsider = max(prices, key=lambda selection: (prices[selection], selection))
            trade = Trade(market_book.market_id, outsider, 0, self)
            market.place_order(trade.create_order(side="LAY", order_type=LimitOrder(prices[outsider], 2.0)))
