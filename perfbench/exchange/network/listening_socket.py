"""Listening sockets, IPv4 and IPv6."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from perfbench.errors import UsageProblem

LISTEN_BACKLOG = 128
SOCKET_BUFFER_BYTES = 1 << 18
"""Small buffers, so that a client that stops reading is noticed early whatever the system's default."""


def resolve_host(host: str, option: str = "--host") -> str:
    """Return the address of a host to listen on, that of IPv4 if it has both. Raises UsageProblem for an unknown host."""
    try:
        candidates = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(
            f"{option} {host}: not an address of this machine: {reason}",
            hint="use 127.0.0.1, ::1 or the address of a network interface",
        ) from error
    addresses = [(family != socket.AF_INET, str(address[0])) for family, _, _, _, address in candidates]
    return min(addresses)[1]


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def open_listening_socket(host: str, port: int, option: str = "--port") -> socket.socket:
    """Listen on an address and a port (0: any). Raises UsageProblem if that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)  # the library's text repeats the address
        if number == errno.EADDRNOTAVAIL:
            option = f"--host {host}"
        raise UsageProblem(
            f"{option}: cannot listen on {format_address(host, port)}: {reason}",
            hint="choose an address of this machine and a free port (0: any)",
        ) from error


def format_address(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
