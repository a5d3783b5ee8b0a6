"""Calls about orders and money: placeOrders, cancelOrders, replaceOrders, updateOrders, lists of orders, funds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from perfbench.exchange.api import reports
from perfbench.exchange.api.market_data import PROJECTIONS, projected
from perfbench.exchange.api.orders import cleared_market, cleared_order, current_order
from perfbench.exchange.api.refusals import Refusal
from perfbench.exchange.api.wishes import ListClearedOrders, ListCurrentOrders
from perfbench.exchange.betting.desk import Desk, Outcome, now
from perfbench.exchange.betting.instructions import (
    MOST,
    CancelInstruction,
    CancelOrders,
    LimitOrder,
    PlaceInstruction,
    PlaceOrders,
    ReplaceInstruction,
    ReplaceOrders,
    UpdateOrders,
)
from perfbench.exchange.betting.orders import Order
from perfbench.exchange.betting.validating import ORDER_REF, STRATEGY_REF

MOST_RECORDS = 1000
SETTLED = {"SETTLED": "matched", "VOIDED": "voided", "LAPSED": "lapsed", "CANCELLED": "cancelled"}
"""For each status of cleared orders the amount that must not be nothing."""


def admitted(desk: Desk, account: str, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders) -> str | None:
    """Why a request is refused before its orders are looked at; None if it is not. Raises Refusal for a reference of no form."""
    kind = KINDS[type(wish)]
    if len(wish.instructions or ()) > MOST[kind]:
        return "TOO_MANY_INSTRUCTIONS"
    if kind != "cancel" and not wish.instructions:
        raise Refusal("INVALID_INPUT_DATA", "instructions: there are none")
    reference = wish.customer_ref
    if reference is not None and not ORDER_REF.fullmatch(reference):
        raise Refusal("INVALID_INPUT_DATA", "customerRef: 1 to 32 of A-Z, a-z, 0-9 and - . _ + * : ; ~")
    bets = [one.bet_id for one in wish.instructions or () if not isinstance(one, PlaceInstruction)]
    if len(bets) != len(set(bets)):
        return "DUPLICATE_BETIDS"
    if reference is not None and not desk.first_use(account, reference):
        return "DUPLICATE_TRANSACTION"
    return None


KINDS = {PlaceOrders: "place", CancelOrders: "cancel", ReplaceOrders: "replace", UpdateOrders: "update"}


def place_orders(desk: Desk, wish: PlaceOrders, account: str) -> dict[str, Any]:
    """Place all or none."""
    strategy = wish.customer_strategy_ref or ""
    if strategy and not STRATEGY_REF.fullmatch(strategy):
        raise Refusal("INVALID_INPUT_DATA", "customerStrategyRef: 15 characters at most")
    error, outcomes = desk.place(account, wish.market_id, wish.instructions, wish.market_version, strategy)
    told = [reports.placed(one, outcome) for one, outcome in zip(wish.instructions, outcomes, strict=True)]
    return reports.report(wish.market_id, wish.customer_ref, error, told)


def pending_orders(wish: PlaceOrders) -> dict[str, Any]:
    """The answer to orders that are placed later: only the order stream tells what became of them."""
    return reports.report(wish.market_id, wish.customer_ref, None, [reports.pending(one) for one in wish.instructions])


def cancel_orders(desk: Desk, wish: CancelOrders, account: str) -> dict[str, Any]:
    """Cancel what can be cancelled."""
    if wish.instructions:
        wishes: Sequence[CancelInstruction] = wish.instructions
    else:
        mine = [o for o in desk.orders(account) if wish.market_id in (None, o.place.market)]
        wishes = [CancelInstruction(bet_id=o.bet) for o in mine if o.executable and o.kind == "LIMIT"]
    told = [
        reports.cancelled(one, desk.cancel(account, wish.market_id, one.bet_id, one.size_reduction)) for one in wishes
    ]
    return reports.report(wish.market_id, wish.customer_ref, None, told)


def update_orders(desk: Desk, wish: UpdateOrders, account: str) -> dict[str, Any]:
    """Change what orders do when the market turns in-play."""
    told = [
        reports.updated(one, desk.persist(account, wish.market_id, one.bet_id, one.new_persistence_type))
        for one in wish.instructions
    ]
    return reports.report(wish.market_id, wish.customer_ref, None, told)


def replace_orders(desk: Desk, wish: ReplaceOrders, account: str) -> dict[str, Any]:
    """Cancel orders, then place as much anew at other prices: all of those that could be cancelled, or none."""
    cancelled = [(one, desk.cancel(account, wish.market_id, one.bet_id)) for one in wish.instructions]
    again = {one.bet_id: _again(one, outcome) for one, outcome in cancelled if outcome.order}
    strategy = next((outcome.order.strategy_ref for _, outcome in cancelled if outcome.order), "")
    error, outcomes = desk.place(account, wish.market_id, list(again.values()), wish.market_version, strategy)
    found = dict(zip(again, outcomes, strict=True))
    told = []
    for one, outcome in cancelled:
        cancel = reports.cancelled({"betId": one.bet_id}, outcome)
        if one.bet_id not in again:
            place = reports.placed({}, Outcome(error="RELATED_ACTION_FAILED"))
        else:
            placed = Outcome(error="CANCELLED_NOT_PLACED") if error else found[one.bet_id]
            place = reports.placed(again[one.bet_id], placed)
        told.append(reports.replaced(cancel, place))
    return reports.report(wish.market_id, wish.customer_ref, None, told)


def _again(one: ReplaceInstruction, cancelled: Outcome) -> PlaceInstruction:
    old = cancelled.order
    assert old is not None
    return PlaceInstruction(
        order_type="LIMIT",
        selection_id=old.place.runner,
        handicap=old.place.handicap,
        side=old.side,
        limit_order=LimitOrder(price=one.new_price, size=cancelled.size, persistence_type=old.persistence),
        customer_order_ref=old.order_ref or None,
    )


# Lists ------------------------------------------------------------------------------------------------------------------------


def list_current_orders(desk: Desk, wish: ListCurrentOrders, account: str) -> dict[str, Any]:
    """Orders on markets that are not over, the first or the last first. Raises Refusal."""
    if wish.order_projection not in (None, *PROJECTIONS):
        raise Refusal("INVALID_INPUT_DATA", f"orderProjection: there is no {wish.order_projection}")
    orders = [
        order
        for order in desk.orders(account)
        if not desk.matchers[order.place.market].closed
        and projected(order, wish.order_projection)
        and _asked(order, wish)
        and (
            wish.date_range is None or wish.date_range.holds(datetime.fromtimestamp(order.placed / 1000, timezone.utc))
        )
    ]
    if wish.sort_dir == "LATEST_TO_EARLIEST":
        orders.reverse()
    chosen, more = _page(orders, wish.from_record, wish.record_count)
    return {"currentOrders": [current_order(order) for order in chosen], "moreAvailable": more}


def list_cleared_orders(desk: Desk, wish: ListClearedOrders, account: str) -> dict[str, Any]:
    """Orders on markets that are over, one by one or market by market. Raises Refusal."""
    if wish.bet_status not in SETTLED:
        raise Refusal("INVALID_INPUT_DATA", f"betStatus: there is no {wish.bet_status}")
    if wish.group_by not in (None, "BET", "MARKET"):
        raise Refusal("INVALID_INPUT_DATA", f"groupBy: BET and MARKET are known here, not {wish.group_by}")
    over = [
        order
        for order in desk.orders(account)
        if desk.matchers[order.place.market].closed
        and getattr(order, SETTLED[wish.bet_status])
        and wish.side in (None, order.side)
        and _asked(order, wish)
    ]
    if wish.group_by == "MARKET":
        markets = dict.fromkeys(order.place.market for order in over)
        told = [
            cleared_market(desk.matchers[name], [o for o in over if o.place.market == name], now()) for name in markets
        ]
    else:
        told = [cleared_order(o, desk.matchers[o.place.market].standing.definition, now()) for o in over]
    chosen, more = _page(told, wish.from_record, wish.record_count)
    return {"clearedOrders": chosen, "moreAvailable": more}


def _asked(order: Order, wish: ListCurrentOrders | ListClearedOrders) -> bool:
    return (
        (not wish.bet_ids or order.bet in wish.bet_ids)
        and (not wish.market_ids or order.place.market in wish.market_ids)
        and (not wish.customer_order_refs or order.order_ref in wish.customer_order_refs)
        and (not wish.customer_strategy_refs or order.strategy_ref in wish.customer_strategy_refs)
    )


def _page(found: list[Any], first: int | None, count: int | None) -> tuple[list[Any], bool]:
    begin = max(first or 0, 0)
    amount = MOST_RECORDS if not count else min(max(count, 0), MOST_RECORDS)
    return found[begin : begin + amount], len(found) > begin + amount


# Accounts ---------------------------------------------------------------------------------------------------------------------


def account_funds(desk: Desk, account: str) -> dict[str, Any]:
    """What an account has, in pounds."""
    funds = desk.funds(account)
    return {
        "availableToBetBalance": funds.available,
        "exposure": 0.0 - funds.exposure,
        "retainedCommission": 0.0,
        "exposureLimit": -10_000.0,
        "discountRate": 0.0,
        "pointsBalance": 0,
        "wallet": "UK",
    }


def account_details(account: str) -> dict[str, Any]:
    """Whose account it is."""
    return {
        "currencyCode": "GBP",
        "firstName": account,
        "lastName": "",
        "localeCode": "en",
        "region": "GBR",
        "timezone": "GMT",
        "discountRate": 0.0,
        "pointsBalance": 0,
        "countryCode": "GB",
    }
