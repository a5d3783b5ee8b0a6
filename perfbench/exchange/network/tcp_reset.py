"""TCP resets of asyncio transports."""

from __future__ import annotations

import asyncio
import socket
import struct

ZERO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER option of zero seconds: closing sends a reset."""


def reset_transport(transport: asyncio.BaseTransport | None) -> None:
    """Reset the connection of a transport, if it is still open."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
    transport.abort()
