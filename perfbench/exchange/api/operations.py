"""The calls that the API answers, by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from perfbench.exchange.api import dealing, market_data, reports
from perfbench.exchange.api.refusals import INVALID_PARAMETERS, NO_METHOD, Misunderstood
from perfbench.exchange.api.wishes import (
    ListClearedOrders,
    ListCurrentOrders,
    ListMarketBook,
    ListMarketCatalogue,
    Nothing,
)
from perfbench.exchange.betting.desk import Desk
from perfbench.exchange.betting.instructions import CancelOrders, PlaceOrders, ReplaceOrders, UpdateOrders, Wish
from perfbench.exchange.clock import Clock

OPERATIONS: Mapping[str, Mapping[str, type[Wish]]] = {
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
    "account": {"getAccountFunds": Nothing, "getAccountDetails": Nothing},
}


class Operations:
    """Answers calls at the exchange's own time.

    :param per_market: seconds that a market book takes more, as a service far away would.
    """

    def __init__(self, desk: Desk, clock: Clock, per_market: float = 0.0) -> None:
        self._desk, self._clock, self._per_market = desk, clock, per_market
        self._later: set[asyncio.Task[Any]] = set()

    def read(self, service: str, name: str, parameters: Any) -> Wish:
        """A call as a value. Raises Misunderstood."""
        if name not in OPERATIONS[service]:
            raise Misunderstood(NO_METHOD, "DSC-0021", f"there is no {name}")
        try:
            return msgspec.convert(parameters or {}, OPERATIONS[service][name], strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            missing = "missing required field" in str(error)
            raise Misunderstood(INVALID_PARAMETERS, "DSC-0018" if missing else "DSC-0009", str(error)) from error

    async def answer(self, name: str, wish: Wish, account: str) -> Any:
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
                return dealing.list_current_orders(desk, wish, account)
            case ListClearedOrders():
                return dealing.list_cleared_orders(desk, wish, account)
        return dealing.account_details(account) if name == "getAccountDetails" else dealing.account_funds(desk, account)

    async def _deal(self, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str) -> Any:
        desk = self._desk
        refusal = dealing.admitted(desk, account, wish)
        if refusal:
            return reports.report(wish.market_id, wish.customer_ref, refusal, ())
        if isinstance(wish, PlaceOrders) and wish.async_:
            later = asyncio.create_task(self._deal_in_time(wish, account))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
            return dealing.pending_orders(wish)
        return await self._deal_in_time(wish, account)

    async def _deal_in_time(self, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders, account: str) -> Any:
        desk = self._desk
        if isinstance(wish, PlaceOrders | ReplaceOrders):
            desk.advance(self._clock.position(time.monotonic()))
            await asyncio.sleep(self._bet_delay(wish.market_id))
        desk.advance(self._clock.position(time.monotonic()))
        match wish:
            case PlaceOrders():
                return dealing.place_orders(desk, wish, account)
            case CancelOrders():
                return dealing.cancel_orders(desk, wish, account)
            case ReplaceOrders():
                return dealing.replace_orders(desk, wish, account)
            case UpdateOrders():
                return dealing.update_orders(desk, wish, account)

    def _bet_delay(self, market: str) -> float:
        """Seconds of our clock until an order reaches a market; in-play they are not none."""
        matcher = self._desk.matchers.get(market)
        delay = float(matcher.standing.definition.get("betDelay") or 0.0) if matcher else 0.0
        return delay / self._clock.speed
