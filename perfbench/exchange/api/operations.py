"""Dispatch of API operations, with bet delay and per-market latency."""

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
    """Decodes and executes calls.

    :param latency_per_market: extra seconds per market book, as a remote service would need.
    """

    def __init__(self, order_manager: OrderManager, clock: MarketClock, latency_per_market: float = 0.0) -> None:
        self._order_manager, self._clock, self._latency_per_market = order_manager, clock, latency_per_market
        self._pending_tasks: set[asyncio.Task[Any]] = set()

    def decode_parameters(self, service: str, name: str, parameters: Any) -> RequestModel:
        """Decode the parameters of a call. Raises RpcError."""
        if name not in OPERATION_PARAMETERS[service]:
            raise RpcError(METHOD_NOT_FOUND, "DSC-0021", f"unknown operation {name}")
        try:
            return msgspec.convert(parameters or {}, OPERATION_PARAMETERS[service][name], strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            missing = "missing required field" in str(error)
            raise RpcError(INVALID_PARAMS, "DSC-0018" if missing else "DSC-0009", str(error)) from error

    async def call(self, name: str, request: RequestModel, account: str) -> Any:
        """Execute a call and return its result. Raises APINGException."""
        order_manager = self._order_manager
        if isinstance(request, PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders):
            return await self._execute_order_request(request, account)
        order_manager.advance(self._clock.count_due_updates(time.monotonic()))
        match request:
            case ListMarketCatalogue():
                return market_data.list_market_catalogue(order_manager, request)
            case ListMarketBook():
                books = market_data.list_market_book(order_manager, request, account)
                await asyncio.sleep(self._latency_per_market * len(books))
                return books
            case ListCurrentOrders():
                return order_lists.list_current_orders(order_manager, request, account)
            case ListClearedOrders():
                return order_lists.list_cleared_orders(order_manager, request, account)
        return (
            account_operations.get_account_details(account)
            if name == "getAccountDetails"
            else account_operations.get_account_funds(order_manager, account)
        )

    async def _execute_order_request(
        self, request: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str
    ) -> Any:
        order_manager = self._order_manager
        error_code = order_operations.find_request_error(order_manager, account, request)
        if error_code:
            return execution_reports.build_execution_report(request.market_id, request.customer_ref, error_code, ())
        if isinstance(request, PlaceOrders) and request.async_:
            task = asyncio.create_task(self._execute_after_bet_delay(request, account))
            self._pending_tasks.add(task)
            task.add_done_callback(self._pending_tasks.discard)
            return order_operations.report_pending_orders(request)
        return await self._execute_after_bet_delay(request, account)

    async def _execute_after_bet_delay(
        self, request: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str
    ) -> Any:
        order_manager = self._order_manager
        if isinstance(request, PlaceOrders | ReplaceOrders):
            order_manager.advance(self._clock.count_due_updates(time.monotonic()))
            await asyncio.sleep(self._bet_delay(request.market_id))
        order_manager.advance(self._clock.count_due_updates(time.monotonic()))
        match request:
            case PlaceOrders():
                return order_operations.place_orders(order_manager, request, account)
            case CancelOrders():
                return order_operations.cancel_orders(order_manager, request, account)
            case ReplaceOrders():
                return order_operations.replace_orders(order_manager, request, account)
            case UpdateOrders():
                return order_operations.update_orders(order_manager, request, account)

    def _bet_delay(self, market_id: str) -> float:
        """Return the seconds of real time until an order reaches a market; more than 0 in-play."""
        matcher = self._order_manager.matchers.get(market_id)
        delay = float(matcher.state.definition.get("betDelay") or 0.0) if matcher else 0.0
        return delay / self._clock.speed
