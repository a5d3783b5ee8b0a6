"""JSON-RPC and REST envelopes of calls, results and errors."""

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
"""Executes an operation with parameters. Raises APINGException and RpcError."""

MAX_ID = 2**63 - 1
"""Largest id of a call that is repeated in its answer."""

MAX_BATCH_SIZE = 100
"""Maximum number of calls in one JSON-RPC request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """HTTP status and JSON body."""

    status: int
    body: bytes


def _decode_body(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise RpcError(PARSE_ERROR, "DSC-0008", f"not JSON: {error}") from error


async def answer_json_rpc(service: ApiService, body: bytes, call: OperationHandler) -> HttpReply:
    """Answer a JSON-RPC request: a single call or a batch."""
    try:
        message = _decode_body(body)
    except RpcError as error:
        return HttpReply(200, _encode_json(_build_rpc_error(None, error)))
    if isinstance(message, list) and 0 < len(message) <= MAX_BATCH_SIZE:
        return HttpReply(200, _encode_json([await _answer_call(service, each, call) for each in message]))
    return HttpReply(200, _encode_json(await _answer_call(service, message, call)))


async def _answer_call(service: ApiService, message: Any, call: OperationHandler) -> dict[str, Any]:
    is_object = isinstance(message, dict)
    request_id = _check_id(message.get("id")) if is_object else None
    try:
        if not is_object or not isinstance(message.get("method"), str):
            raise RpcError(INVALID_REQUEST, "DSC-0008", "not a JSON-RPC call")
        method: str = message["method"]
        if not method.startswith(service.method_prefix):
            raise RpcError(METHOD_NOT_FOUND, "DSC-0021", f"unknown method {method}")
        result = await call(method.removeprefix(service.method_prefix), message.get("params"))
    except RpcError as error:
        return _build_rpc_error(request_id, error)
    except APINGException as error:
        text, data = service.describe_exception(error)
        return {"jsonrpc": "2.0", "error": {"code": -32099, "message": text, "data": data}, "id": request_id}
    return {"jsonrpc": "2.0", "result": result, "id": request_id}


def _check_id(request_id: Any) -> Any:
    """Return the id of a call as it is repeated in the answer; None for one that cannot be encoded."""
    return (
        request_id
        if isinstance(request_id, str) or (isinstance(request_id, int | float) and _is_finite(request_id))
        else None
    )


def _is_finite(number: float) -> bool:
    return -MAX_ID <= number <= MAX_ID


def _build_rpc_error(request_id: Any, error: RpcError) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "error": {"code": error.rpc_code, "message": error.transport_code, "data": str(error)},
        "id": request_id,
    }


async def answer_rest(service: ApiService, operation: str, body: bytes, call: OperationHandler) -> HttpReply:
    """Answer a REST request."""
    try:
        return HttpReply(200, _encode_json(await call(operation, _decode_body(body) if body.strip() else {})))
    except RpcError as error:
        status = 404 if error.rpc_code == METHOD_NOT_FOUND else 400
        return HttpReply(
            status,
            _encode_json({"faultcode": "Client", "faultstring": error.transport_code, "detail": {"text": str(error)}}),
        )
    except APINGException as error:
        text, data = service.describe_exception(error)
        return HttpReply(400, _encode_json({"faultcode": "Client", "faultstring": text, "detail": data}))


def _encode_json(message: Any) -> bytes:
    return msgspec.json.encode(message)
