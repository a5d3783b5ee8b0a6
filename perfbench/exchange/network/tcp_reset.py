"""Ending a connection so that the other side sees a reset, whatever is still on its way."""

from __future__ import annotations

import asyncio
import socket
import struct

ZERO_LINGER = struct.pack("ii", 1, 0)
"""To linger for no time."""


def reset_transport(transport: asyncio.BaseTransport | None) -> None:
    """Reset the connection of a transport, if there still is one."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is not None and not transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
    transport.abort()
