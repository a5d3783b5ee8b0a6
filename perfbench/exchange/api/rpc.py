"""JSON-RPC and REST: how a call is read, and how its result or its refusal is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from perfbench.exchange.api.exceptions import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    APINGException,
    ApiService,
    RpcError,
)

OperationHandler = Callable[[str, Any], Awaitable[Any]]
"""Answers an operation with parameters. Raises Refusal and Misunderstood."""

MAX_BATCH_SIZE = 100
"""Calls of one JSON-RPC request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What goes back: a status of HTTP, and JSON."""

    status: int
    body: bytes


def _decode_body(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RpcError(PARSE_ERROR, "DSC-0008", f"not JSON: {error}") from error


async def answer_json_rpc(service: ApiService, body: bytes, call: OperationHandler) -> HttpReply:
    """Answer a JSON-RPC request, of one call or of several."""
    try:
        said = _decode_body(body)
    except RpcError as error:
        return HttpReply(200, _encode_json(_build_rpc_error(None, error)))
    if isinstance(said, list) and 0 < len(said) <= MAX_BATCH_SIZE:
        return HttpReply(200, _encode_json([await _answer_call(service, each, call) for each in said]))
    return HttpReply(200, _encode_json(await _answer_call(service, said, call)))


async def _answer_call(service: ApiService, said: Any, call: OperationHandler) -> dict[str, Any]:
    known = isinstance(said, dict)
    number = said.get("id") if known else None
    try:
        if not known or not isinstance(said.get("method"), str):
            raise RpcError(INVALID_REQUEST, "DSC-0008", "no JSON-RPC call")
        method: str = said["method"]
        if not method.startswith(service.method):
            raise RpcError(METHOD_NOT_FOUND, "DSC-0021", f"there is no {method}")
        result = await call(method.removeprefix(service.method), said.get("params"))
    except RpcError as error:
        return _build_rpc_error(number, error)
    except APINGException as refusal:
        message, data = service.fault(refusal)
        return {"jsonrpc": "2.0", "error": {"code": -32099, "message": message, "data": data}, "id": number}
    return {"jsonrpc": "2.0", "result": result, "id": number}


def _build_rpc_error(number: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": error.number, "message": error.code, "data": str(error)}, "id": number}


async def answer_rest(service: ApiService, operation: str, body: bytes, call: OperationHandler) -> HttpReply:
    """Answer a REST request."""
    try:
        return HttpReply(200, _encode_json(await call(operation, _decode_body(body) if body.strip() else {})))
    except RpcError as error:
        status = 404 if error.number == METHOD_NOT_FOUND else 400
        return HttpReply(
            status, _encode_json({"faultcode": "Client", "faultstring": error.code, "detail": {"text": str(error)}})
        )
    except APINGException as refusal:
        message, data = service.fault(refusal)
        return HttpReply(400, _encode_json({"faultcode": "Client", "faultstring": message, "detail": data}))


def _encode_json(said: Any) -> bytes:
    return msgspec.json.encode(said)
