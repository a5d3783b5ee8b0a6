"""The operations of the exchange's API in this process, on a market of a few changes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from perfbench.exchange.api import rpc
from perfbench.exchange.api.exceptions import SERVICES
from perfbench.exchange.api.operations import Caller, OperationDispatcher
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.timeline import Timeline, build_timeline

MARKET = "1.100000081"
FAVOURITE, OUTSIDER = 11, 12
ME = "me"


def definition(**fields: Any) -> dict[str, Any]:
    """A change that is the definition of a market of two runners."""
    statuses = fields.pop("statuses", ("ACTIVE", "ACTIVE"))
    runners = [
        {"id": runner, "status": status, "sortPriority": number}
        for number, (runner, status) in enumerate(zip((FAVOURITE, OUTSIDER), statuses, strict=True), 1)
    ]
    values = {
        "status": "OPEN",
        "inPlay": False,
        "bspMarket": True,
        "turnInPlayEnabled": True,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "marketBaseRate": 5.0,
        "bettingType": "ODDS",
        "marketType": "WIN",
        "eventTypeId": "7",
        "eventId": "30000001",
        "eventName": "Ascot 1st Jan",
        "venue": "Ascot",
        "countryCode": "GB",
        "marketTime": "2026-01-01T12:00:00.000Z",
        "version": 7,
        "runners": runners,
        **fields,
    }
    return {"marketDefinition": values}


def ladders(backs: list[list[float]], lays: list[list[float]], runner: int = FAVOURITE) -> dict[str, Any]:
    """A change of a runner's full ladders."""
    return {"rc": [{"id": runner, "atb": backs, "atl": lays}]}


OPENING = {**definition(), **ladders([[3.0, 10.0], [2.98, 50.0], [2.9, 0.4], [2.88, 0.5], [2.86, 0.3]], [[3.05, 20.0]])}


class SteppedClock(MarketClock):
    """Clock whose position is set by hand."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(timeline, 1.0)
        self.position = 1

    def count_due_updates(self, now: float) -> int:
        """Return the position."""
        return self.position


class Api:
    """Operations on markets of some changes, of which the first has happened."""

    def __init__(self, folder: Path, *changes: dict[str, Any], funds: float = 1000.0, per_market: float = 0.0) -> None:
        path = folder / MARKET
        lines = [
            json.dumps({"op": "mcm", "pt": 1_767_268_000_000 + 1000 * number, "mc": [{"id": MARKET, **change}]}) + "\n"
            for number, change in enumerate([*changes, {"rc": [{"id": OUTSIDER, "ltp": 9.0}]}])
        ]
        path.write_text("".join(lines))
        timeline = build_timeline([(MARKET, path)])
        self.clock = SteppedClock(timeline)
        self.order_manager = OrderManager(timeline, funds)
        self.order_manager.advance(self.clock.position)
        self.dispatcher = OperationDispatcher(self.order_manager, self.clock, per_market)
        self.caller = Caller(ME)

    def advance(self) -> None:
        """Let the next change happen."""
        self.clock.position += 1
        self.order_manager.advance(self.clock.position)

    async def start_call(self, operation: str, service: str = "betting", **parameters: Any) -> Any:
        """Call an operation by REST and return its answer, which for an error has a faultcode."""

        async def call(name: str, values: Any) -> Any:
            decoded = self.dispatcher.decode_parameters(service, name, values)
            return await self.dispatcher.call(name, decoded, self.caller)

        reply = await rpc.answer_rest(SERVICES[service], operation, json.dumps(parameters).encode(), call)
        return json.loads(reply.body)

    def call(self, operation: str, service: str = "betting", **parameters: Any) -> Any:
        """Call an operation and return its answer."""
        return asyncio.run(self.start_call(operation, service, **parameters))

    def place(self, *instructions: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        """Place orders and return the report."""
        report: dict[str, Any] = self.call(
            "placeOrders", marketId=MARKET, instructions=list(instructions), **parameters
        )
        return report

    def place_accepted(self, *arguments: Any, **fields: Any) -> str:
        """Place an order that must be accepted, and return its bet id."""
        (report,) = self.place(limit(*arguments, **fields))["instructionReports"]
        bet_id: str = report["betId"]
        return bet_id

    def order(self, bet_id: str) -> dict[str, Any]:
        """The order as listCurrentOrders shows it."""
        (found,) = self.call("listCurrentOrders", betIds=[bet_id])["currentOrders"]
        shown: dict[str, Any] = found
        return shown


def limit(
    side: str = "BACK", price: float = 3.0, size: float = 2.0, runner: int = FAVOURITE, **fields: Any
) -> dict[str, Any]:
    """An instruction for a limit order; ``fields`` of the order, ``customerOrderRef`` of the instruction."""
    references: dict[str, Any] = {name: fields.pop(name) for name in ("customerOrderRef", "handicap") if name in fields}
    order = {"price": price, "size": size, **fields}
    return {"orderType": "LIMIT", "selectionId": runner, "side": side, "limitOrder": order, **references}


def error_code(answer: Any) -> str:
    """The code of an answer that is an error."""
    detail = answer["detail"]
    code: str = detail["APINGException" if "APINGException" in detail else "AccountAPINGException"]["errorCode"]
    return code
