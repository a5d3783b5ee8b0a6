"""Messages of the stream as CRLF-terminated lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

LINE_END = b"\r\n"


def encode_line(message: dict[str, Any]) -> bytes:
    """Encode a message."""
    return json.dumps(message, separators=(",", ":")).encode() + LINE_END


def build_connection_message(connection_id: str) -> bytes:
    """Build the first message of a connection."""
    return encode_line({"op": "connection", "connectionId": connection_id})


def build_success_status(request_id: int | None, connections_available: int | None = None) -> bytes:
    """Build the status of an accepted request; only that of an authentication has ``connections_available``."""
    message = {**_with_id({"op": "status"}, request_id), "statusCode": "SUCCESS", "connectionClosed": False}
    if connections_available is not None:
        message["connectionsAvailable"] = connections_available
    return encode_line(message)


def _with_id(message: dict[str, Any], request_id: int | None) -> dict[str, Any]:
    """Add the id of the request that is answered, if there is one."""
    return message if request_id is None else {**message, "id": request_id}


def build_failure_status(
    request_id: int | None, code: str, message_text: str, connection_id: str, *, connection_closed: bool
) -> bytes:
    """Build the status of a rejected request."""
    return encode_line(
        {
            **_with_id({"op": "status"}, request_id),
            "statusCode": "FAILURE",
            "errorCode": code,
            "errorMessage": message_text,
            "connectionClosed": connection_closed,
            "connectionId": connection_id,
        }
    )


def build_market_change(
    subscription_id: int, position: int, publish_time: int, bodies: Iterable[bytes], status: int = 0
) -> bytes:
    """Build an update from the encoded changes of markets; ``publish_time`` in milliseconds since 1970."""
    health = b'"status":%d,' % status if status else b""
    return b'{"op":"mcm","id":%d,%b"clk":"%d","pt":%d,"mc":[%b]}\r\n' % (
        subscription_id,
        health,
        position,
        publish_time,
        b",".join(bodies),
    )


def build_heartbeat(
    subscription_id: int, position: int, publish_time: int, status: int = 0, *, operation: str = "mcm"
) -> bytes:
    """Build a heartbeat."""
    health = {"status": status} if status else {}
    return encode_line(
        {"op": operation, "id": subscription_id, **health, "clk": str(position), "pt": publish_time, "ct": "HEARTBEAT"}
    )
