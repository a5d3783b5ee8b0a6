"""Order operations: placeOrders, cancelOrders, replaceOrders and updateOrders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from perfbench.exchange.api import execution_reports
from perfbench.exchange.api.exceptions import reject_input
from perfbench.exchange.api.instructions import (
    MAX_INSTRUCTIONS,
    CancelInstruction,
    CancelOrders,
    PlaceOrders,
    ReplaceInstruction,
    ReplaceOrders,
    UpdateOrders,
)
from perfbench.exchange.matching.instructions import LimitOrder, MarketVersion, PlaceInstruction
from perfbench.exchange.matching.order_manager import InstructionOutcome, OrderManager, Rejection
from perfbench.exchange.matching.placement import AcceptedOrders
from perfbench.exchange.matching.validation import ORDER_REF_PATTERN, STRATEGY_REF_PATTERN

FILL_OR_KILL = "FILL_OR_KILL"


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
        raise reject_input("instructions", "must not be empty")
    customer_ref = request.customer_ref
    if customer_ref is not None and not ORDER_REF_PATTERN.fullmatch(customer_ref):
        raise reject_input("customerRef", "use 1 to 32 of A-Z, a-z, 0-9 and - . _ + * : ; ~")
    if isinstance(request, PlaceOrders):
        _check_place_request(request)
    bet_ids = [
        instruction.bet_id
        for instruction in request.instructions or ()
        if not isinstance(instruction, PlaceInstruction)
    ]
    if len(bet_ids) != len(set(bet_ids)):
        return "DUPLICATE_BETIDS"
    if customer_ref is not None and not order_manager.customer_references.register(account, customer_ref):
        return "DUPLICATE_TRANSACTION"
    return None


INSTRUCTION_LIMIT_KEYS = {
    PlaceOrders: "place",
    CancelOrders: "cancel",
    ReplaceOrders: "replace",
    UpdateOrders: "update",
}


def _check_place_request(request: PlaceOrders) -> None:
    """Raise APINGException for values that are unknown or not supported."""
    strategy = request.customer_strategy_ref
    if strategy and not STRATEGY_REF_PATTERN.fullmatch(strategy):
        raise reject_input("customerStrategyRef", "at most 15 characters")
    for order in (instruction.limit_order for instruction in request.instructions):
        if order is None:
            continue
        if order.bet_target_type is not None or order.bet_target_size is not None:
            raise reject_input("betTargetType", "not supported; give the size of the order")
        if order.time_in_force not in (None, FILL_OR_KILL):
            raise reject_input("timeInForce", f"unknown value {order.time_in_force}")


@dataclass(frozen=True, slots=True)
class OrderExecutor:
    """Places orders of an account after the bet delay.

    ``wait`` waits for the bet delay of a market and brings all markets up to date; ``start`` runs something later.
    """

    order_manager: OrderManager
    account: str
    wait: Callable[[str], Awaitable[None]]
    start: Callable[[Awaitable[Any]], None]

    async def place_orders(self, request: PlaceOrders) -> dict[str, Any]:
        """Place all orders or none. An asynchronous request is answered as soon as its orders are accepted."""
        accepted = self._accept(
            request.market_id, request.instructions, request.market_version, request.customer_strategy_ref or ""
        )
        if isinstance(accepted, Rejection):
            error_code, outcomes = accepted.error_code, list(accepted.outcomes)
        elif request.async_:
            self.start(self._execute(accepted))
            reports = [execution_reports.build_pending_report(instruction) for instruction in request.instructions]
            return execution_reports.build_execution_report(request.market_id, request.customer_ref, None, reports)
        else:
            error_code, outcomes = None, await self._execute(accepted)
        reports = [
            execution_reports.build_place_report(instruction, outcome)
            for instruction, outcome in zip(request.instructions, outcomes, strict=True)
        ]
        return execution_reports.build_execution_report(request.market_id, request.customer_ref, error_code, reports)

    def _accept(
        self,
        market_id: str,
        instructions: Sequence[PlaceInstruction],
        version: MarketVersion | None,
        customer_strategy_ref: str,
    ) -> AcceptedOrders | Rejection:
        return self.order_manager.accept_orders(self.account, market_id, instructions, version, customer_strategy_ref)

    async def _execute(self, accepted: AcceptedOrders) -> list[InstructionOutcome]:
        if self.order_manager.is_delayed(accepted):
            await self.wait(accepted.market_id)
        return self.order_manager.execute_orders(accepted)

    async def replace_orders(self, request: ReplaceOrders) -> dict[str, Any]:
        """Cancel orders at once, then place their remainders at new prices: all that could be cancelled, or none."""
        cancelled = [
            (each, self.order_manager.cancel_order(self.account, request.market_id, each.bet_id))
            for each in request.instructions
        ]
        replacements = {
            each.bet_id: _build_replacement(each, outcome) for each, outcome in cancelled if outcome.order is not None
        }
        strategy = next((outcome.order.customer_strategy_ref for _, outcome in cancelled if outcome.order), "")
        accepted = self._accept(request.market_id, list(replacements.values()), request.market_version, strategy)
        placed: dict[str, InstructionOutcome | None] = dict.fromkeys(
            replacements, InstructionOutcome(error_code="CANCELLED_NOT_PLACED")
        )
        if isinstance(accepted, AcceptedOrders) and request.async_:
            self.start(self._execute(accepted))
            placed = dict.fromkeys(replacements)
        elif isinstance(accepted, AcceptedOrders):
            placed = dict(zip(replacements, await self._execute(accepted), strict=True))
        reports = [
            _report_replacement(outcome, each.bet_id, replacements.get(each.bet_id), placed)
            for each, outcome in cancelled
        ]
        return execution_reports.build_execution_report(request.market_id, request.customer_ref, None, reports)


def _report_replacement(
    cancelled: InstructionOutcome,
    bet_id: str,
    replacement: PlaceInstruction | None,
    placed: dict[str, InstructionOutcome | None],
) -> dict[str, Any]:
    """Return the report of a replace instruction; ``placed`` is None for an order that is placed asynchronously."""
    cancel = execution_reports.build_cancel_report({"betId": bet_id}, cancelled)
    if replacement is None:
        place = execution_reports.build_place_report({}, InstructionOutcome(error_code="RELATED_ACTION_FAILED"))
    elif (outcome := placed[bet_id]) is None:
        place = execution_reports.build_pending_report(replacement)
    else:
        place = execution_reports.build_place_report(replacement, outcome)
    return execution_reports.build_replace_report(cancel, place)


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


def cancel_orders(order_manager: OrderManager, request: CancelOrders, account: str) -> dict[str, Any]:
    """Cancel all orders that can be cancelled."""
    if request.instructions:
        instructions: Sequence[CancelInstruction] = request.instructions
    else:
        open_orders = order_manager.list_open_orders(account)
        instructions = [
            CancelInstruction(bet_id=order.bet_id)
            for order in open_orders
            if request.market_id in (None, order.runner.market_id) and order.order_type == "LIMIT"
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
