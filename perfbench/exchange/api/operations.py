"""The calls that the API answers, by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from perfbench.exchange.api import account_operations, execution_reports, market_data, order_lists, order_operations
from perfbench.exchange.api.exceptions import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from perfbench.exchange.api.instructions import CancelOrders, PlaceOrders, ReplaceOrders, UpdateOrders
from perfbench.exchange.api.request_types import (
    EmptyParameters,
    ListClearedOrders,
    ListCurrentOrders,
    ListMarketBook,
    ListMarketCatalogue,
)
from perfbench.exchange.matching.instructions import RequestModel
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.replay.clock import MarketClock

OPERATION_PARAMETERS: Mapping[str, Mapping[str, type[RequestModel]]] = {
    "betting": {
        "listMarketCatalogue": ListMarketCatalogue,
        "listMarketBook": ListMarketBook,
        "listCurrentOrders": ListCurrentOrders,
        "listClearedOrders": ListClearedOrders,
        "placeOrders": PlaceOrders,
        "cancelOrders": CancelOrders,
        "replaceOrders": ReplaceOrders,
        "updateOrders": UpdateOrders,
    },
    "account": {"getAccountFunds": EmptyParameters, "getAccountDetails": EmptyParameters},
}


class OperationDispatcher:
    """Answers calls at the exchange's own time.

    :param per_market: seconds that a market book takes more, as a service far away would.
    """

    def __init__(self, desk: OrderManager, clock: MarketClock, per_market: float = 0.0) -> None:
        self._desk, self._clock, self._per_market = desk, clock, per_market
        self._later: set[asyncio.Task[Any]] = set()

    def read(self, service: str, name: str, parameters: Any) -> RequestModel:
        """A call as a value. Raises Misunderstood."""
        if name not in OPERATION_PARAMETERS[service]:
            raise RpcError(METHOD_NOT_FOUND, "DSC-0021", f"there is no {name}")
        try:
            return msgspec.convert(parameters or {}, OPERATION_PARAMETERS[service][name], strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            missing = "missing required field" in str(error)
            raise RpcError(INVALID_PARAMS, "DSC-0018" if missing else "DSC-0009", str(error)) from error

    async def answer(self, name: str, wish: RequestModel, account: str) -> Any:
        """The result of a call. Raises Refusal."""
        desk = self._desk
        if isinstance(wish, PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders):
            return await self._deal(wish, account)
        desk.advance(self._clock.position(time.monotonic()))
        match wish:
            case ListMarketCatalogue():
                return market_data.list_market_catalogue(desk, wish)
            case ListMarketBook():
                found = market_data.list_market_book(desk, wish, account)
                await asyncio.sleep(self._per_market * len(found))
                return found
            case ListCurrentOrders():
                return order_lists.list_current_orders(desk, wish, account)
            case ListClearedOrders():
                return order_lists.list_cleared_orders(desk, wish, account)
        return (
            account_operations.get_account_details(account)
            if name == "getAccountDetails"
            else account_operations.get_account_funds(desk, account)
        )

    async def _deal(self, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str) -> Any:
        desk = self._desk
        refusal = order_operations.find_request_error(desk, account, wish)
        if refusal:
            return execution_reports.build_execution_report(wish.market_id, wish.customer_ref, refusal, ())
        if isinstance(wish, PlaceOrders) and wish.async_:
            later = asyncio.create_task(self._deal_in_time(wish, account))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
            return order_operations.report_pending_orders(wish)
        return await self._deal_in_time(wish, account)

    async def _deal_in_time(self, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str) -> Any:
        desk = self._desk
        if isinstance(wish, PlaceOrders | ReplaceOrders):
            desk.advance(self._clock.position(time.monotonic()))
            await asyncio.sleep(self._bet_delay(wish.market_id))
        desk.advance(self._clock.position(time.monotonic()))
        match wish:
            case PlaceOrders():
                return order_operations.place_orders(desk, wish, account)
            case CancelOrders():
                return order_operations.cancel_orders(desk, wish, account)
            case ReplaceOrders():
                return order_operations.replace_orders(desk, wish, account)
            case UpdateOrders():
                return order_operations.update_orders(desk, wish, account)

    def _bet_delay(self, market: str) -> float:
        """Seconds of our clock until an order reaches a market; in-play they are not none."""
        matcher = self._desk.matchers.get(market)
        delay = float(matcher.standing.definition.get("betDelay") or 0.0) if matcher else 0.0
        return delay / self._clock.speed
