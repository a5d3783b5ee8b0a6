"""Measurement of the round-trip time that a latency proxy achieves."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from contextlib import suppress

from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.network.listening_socket import open_listening_socket

PING_COUNT = 21
TIMEOUT_SECONDS = 10.0
MAX_ROUND_TRIP = 4.0
"""Seconds: the first ping opens the connection and takes two round trips, within the timeout."""

MEASURING_SECONDS = 4.0
"""Time for all pings; a long round trip is measured by fewer, at least two."""


def measure_round_trip(proxy: LatencyProxy, host: str) -> float:
    """Measure the round-trip time in seconds: the median of several pings through the proxy, without the first."""
    count = max(2, min(PING_COUNT, int(MEASURING_SECONDS / proxy.round_trip)))
    with open_listening_socket(host, 0, "--rtt") as listener:
        echo = threading.Thread(target=_serve_echo, args=(listener,), daemon=True)
        echo.start()
        port = proxy.listen(host, 0, (host, listener.getsockname()[1]), "--rtt")
        with socket.create_connection((host, port), TIMEOUT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            round_trips = [_measure_ping(connection) for _ in range(count)]
    echo.join(TIMEOUT_SECONDS)
    return statistics.median(round_trips[1:])


def _measure_ping(connection: socket.socket) -> float:
    start = time.monotonic()
    connection.sendall(b"?")
    if not connection.recv(1):
        raise ConnectionError("the proxy closed the connection")
    return time.monotonic() - start


def _serve_echo(listener: socket.socket) -> None:
    with suppress(OSError):
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while received := connection.recv(1):
                connection.sendall(received)
