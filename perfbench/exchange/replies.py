"""What the stream says, as lines of JSON that end with CRLF."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

END = b"\r\n"


def line(message: dict[str, Any]) -> bytes:
    """A message on the wire."""
    return json.dumps(message, separators=(",", ":")).encode() + END


def connected(connection: str) -> bytes:
    """The first message of a connection."""
    return line({"op": "connection", "connectionId": connection})


def success(request: int | None, available: int) -> bytes:
    """A request was accepted; so many more connections are available."""
    return line(
        {
            "op": "status",
            "id": request,
            "statusCode": "SUCCESS",
            "connectionClosed": False,
            "connectionsAvailable": available,
        }
    )


def failure(request: int | None, code: str, text: str, connection: str, *, closed: bool) -> bytes:
    """A request was refused."""
    return line(
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


def frame(subscription: int, position: int, published: int, bodies: Iterable[bytes], status: int = 0) -> bytes:
    """An update: the changes of markets, each as JSON. ``published`` in milliseconds since 1970."""
    health = b'"status":%d,' % status if status else b""
    return b'{"op":"mcm","id":%d,%b"clk":"%d","pt":%d,"mc":[%b]}\r\n' % (
        subscription,
        health,
        position,
        published,
        b",".join(bodies),
    )


def heartbeat(subscription: int, position: int, published: int, status: int = 0, *, operation: str = "mcm") -> bytes:
    """Nothing has changed, and the connection is alive."""
    health = {"status": status} if status else {}
    return line(
        {"op": operation, "id": subscription, **health, "clk": str(position), "pt": published, "ct": "HEARTBEAT"}
    )
