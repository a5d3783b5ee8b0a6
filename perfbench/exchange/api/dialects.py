"""JSON-RPC and REST: how a call is read, and how its result or its refusal is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from perfbench.exchange.api.refusals import (
    INVALID_REQUEST,
    NO_METHOD,
    PARSE_ERROR,
    Misunderstood,
    Refusal,
    Service,
)

Call = Callable[[str, Any], Awaitable[Any]]
"""Answers an operation with parameters. Raises Refusal and Misunderstood."""

MOST_CALLS = 100
"""Calls of one JSON-RPC request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status of HTTP, and JSON."""

    status: int
    body: bytes


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Misunderstood(PARSE_ERROR, "DSC-0008", f"not JSON: {error}") from error


async def json_rpc(service: Service, body: bytes, call: Call) -> Reply:
    """Answer a JSON-RPC request, of one call or of several."""
    try:
        said = _read(body)
    except Misunderstood as error:
        return Reply(200, _json(_misunderstood(None, error)))
    if isinstance(said, list) and 0 < len(said) <= MOST_CALLS:
        return Reply(200, _json([await _one(service, each, call) for each in said]))
    return Reply(200, _json(await _one(service, said, call)))


async def _one(service: Service, said: Any, call: Call) -> dict[str, Any]:
    known = isinstance(said, dict)
    number = said.get("id") if known else None
    try:
        if not known or not isinstance(said.get("method"), str):
            raise Misunderstood(INVALID_REQUEST, "DSC-0008", "no JSON-RPC call")
        method: str = said["method"]
        if not method.startswith(service.method):
            raise Misunderstood(NO_METHOD, "DSC-0021", f"there is no {method}")
        result = await call(method.removeprefix(service.method), said.get("params"))
    except Misunderstood as error:
        return _misunderstood(number, error)
    except Refusal as refusal:
        message, data = service.fault(refusal)
        return {"jsonrpc": "2.0", "error": {"code": -32099, "message": message, "data": data}, "id": number}
    return {"jsonrpc": "2.0", "result": result, "id": number}


def _misunderstood(number: Any, error: Misunderstood) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": error.number, "message": error.code, "data": str(error)}, "id": number}


async def rest(service: Service, operation: str, body: bytes, call: Call) -> Reply:
    """Answer a REST request."""
    try:
        return Reply(200, _json(await call(operation, _read(body) if body.strip() else {})))
    except Misunderstood as error:
        status = 404 if error.number == NO_METHOD else 400
        return Reply(status, _json({"faultcode": "Client", "faultstring": error.code, "detail": {"text": str(error)}}))
    except Refusal as refusal:
        message, data = service.fault(refusal)
        return Reply(400, _json({"faultcode": "Client", "faultstring": message, "detail": data}))


def _json(said: Any) -> bytes:
    return msgspec.json.encode(said)
