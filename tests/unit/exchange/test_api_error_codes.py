"""Every documented error code of the operations that are served is provoked, or named as one that is never given.

Codes: Betfair, Exchange API, Betting Exceptions and Betting Enums (ExecutionReportErrorCode,
InstructionReportErrorCode).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.exchange_api import FAVOURITE, MARKET, OPENING, Api, definition, error_code, limit

from perfbench.exchange.api.operations import OPERATION_PARAMETERS, UNSUPPORTED_OPERATIONS, Caller

IN_PLAY = {**OPENING, **definition(inPlay=True)}
SUSPENDED = {**OPENING, **definition(status="SUSPENDED")}
CLOSED = definition(status="CLOSED", statuses=("WINNER", "LOSER"))


def at_starting_price(liability: float = 10.0, **fields: Any) -> dict[str, Any]:
    order = {"marketOnCloseOrder": {"liability": liability}}
    return {"orderType": "MARKET_ON_CLOSE", "selectionId": FAVOURITE, "side": "BACK", **order, **fields}


def call_concurrently(api: Api) -> Any:
    async def call_all() -> list[Any]:
        call: dict[str, Any] = {"marketIds": [MARKET], "orderProjection": "ALL"}
        return await asyncio.gather(*(api.start_call("listMarketBook", **call) for _ in range(4)))

    return asyncio.run(call_all())[-1]


def call_delayed(api: Api) -> Any:
    api.caller = Caller("me", delayed=True)
    return api.place(limit())


EXCEPTIONS: dict[str, Callable[[Api], Any]] = {
    "TOO_MUCH_DATA": lambda api: api.call("listMarketBook", marketIds=[str(n) for n in range(101)]),
    "INVALID_INPUT_DATA": lambda api: api.call("listEvents", filter={"competitionIds": ["1"]}),
    "TOO_MANY_REQUESTS": call_concurrently,
    "REQUEST_SIZE_EXCEEDS_LIMIT": lambda api: api.call("listCurrentOrders", betIds=[str(n) for n in range(251)]),
    "ACCESS_DENIED": call_delayed,
}
"""How the operations answer with an exception."""

BY_HEADERS = {"INVALID_SESSION_INFORMATION", "NO_APP_KEY", "NO_SESSION", "INVALID_APP_KEY", "UNEXPECTED_ERROR"}
"""Codes that depend on headers, or on injected faults: tests/integration/test_exchange_api.py provokes them."""

NEVER_RAISED = {"SERVICE_BUSY", "TIMEOUT_ERROR"}


@pytest.mark.parametrize("code", EXCEPTIONS)
def test_exception_code_is_given(tmp_path: Path, code: str) -> None:
    assert error_code(EXCEPTIONS[code](Api(tmp_path, OPENING, per_market=0.01))) == code


def test_table_of_exception_codes_is_complete() -> None:
    documented = {
        "TOO_MUCH_DATA", "INVALID_INPUT_DATA", "INVALID_SESSION_INFORMATION", "NO_APP_KEY", "NO_SESSION",
        "UNEXPECTED_ERROR", "INVALID_APP_KEY", "TOO_MANY_REQUESTS", "SERVICE_BUSY", "TIMEOUT_ERROR",
        "REQUEST_SIZE_EXCEEDS_LIMIT", "ACCESS_DENIED",
    }  # fmt: skip
    assert {*EXCEPTIONS} | BY_HEADERS | NEVER_RAISED == documented


def place_twice(api: Api) -> dict[str, Any]:
    api.place(limit(), customerRef="once")
    return api.place(limit(), customerRef="once")


def cancel(api: Api, *bet_ids: str) -> dict[str, Any]:
    report: dict[str, Any] = api.call(
        "cancelOrders", marketId=MARKET, instructions=[{"betId": bet_id} for bet_id in bet_ids]
    )
    return report


EXECUTIONS: dict[str, tuple[dict[str, Any], Callable[[Api], dict[str, Any]]]] = {
    "PROCESSED_WITH_ERRORS": (OPENING, lambda api: cancel(api, api.place_accepted(price=4.0), "17")),
    "BET_ACTION_ERROR": (OPENING, lambda api: api.place(limit(price=3.01))),
    "INSUFFICIENT_FUNDS": (OPENING, lambda api: api.place(limit(size=1001.0))),
    "MARKET_SUSPENDED": (SUSPENDED, lambda api: api.place(limit())),
    "MARKET_NOT_OPEN_FOR_BETTING": (definition(status="INACTIVE"), lambda api: api.place(limit())),
    "DUPLICATE_TRANSACTION": (OPENING, place_twice),
    "INVALID_MARKET_ID": (
        OPENING,
        lambda api: api.call("placeOrders", marketId="1.9", instructions=[limit()]),
    ),
    "PERMISSION_DENIED": (definition(marketType="EACH_WAY"), lambda api: api.place(limit())),
    "DUPLICATE_BETIDS": (OPENING, lambda api: cancel(api, "17", "17")),
    "TOO_MANY_INSTRUCTIONS": (OPENING, lambda api: api.place(*[limit()] * 201)),
    "INVALID_MARKET_VERSION": (OPENING, lambda api: api.place(limit(), marketVersion={"version": 10**12})),
}
"""How a report has an error code, and on which market."""

NEVER_REPORTED = {
    "ERROR_IN_MATCHER", "INVALID_ACCOUNT_STATE", "INVALID_WALLET_STATUS", "LOSS_LIMIT_EXCEEDED", "INVALID_ORDER",
    "NO_ACTION_REQUIRED", "SERVICE_UNAVAILABLE", "REJECTED_BY_REGULATOR", "NO_CHASING", "REGULATOR_IS_NOT_AVAILABLE",
    "INVALID_PROFIT_RATIO", "NO_CHANGE",
}  # fmt: skip


@pytest.mark.parametrize("code", EXECUTIONS)
def test_error_code_of_a_report_is_given(tmp_path: Path, code: str) -> None:
    change, provoke = EXECUTIONS[code]
    report = provoke(Api(tmp_path, change))
    assert report["errorCode"] == code
    assert report["status"] == ("PROCESSED_WITH_ERRORS" if code == "PROCESSED_WITH_ERRORS" else "FAILURE")


def test_table_of_report_codes_is_complete() -> None:
    documented = {
        "ERROR_IN_MATCHER", "PROCESSED_WITH_ERRORS", "BET_ACTION_ERROR", "INVALID_ACCOUNT_STATE",
        "INVALID_WALLET_STATUS", "INSUFFICIENT_FUNDS", "LOSS_LIMIT_EXCEEDED", "MARKET_SUSPENDED",
        "MARKET_NOT_OPEN_FOR_BETTING", "DUPLICATE_TRANSACTION", "INVALID_ORDER", "INVALID_MARKET_ID",
        "PERMISSION_DENIED", "DUPLICATE_BETIDS", "NO_ACTION_REQUIRED", "SERVICE_UNAVAILABLE", "REJECTED_BY_REGULATOR",
        "NO_CHASING", "REGULATOR_IS_NOT_AVAILABLE", "TOO_MANY_INSTRUCTIONS", "INVALID_MARKET_VERSION",
        "INVALID_PROFIT_RATIO", "NO_CHANGE",
    }  # fmt: skip
    assert {*EXECUTIONS} | NEVER_REPORTED == documented
    assert not {*EXECUTIONS} & NEVER_REPORTED


def update(api: Api, bet_id: str, persistence: str) -> dict[str, Any]:
    change = {"betId": bet_id, "newPersistenceType": persistence}
    report: dict[str, Any] = api.call("updateOrders", marketId=MARKET, instructions=[change])
    return report


def replace(api: Api, bet_id: str, price: float) -> dict[str, Any]:
    """The report of the placement that replaces an order."""
    change = {"betId": bet_id, "newPrice": price}
    (report,) = api.call("replaceOrders", marketId=MARKET, instructions=[change])["instructionReports"]
    return {"instructionReports": [report["placeInstructionReport"]]}


def cancel_after_closure(api: Api) -> dict[str, Any]:
    bet_id = api.place_accepted(price=4.0)
    api.advance()
    return cancel(api, bet_id)


INSTRUCTIONS: dict[str, Callable[[Api], dict[str, Any]]] = {
    "INVALID_BET_SIZE": lambda api: api.place(limit(size=0.5)),
    "INVALID_RUNNER": lambda api: api.place(limit(runner=99)),
    "BET_TAKEN_OR_LAPSED": lambda api: cancel(api, api.place_accepted()),
    "RUNNER_REMOVED": lambda api: api.place(limit()),
    "MARKET_NOT_OPEN_FOR_BETTING": cancel_after_closure,
    "MARKET_NOT_OPEN_FOR_BSP_BETTING": lambda api: api.place(at_starting_price()),
    "INVALID_ODDS": lambda api: api.place(limit(price=3.01)),
    "INSUFFICIENT_FUNDS": lambda api: api.place(limit(size=1001.0)),
    "INVALID_PERSISTENCE_TYPE": lambda api: api.place(limit(persistenceType="FOREVER")),
    "INVALID_BACK_LAY_COMBINATION": lambda api: api.place(limit(), limit("LAY")),
    "ERROR_IN_ORDER": lambda api: api.place(limit(), limit(price=3.01)),
    "INVALID_BID_TYPE": lambda api: api.place(limit("SIDEWAYS")),
    "INVALID_BET_ID": lambda api: cancel(api, "17"),
    "CANCELLED_NOT_PLACED": lambda api: replace(api, api.place_accepted(price=4.0), 4.01),
    "RELATED_ACTION_FAILED": lambda api: replace(api, "17", 4.0),
    "NO_ACTION_REQUIRED": lambda api: update(api, api.place_accepted(price=4.0), "LAPSE"),
    "UNEXPECTED_PERSISTENCE_TYPE": lambda api: api.place(limit(timeInForce="FILL_OR_KILL", persistenceType="PERSIST")),
    "INVALID_ORDER_TYPE": lambda api: api.place({**limit(), "orderType": "MARKET_ON_CLOSE"}),
    "UNEXPECTED_MIN_FILL_SIZE": lambda api: api.place(limit(minFillSize=1.0)),
    "INVALID_CUSTOMER_ORDER_REF": lambda api: api.place(limit(customerOrderRef="x" * 33)),
    "INVALID_MIN_FILL_SIZE": lambda api: api.place(limit(timeInForce="FILL_OR_KILL", minFillSize=3.0)),
}
"""How the report of the first instruction has an error code."""

MARKETS = {
    "RUNNER_REMOVED": [{**OPENING, **definition(statuses=("REMOVED", "ACTIVE"))}],
    "MARKET_NOT_OPEN_FOR_BETTING": [OPENING, definition(status="SUSPENDED")],
    "MARKET_NOT_OPEN_FOR_BSP_BETTING": [IN_PLAY],
}
"""Changes of the market, where it is not open before the off."""

NEVER_GIVEN = {
    "BET_IN_PROGRESS", "LOSS_LIMIT_EXCEEDED", "INVALID_PRICE_EDIT", "ERROR_IN_MATCHER", "TIME_IN_FORCE_CONFLICT",
    "BET_LAPSED_PRICE_IMPROVEMENT_TOO_LARGE",
}  # fmt: skip


@pytest.mark.parametrize("code", INSTRUCTIONS)
def test_error_code_of_an_instruction_is_given(tmp_path: Path, code: str) -> None:
    report = INSTRUCTIONS[code](Api(tmp_path, *MARKETS.get(code, [OPENING])))
    assert (report["instructionReports"][0]["status"], report["instructionReports"][0]["errorCode"]) == (
        "FAILURE",
        code,
    )


def test_table_of_instruction_codes_is_complete() -> None:
    documented = {
        "INVALID_BET_SIZE", "INVALID_RUNNER", "BET_TAKEN_OR_LAPSED", "BET_IN_PROGRESS", "RUNNER_REMOVED",
        "MARKET_NOT_OPEN_FOR_BETTING", "LOSS_LIMIT_EXCEEDED", "MARKET_NOT_OPEN_FOR_BSP_BETTING", "INVALID_PRICE_EDIT",
        "INVALID_ODDS", "INSUFFICIENT_FUNDS", "INVALID_PERSISTENCE_TYPE", "ERROR_IN_MATCHER",
        "INVALID_BACK_LAY_COMBINATION", "ERROR_IN_ORDER", "INVALID_BID_TYPE", "INVALID_BET_ID", "CANCELLED_NOT_PLACED",
        "RELATED_ACTION_FAILED", "NO_ACTION_REQUIRED", "TIME_IN_FORCE_CONFLICT", "UNEXPECTED_PERSISTENCE_TYPE",
        "INVALID_ORDER_TYPE", "UNEXPECTED_MIN_FILL_SIZE", "INVALID_CUSTOMER_ORDER_REF", "INVALID_MIN_FILL_SIZE",
        "BET_LAPSED_PRICE_IMPROVEMENT_TOO_LARGE",
    }  # fmt: skip
    assert {*INSTRUCTIONS} | NEVER_GIVEN == documented
    assert not {*INSTRUCTIONS} & NEVER_GIVEN


def test_pages_of_the_exchange_name_what_is_never_given_and_what_is_not_served() -> None:
    folder = Path(__file__).parents[3] / "docs" / "live"
    page = "".join((folder / name).read_text(encoding="utf-8") for name in ("exchange.md", "differences.md"))
    served = [name for operations in OPERATION_PARAMETERS.values() for name in operations]
    names = NEVER_RAISED | NEVER_REPORTED | NEVER_GIVEN | UNSUPPORTED_OPERATIONS | set(served)
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", page)] == []
