"""Execution reports of placed, cancelled, replaced and updated orders.

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
    market_id: str | None, customer_ref: str | None, error_code: str | None, reports: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Build the report of a request. Without an error code its status follows from its instructions."""
    if error_code is None and any(report["status"] == FAILURE for report in reports):
        failed = all(report["status"] == FAILURE for report in reports)
        status, error_code = (
            (FAILURE, "BET_ACTION_ERROR") if failed else ("PROCESSED_WITH_ERRORS", "PROCESSED_WITH_ERRORS")
        )
    else:
        status = SUCCESS if error_code is None else FAILURE
    return {
        **({"customerRef": customer_ref} if customer_ref is not None else {}),
        "status": status,
        **({"errorCode": error_code} if error_code else {}),
        **({"marketId": market_id} if market_id is not None else {}),
        "instructionReports": list(reports),
    }


def build_place_report(instruction: RequestModel | dict[str, Any], outcome: InstructionOutcome) -> dict[str, Any]:
    """Build the report of a place instruction."""
    report = {**_build_status(outcome), "instruction": serialize_instruction(instruction)}
    order = outcome.order
    if order is None:
        return report
    return {
        **report,
        "orderStatus": order.status,
        "betId": order.bet_id,
        "placedDate": format_timestamp(order.placed_at),
        "averagePriceMatched": order.average_price,
        "sizeMatched": order.size_matched,
    }


def build_pending_report(instruction: RequestModel | dict[str, Any]) -> dict[str, Any]:
    """Build the report of an asynchronous place instruction."""
    return {"status": SUCCESS, "instruction": serialize_instruction(instruction), "orderStatus": "PENDING"}


def build_cancel_report(instruction: RequestModel | dict[str, Any], outcome: InstructionOutcome) -> dict[str, Any]:
    """Build the report of a cancel instruction."""
    report = {
        **_build_status(outcome),
        "instruction": serialize_instruction(instruction),
        "sizeCancelled": outcome.size_cancelled,
    }
    cancelled_at = outcome.order.cancelled_at if outcome.order else None
    return {**report, "cancelledDate": format_timestamp(cancelled_at)} if cancelled_at is not None else report


def build_update_report(instruction: RequestModel, outcome: InstructionOutcome) -> dict[str, Any]:
    """Build the report of an update instruction."""
    return {**_build_status(outcome), "instruction": serialize_instruction(instruction)}


def build_replace_report(cancel: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    """Build the report of a replace instruction."""
    error_code = cancel.get("errorCode") or place.get("errorCode")
    report = {"status": FAILURE, "errorCode": error_code} if error_code else {"status": SUCCESS}
    return {**report, "cancelInstructionReport": cancel, "placeInstructionReport": place}


def _build_status(outcome: InstructionOutcome) -> dict[str, Any]:
    return {"status": FAILURE, "errorCode": outcome.error_code} if outcome.error_code else {"status": SUCCESS}


def serialize_instruction(instruction: RequestModel | dict[str, Any]) -> dict[str, Any]:
    """Return an instruction as JSON values, without absent fields."""
    values: dict[str, Any] = _drop_none_values(msgspec.to_builtins(instruction))
    return values


def _drop_none_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_none_values(item) for key, item in value.items() if item is not None}
    return value
