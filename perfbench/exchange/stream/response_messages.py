"""What the stream says, as lines of JSON that end with CRLF."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

LINE_END = b"\r\n"


def encode_line(message: dict[str, Any]) -> bytes:
    """A message on the wire."""
    return json.dumps(message, separators=(",", ":")).encode() + LINE_END


def build_connection_message(connection: str) -> bytes:
    """The first message of a connection."""
    return encode_line({"op": "connection", "connectionId": connection})


def build_success_status(request: int | None, available: int) -> bytes:
    """A request was accepted; so many more connections are available."""
    return encode_line(
        {
            "op": "status",
            "id": request,
            "statusCode": "SUCCESS",
            "connectionClosed": False,
            "connectionsAvailable": available,
        }
    )


def build_failure_status(request: int | None, code: str, text: str, connection: str, *, closed: bool) -> bytes:
    """A request was refused."""
    return encode_line(
        {
            "op": "status",
            "id": request,
            "statusCode": "FAILURE",
            "errorCode": code,
            "errorMessage": text,
            "connectionClosed": closed,
            "connectionId": connection,
        }
    )


def build_market_change(
    subscription: int, position: int, published: int, bodies: Iterable[bytes], status: int = 0
) -> bytes:
    """An update: the changes of markets, each as JSON. ``published`` in milliseconds since 1970."""
    health = b'"status":%d,' % status if status else b""
    return b'{"op":"mcm","id":%d,%b"clk":"%d","pt":%d,"mc":[%b]}\r\n' % (
        subscription,
        health,
        position,
        published,
        b",".join(bodies),
    )


def build_heartbeat(
    subscription: int, position: int, published: int, status: int = 0, *, operation: str = "mcm"
) -> bytes:
    """Nothing has changed, and the connection is alive."""
    health = {"status": status} if status else {}
    return encode_line(
        {"op": operation, "id": subscription, **health, "clk": str(position), "pt": published, "ct": "HEARTBEAT"}
    )
