"""Order operations: placeOrders, cancelOrders, replaceOrders and updateOrders."""

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
    order_manager: OrderManager, account: str, request: PlaceOrders | CancelOrders | ReplaceOrders | UpdateOrders
) -> str | None:
    """Return the error code of a request as a whole; None if it is valid.

    Raises APINGException for an invalid reference or a request without instructions.
    """
    operation = INSTRUCTION_LIMIT_KEYS[type(request)]
    if len(request.instructions or ()) > MAX_INSTRUCTIONS[operation]:
        return "TOO_MANY_INSTRUCTIONS"
    if operation != "cancel" and not request.instructions:
        raise APINGException("INVALID_INPUT_DATA", "instructions: must not be empty")
    customer_ref = request.customer_ref
    if customer_ref is not None and not ORDER_REF_PATTERN.fullmatch(customer_ref):
        raise APINGException("INVALID_INPUT_DATA", "customerRef: use 1 to 32 of A-Z, a-z, 0-9 and - . _ + * : ; ~")
    bet_ids = [
        instruction.bet_id
        for instruction in request.instructions or ()
        if not isinstance(instruction, PlaceInstruction)
    ]
    if len(bet_ids) != len(set(bet_ids)):
        return "DUPLICATE_BETIDS"
    if customer_ref is not None and not order_manager.register_customer_ref(account, customer_ref):
        return "DUPLICATE_TRANSACTION"
    return None


INSTRUCTION_LIMIT_KEYS = {
    PlaceOrders: "place",
    CancelOrders: "cancel",
    ReplaceOrders: "replace",
    UpdateOrders: "update",
}


def place_orders(order_manager: OrderManager, request: PlaceOrders, account: str) -> dict[str, Any]:
    """Place all orders or none."""
    strategy = request.customer_strategy_ref or ""
    if strategy and not STRATEGY_REF_PATTERN.fullmatch(strategy):
        raise APINGException("INVALID_INPUT_DATA", "customerStrategyRef: at most 15 characters")
    error_code, outcomes = order_manager.place_orders(
        account, request.market_id, request.instructions, request.market_version, strategy
    )
    reports = [
        execution_reports.build_place_report(instruction, outcome)
        for instruction, outcome in zip(request.instructions, outcomes, strict=True)
    ]
    return execution_reports.build_execution_report(request.market_id, request.customer_ref, error_code, reports)


def report_pending_orders(request: PlaceOrders) -> dict[str, Any]:
    """Answer an asynchronous placeOrders; its outcome is published by the order stream only."""
    return execution_reports.build_execution_report(
        request.market_id,
        request.customer_ref,
        None,
        [execution_reports.build_pending_report(instruction) for instruction in request.instructions],
    )


def cancel_orders(order_manager: OrderManager, request: CancelOrders, account: str) -> dict[str, Any]:
    """Cancel all orders that can be cancelled."""
    if request.instructions:
        instructions: Sequence[CancelInstruction] = request.instructions
    else:
        own_orders = [o for o in order_manager.list_orders(account) if request.market_id in (None, o.runner.market_id)]
        instructions = [
            CancelInstruction(bet_id=o.bet_id) for o in own_orders if o.executable and o.order_type == "LIMIT"
        ]
    reports = [
        execution_reports.build_cancel_report(
            instruction,
            order_manager.cancel_order(account, request.market_id, instruction.bet_id, instruction.size_reduction),
        )
        for instruction in instructions
    ]
    return execution_reports.build_execution_report(request.market_id, request.customer_ref, None, reports)


def update_orders(order_manager: OrderManager, request: UpdateOrders, account: str) -> dict[str, Any]:
    """Change the persistence types of orders."""
    reports = [
        execution_reports.build_update_report(
            instruction,
            order_manager.update_persistence(
                account, request.market_id, instruction.bet_id, instruction.new_persistence_type
            ),
        )
        for instruction in request.instructions
    ]
    return execution_reports.build_execution_report(request.market_id, request.customer_ref, None, reports)


def replace_orders(order_manager: OrderManager, request: ReplaceOrders, account: str) -> dict[str, Any]:
    """Cancel orders, then place their remainders at new prices: all that could be cancelled, or none."""
    cancelled = [
        (instruction, order_manager.cancel_order(account, request.market_id, instruction.bet_id))
        for instruction in request.instructions
    ]
    replacements = {
        instruction.bet_id: _build_replacement(instruction, outcome)
        for instruction, outcome in cancelled
        if outcome.order
    }
    strategy = next((outcome.order.customer_strategy_ref for _, outcome in cancelled if outcome.order), "")
    error_code, outcomes = order_manager.place_orders(
        account, request.market_id, list(replacements.values()), request.market_version, strategy
    )
    outcome_by_bet_id = dict(zip(replacements, outcomes, strict=True))
    reports = []
    for instruction, outcome in cancelled:
        cancel = execution_reports.build_cancel_report({"betId": instruction.bet_id}, outcome)
        if instruction.bet_id not in replacements:
            place = execution_reports.build_place_report({}, InstructionOutcome(error_code="RELATED_ACTION_FAILED"))
        else:
            placed = (
                InstructionOutcome(error_code="CANCELLED_NOT_PLACED")
                if error_code
                else outcome_by_bet_id[instruction.bet_id]
            )
            place = execution_reports.build_place_report(replacements[instruction.bet_id], placed)
        reports.append(execution_reports.build_replace_report(cancel, place))
    return execution_reports.build_execution_report(request.market_id, request.customer_ref, None, reports)


def _build_replacement(instruction: ReplaceInstruction, cancelled: InstructionOutcome) -> PlaceInstruction:
    order = cancelled.order
    assert order is not None
    return PlaceInstruction(
        order_type="LIMIT",
        selection_id=order.runner.selection_id,
        handicap=order.runner.handicap,
        side=order.side,
        limit_order=LimitOrder(
            price=instruction.new_price, size=cancelled.size_cancelled, persistence_type=order.persistence_type
        ),
        customer_order_ref=order.customer_order_ref or None,
    )
