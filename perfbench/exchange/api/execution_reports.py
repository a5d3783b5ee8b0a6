"""What a client is told of the orders that it placed, cancelled, replaced or updated.

Names: Betfair, Exchange API, Betting Type Definitions (PlaceExecutionReport and so on).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from perfbench.exchange.api.order_summaries import format_timestamp
from perfbench.exchange.matching.instructions import RequestModel
from perfbench.exchange.matching.order_manager import InstructionOutcome

SUCCESS, FAILURE = "SUCCESS", "FAILURE"


def build_execution_report(
    market: str | None, reference: str | None, error: str | None, instructions: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A report on a whole request. Without an error of its own it is that of its instructions."""
    if error is None and any(one["status"] == FAILURE for one in instructions):
        failed = all(one["status"] == FAILURE for one in instructions)
        status, error = (FAILURE, "BET_ACTION_ERROR") if failed else ("PROCESSED_WITH_ERRORS", "PROCESSED_WITH_ERRORS")
    else:
        status = SUCCESS if error is None else FAILURE
    return {
        **({"customerRef": reference} if reference is not None else {}),
        "status": status,
        **({"errorCode": error} if error else {}),
        **({"marketId": market} if market is not None else {}),
        "instructionReports": list(instructions),
    }


def build_place_report(wish: RequestModel | dict[str, Any], outcome: InstructionOutcome) -> dict[str, Any]:
    """What became of an order that was to be placed."""
    said = {**_build_status(outcome), "instruction": serialize_instruction(wish)}
    order = outcome.order
    if order is None:
        return said
    return {
        **said,
        "orderStatus": "EXECUTABLE" if order.executable else "EXECUTION_COMPLETE",
        "betId": order.bet,
        "placedDate": format_timestamp(order.placed),
        "averagePriceMatched": order.average,
        "sizeMatched": order.matched,
    }


def build_pending_report(wish: RequestModel) -> dict[str, Any]:
    """An order that is placed later."""
    return {"status": SUCCESS, "instruction": serialize_instruction(wish), "orderStatus": "PENDING"}


def build_cancel_report(wish: RequestModel | dict[str, Any], outcome: InstructionOutcome) -> dict[str, Any]:
    """What became of an order that was to be cancelled."""
    said = {**_build_status(outcome), "instruction": serialize_instruction(wish), "sizeCancelled": outcome.size}
    at = outcome.order.cancelled_at if outcome.order else None
    return {**said, "cancelledDate": format_timestamp(at)} if at is not None else said


def build_update_report(wish: RequestModel, outcome: InstructionOutcome) -> dict[str, Any]:
    """What became of an order that was to be updated."""
    return {**_build_status(outcome), "instruction": serialize_instruction(wish)}


def build_replace_report(cancel: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    """What became of an order that was to be replaced."""
    error = cancel.get("errorCode") or place.get("errorCode")
    said = {"status": FAILURE, "errorCode": error} if error else {"status": SUCCESS}
    return {**said, "cancelInstructionReport": cancel, "placeInstructionReport": place}


def _build_status(outcome: InstructionOutcome) -> dict[str, Any]:
    return {"status": FAILURE, "errorCode": outcome.error} if outcome.error else {"status": SUCCESS}


def serialize_instruction(wish: RequestModel | dict[str, Any]) -> dict[str, Any]:
    """What a client said, as it said it."""
    found: dict[str, Any] = _drop_none_values(msgspec.to_builtins(wish))
    return found


def _drop_none_values(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _drop_none_values(value) for key, value in said.items() if value is not None}
    return said
