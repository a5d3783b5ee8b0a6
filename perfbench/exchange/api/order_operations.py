"""Calls about orders and money: placeOrders, cancelOrders, replaceOrders, updateOrders, lists of orders, funds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perfbench.exchange.api import execution_reports
from perfbench.exchange.api.exceptions import APINGException
from perfbench.exchange.api.instructions import (
    MAX_INSTRUCTIONS,
    CancelInstruction,
    CancelOrders,
    PlaceOrders,
    ReplaceInstruction,
    ReplaceOrders,
    UpdateOrders,
)
from perfbench.exchange.matching.instructions import LimitOrder, PlaceInstruction
from perfbench.exchange.matching.order_manager import InstructionOutcome, OrderManager
from perfbench.exchange.matching.validation import ORDER_REF_PATTERN, STRATEGY_REF_PATTERN


def find_request_error(
    desk: OrderManager, account: str, wish: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders
) -> str | None:
    """Why a request is refused before its orders are looked at; None if it is not. Raises Refusal for a reference of no form."""
    kind = INSTRUCTION_LIMIT_KEYS[type(wish)]
    if len(wish.instructions or ()) > MAX_INSTRUCTIONS[kind]:
        return "TOO_MANY_INSTRUCTIONS"
    if kind != "cancel" and not wish.instructions:
        raise APINGException("INVALID_INPUT_DATA", "instructions: there are none")
    reference = wish.customer_ref
    if reference is not None and not ORDER_REF_PATTERN.fullmatch(reference):
        raise APINGException("INVALID_INPUT_DATA", "customerRef: 1 to 32 of A-Z, a-z, 0-9 and - . _ + * : ; ~")
    bets = [one.bet_id for one in wish.instructions or () if not isinstance(one, PlaceInstruction)]
    if len(bets) != len(set(bets)):
        return "DUPLICATE_BETIDS"
    if reference is not None and not desk.first_use(account, reference):
        return "DUPLICATE_TRANSACTION"
    return None


INSTRUCTION_LIMIT_KEYS = {
    PlaceOrders: "place",
    CancelOrders: "cancel",
    ReplaceOrders: "replace",
    UpdateOrders: "update",
}


def place_orders(desk: OrderManager, wish: PlaceOrders, account: str) -> dict[str, Any]:
    """Place all or none."""
    strategy = wish.customer_strategy_ref or ""
    if strategy and not STRATEGY_REF_PATTERN.fullmatch(strategy):
        raise APINGException("INVALID_INPUT_DATA", "customerStrategyRef: 15 characters at most")
    error, outcomes = desk.place(account, wish.market_id, wish.instructions, wish.market_version, strategy)
    told = [
        execution_reports.build_place_report(one, outcome)
        for one, outcome in zip(wish.instructions, outcomes, strict=True)
    ]
    return execution_reports.build_execution_report(wish.market_id, wish.customer_ref, error, told)


def report_pending_orders(wish: PlaceOrders) -> dict[str, Any]:
    """The answer to orders that are placed later: only the order stream tells what became of them."""
    return execution_reports.build_execution_report(
        wish.market_id,
        wish.customer_ref,
        None,
        [execution_reports.build_pending_report(one) for one in wish.instructions],
    )


def cancel_orders(desk: OrderManager, wish: CancelOrders, account: str) -> dict[str, Any]:
    """Cancel what can be cancelled."""
    if wish.instructions:
        wishes: Sequence[CancelInstruction] = wish.instructions
    else:
        mine = [o for o in desk.orders(account) if wish.market_id in (None, o.place.market)]
        wishes = [CancelInstruction(bet_id=o.bet) for o in mine if o.executable and o.kind == "LIMIT"]
    told = [
        execution_reports.build_cancel_report(one, desk.cancel(account, wish.market_id, one.bet_id, one.size_reduction))
        for one in wishes
    ]
    return execution_reports.build_execution_report(wish.market_id, wish.customer_ref, None, told)


def update_orders(desk: OrderManager, wish: UpdateOrders, account: str) -> dict[str, Any]:
    """Change what orders do when the market turns in-play."""
    told = [
        execution_reports.build_update_report(
            one, desk.persist(account, wish.market_id, one.bet_id, one.new_persistence_type)
        )
        for one in wish.instructions
    ]
    return execution_reports.build_execution_report(wish.market_id, wish.customer_ref, None, told)


def replace_orders(desk: OrderManager, wish: ReplaceOrders, account: str) -> dict[str, Any]:
    """Cancel orders, then place as much anew at other prices: all of those that could be cancelled, or none."""
    cancelled = [(one, desk.cancel(account, wish.market_id, one.bet_id)) for one in wish.instructions]
    again = {one.bet_id: _build_replacement(one, outcome) for one, outcome in cancelled if outcome.order}
    strategy = next((outcome.order.strategy_ref for _, outcome in cancelled if outcome.order), "")
    error, outcomes = desk.place(account, wish.market_id, list(again.values()), wish.market_version, strategy)
    found = dict(zip(again, outcomes, strict=True))
    told = []
    for one, outcome in cancelled:
        cancel = execution_reports.build_cancel_report({"betId": one.bet_id}, outcome)
        if one.bet_id not in again:
            place = execution_reports.build_place_report({}, InstructionOutcome(error="RELATED_ACTION_FAILED"))
        else:
            placed = InstructionOutcome(error="CANCELLED_NOT_PLACED") if error else found[one.bet_id]
            place = execution_reports.build_place_report(again[one.bet_id], placed)
        told.append(execution_reports.build_replace_report(cancel, place))
    return execution_reports.build_execution_report(wish.market_id, wish.customer_ref, None, told)


def _build_replacement(one: ReplaceInstruction, cancelled: InstructionOutcome) -> PlaceInstruction:
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
