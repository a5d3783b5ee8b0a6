"""Dispatch of API operations, with bet delay and per-market latency."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from perfbench.exchange.account.heartbeats import Heartbeats
from perfbench.exchange.api import (
    account_operations,
    execution_reports,
    market_data,
    market_lists,
    order_lists,
    order_operations,
    profit_and_loss,
    request_types,
)
from perfbench.exchange.api.exceptions import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    APINGException,
    RpcError,
    reject_input,
)
from perfbench.exchange.api.instructions import CancelOrders, PlaceOrders, ReplaceOrders, UpdateOrders
from perfbench.exchange.api.markets import Markets
from perfbench.exchange.matching.instructions import RequestModel
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.replay.clock import MarketClock

OPERATION_PARAMETERS: Mapping[str, Mapping[str, type[RequestModel]]] = {
    "betting": {
        "listEventTypes": request_types.ListMarkets,
        "listCompetitions": request_types.ListMarkets,
        "listTimeRanges": request_types.ListTimeRanges,
        "listEvents": request_types.ListMarkets,
        "listMarketTypes": request_types.ListMarkets,
        "listCountries": request_types.ListMarkets,
        "listVenues": request_types.ListMarkets,
        "listMarketCatalogue": request_types.ListMarketCatalogue,
        "listMarketBook": request_types.ListMarketBook,
        "listRunnerBook": request_types.ListRunnerBook,
        "listMarketProfitAndLoss": request_types.ListMarketProfitAndLoss,
        "listCurrentOrders": request_types.ListCurrentOrders,
        "listClearedOrders": request_types.ListClearedOrders,
        "placeOrders": PlaceOrders,
        "cancelOrders": CancelOrders,
        "replaceOrders": ReplaceOrders,
        "updateOrders": UpdateOrders,
    },
    "account": {
        "getAccountFunds": request_types.GetAccountFunds,
        "getAccountDetails": request_types.GetAccountDetails,
        "getAccountStatement": request_types.GetAccountStatement,
        "listCurrencyRates": request_types.ListCurrencyRates,
    },
    "heartbeat": {"heartbeat": request_types.SendHeartbeat},
}

UNSUPPORTED_OPERATIONS = frozenset(
    {
        "listExchangeLanguages", "transferFunds", "createDeveloperAppKeys", "getDeveloperAppKeys", "getVendorClientId",
        "getVendorDetails", "getApplicationSubscriptionToken", "activateApplicationSubscription",
        "updateApplicationSubscription", "cancelApplicationSubscription", "listApplicationSubscriptionTokens",
        "listAccountSubscriptionTokens", "getApplicationSubscriptionHistory", "isAccountSubscribedToWebApp", "token",
        "setDefaultExposureLimitForMarketGroups", "setExposureLimitForMarketGroup", "removeDefaultExposureLimitForMarketGroups",
        "removeExposureLimitForMarketGroup", "listExposureLimitsForMarketGroups", "unblockMarketGroup",
        "getExposureReuseEnabledEvents", "addExposureReuseEnabledEvents", "removeExposureReuseEnabledEvents",
        "listRaceDetails", "listScores", "listIncidents", "listAvailableEvents",
    }
)  # fmt: skip
"""Operations of the real services that are not served, listed in docs/live/differences.md."""

MAX_CONCURRENT_CALLS = 3
"""Calls of an operation at once per account, where it is limited (Betfair, TOO_MANY_REQUESTS)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Account of a call, and whether its application key is a delayed one."""

    account: str
    delayed: bool = False


class OperationDispatcher:
    """Decodes and executes calls.

    :param latency_per_market: extra seconds per market book, as a remote service would need.
    """

    def __init__(self, order_manager: OrderManager, clock: MarketClock, latency_per_market: float = 0.0) -> None:
        self._order_manager, self._clock, self._latency_per_market = order_manager, clock, latency_per_market
        self._markets = Markets(order_manager, clock)
        self._heartbeats = Heartbeats()
        self._concurrent_calls: Counter[tuple[str, str]] = Counter()
        self._pending_tasks: set[asyncio.Task[Any]] = set()

    def decode_parameters(self, service: str, name: str, parameters: Any) -> RequestModel:
        """Decode the parameters of a call. Raises RpcError; APINGException for a parameter that is not supported."""
        if name not in OPERATION_PARAMETERS[service]:
            text = (
                f"{name} is not served by this exchange"
                if name in UNSUPPORTED_OPERATIONS
                else f"unknown operation {name}"
            )
            raise RpcError(METHOD_NOT_FOUND, "DSC-0021", text)
        try:
            return msgspec.convert(parameters or {}, OPERATION_PARAMETERS[service][name], strict=False)
        except (msgspec.ValidationError, RecursionError, OverflowError) as error:
            text = str(error)
            if "unknown field" in text:
                raise APINGException("INVALID_INPUT_DATA", f"{text}; it is not supported") from error
            missing = "missing required field" in text
            raise RpcError(INVALID_PARAMS, "DSC-0018" if missing else "DSC-0009", text) from error

    async def call(self, name: str, request: RequestModel, caller: Caller) -> Any:
        """Execute a call and return its result. Raises APINGException."""
        self._advance()
        if isinstance(request, PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders):
            return await self._execute_order_request(request, caller)
        if name in BOOK_OPERATIONS:
            return await self._list_books(name, request, caller)
        if isinstance(request, request_types.SendHeartbeat):
            return self._register_heartbeat(request.preferred_timeout_seconds, caller.account)
        return read(self._markets, name, request, caller.account)

    def _advance(self) -> None:
        self._order_manager.advance(self._clock.count_due_updates(time.monotonic()))

    # Reading ----------------------------------------------------------------------------------------------------------------

    async def _list_books(self, name: str, request: Any, caller: Caller) -> list[dict[str, Any]]:
        with self._count_concurrent(name, caller, limited=request.order_projection is not None):
            answer = BOOK_OPERATIONS[name](self._markets, request, caller.account, delayed=caller.delayed)
            await asyncio.sleep(self._latency_per_market * len(answer))
        return answer

    @contextmanager
    def _count_concurrent(self, name: str, caller: Caller, *, limited: bool) -> Iterator[None]:
        key = caller.account, name
        if limited and self._concurrent_calls[key] >= MAX_CONCURRENT_CALLS:
            raise APINGException("TOO_MANY_REQUESTS", f"{MAX_CONCURRENT_CALLS} calls of {name} are in execution")
        self._concurrent_calls[key] += limited
        try:
            yield
        finally:
            self._concurrent_calls[key] -= limited
            if not self._concurrent_calls[key]:
                del self._concurrent_calls[key]

    def build_navigation_menu(self) -> dict[str, Any]:
        """Return the navigation menu."""
        self._advance()
        return market_lists.build_navigation_menu(self._markets)

    # Heartbeats -------------------------------------------------------------------------------------------------------------

    def _register_heartbeat(self, preferred_seconds: int, account: str) -> dict[str, Any]:
        if preferred_seconds < 0:
            raise reject_input("preferredTimeoutSeconds", f"{preferred_seconds} is negative")
        beat = self._heartbeats.register(account, preferred_seconds, time.monotonic())
        return {"actionPerformed": beat.action, "actualTimeoutSeconds": beat.timeout}

    def cancel_without_heartbeat(self, now: float) -> None:
        """Cancel the unmatched orders of accounts whose heartbeat is overdue at a time of the monotonic clock."""
        for account in self._heartbeats.take_expired(now):
            report = order_operations.cancel_orders(self._order_manager, CancelOrders(), account)
            self._heartbeats.note_cancellation(account, complete=report["status"] == execution_reports.SUCCESS)

    # Orders -----------------------------------------------------------------------------------------------------------------

    async def _execute_order_request(
        self, request: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, caller: Caller
    ) -> Any:
        order_manager, account = self._order_manager, caller.account
        if caller.delayed and isinstance(request, PlaceOrders | ReplaceOrders):
            raise APINGException("ACCESS_DENIED", "a delayed application key places no orders")
        error_code = order_operations.find_request_error(order_manager, account, request)
        if error_code:
            return execution_reports.build_execution_report(request.market_id, request.customer_ref, error_code, ())
        executor = order_operations.OrderExecutor(order_manager, account, self._wait_for_bet_delay, self._start)
        match request:
            case PlaceOrders():
                return await executor.place_orders(request)
            case ReplaceOrders():
                return await executor.replace_orders(request)
            case CancelOrders():
                return order_operations.cancel_orders(order_manager, request, account)
            case UpdateOrders():
                return order_operations.update_orders(order_manager, request, account)

    async def _wait_for_bet_delay(self, market_id: str) -> None:
        """Wait until an order reaches a market, which in-play takes a while, and bring all markets up to date."""
        matcher = self._order_manager.matchers.get(market_id)
        delay = float(matcher.state.definition.get("betDelay") or 0.0) if matcher else 0.0
        await asyncio.sleep(delay / self._clock.speed)
        self._advance()

    def _start(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._pending_tasks.add(task)
        task.add_done_callback(self._pending_tasks.discard)


BOOK_OPERATIONS: Mapping[str, Callable[..., list[dict[str, Any]]]] = {
    "listMarketBook": market_data.list_market_book,
    "listRunnerBook": market_data.list_runner_book,
}


def read(markets: Markets, name: str, request: RequestModel, account: str) -> Any:
    """Answer an operation that only reads. Raises APINGException."""
    manager = markets.order_manager
    match request:
        case request_types.ListMarkets():
            return market_lists.list_values(markets, name, request, account)
        case request_types.ListTimeRanges():
            return market_lists.list_time_ranges(markets, request, account)
        case request_types.ListMarketCatalogue():
            return market_data.list_market_catalogue(markets, request, account)
        case request_types.ListMarketProfitAndLoss():
            return profit_and_loss.list_market_profit_and_loss(markets, request, account)
        case request_types.ListCurrentOrders():
            return order_lists.list_current_orders(markets, request, account)
        case request_types.ListClearedOrders():
            return order_lists.list_cleared_orders(markets, request, account)
        case request_types.GetAccountFunds():
            return account_operations.get_account_funds(manager, request, account)
        case request_types.GetAccountStatement():
            return account_operations.get_account_statement(manager, request, account)
        case request_types.ListCurrencyRates():
            return account_operations.list_currency_rates(request)
    return account_operations.get_account_details(account)
