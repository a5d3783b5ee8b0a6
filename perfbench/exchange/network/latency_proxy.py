"""Latency proxy in user space: every segment arrives half a round trip after it was sent.

The first bytes of a connection arrive one round trip later still, for the TCP handshake that the local system
completes immediately. Resets and half-closed connections are forwarded. It needs no privileges, unlike the kernel's
netem.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from perfbench.errors import UsageProblem
from perfbench.exchange.network.tcp_reset import reset_transport

MAX_IN_FLIGHT_BYTES = 1 << 20
"""Bytes in flight in one direction above which its sender is no longer read."""

PING_COUNT = 21
OPEN_TIMEOUT_SECONDS = 10.0
CLOSE_TIMEOUT_SECONDS = 1.0


class ProxyEndpoint(asyncio.Protocol):
    """One side of a proxied connection; received data are forwarded to its peer after a delay."""

    def __init__(self, proxy: LatencyProxy, peer: ProxyEndpoint | None = None) -> None:
        self._proxy, self.peer = proxy, peer
        self.transport: asyncio.Transport | None = None
        self._open_at = 0.0
        self._last_delivery_at = 0.0
        self._in_flight_bytes = 0
        self._queued: list[Callable[[], None]] = []
        self._is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._proxy.add_transport(transport)
        if self.peer is None:
            self._open_at = time.monotonic() + self._proxy.round_trip
            self._proxy.connect(self)
        else:
            self.peer.attach_peer(self)

    def attach_peer(self, peer: ProxyEndpoint) -> None:
        """Attach the peer and schedule everything received so far."""
        self.peer = peer
        for deliver in self._queued:
            deliver()
        self._queued.clear()

    def data_received(self, data: bytes) -> None:
        self._in_flight_bytes += len(data)
        if self._in_flight_bytes > MAX_IN_FLIGHT_BYTES and self.transport:
            self.transport.pause_reading()
        self._schedule(partial(self._deliver_data, data))

    def _deliver_data(self, data: bytes) -> None:
        self._in_flight_bytes -= len(data)
        if self.transport and not self.transport.is_closing() and self._in_flight_bytes <= MAX_IN_FLIGHT_BYTES:
            self.transport.resume_reading()
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        self._schedule(self._deliver_eof)
        return True  # the other direction stays open

    def _deliver_eof(self) -> None:
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            with suppress(OSError, RuntimeError):
                self.peer.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closed = True
        if self.transport:
            self._proxy.discard_transport(self.transport)
        self._schedule(partial(self._deliver_close, reset=error is not None))

    def _deliver_close(self, *, reset: bool) -> None:
        peer = self.peer
        if peer is None or peer.transport is None or peer._is_closed:
            return
        if reset:
            reset_transport(peer.transport)
        else:
            peer.transport.close()

    def pause_writing(self) -> None:
        """Stop reading from the peer while this side cannot write."""
        if self.peer and self.peer.transport and not self.peer._is_closed:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer and self.peer.transport and not self.peer._is_closed:
            self.peer.transport.resume_reading()

    def _schedule(self, deliver: Callable[[], None]) -> None:
        """Schedule an action on the peer, never before an earlier one."""
        now = time.monotonic()
        self._last_delivery_at = max(self._last_delivery_at, max(now, self._open_at) + self._proxy.round_trip / 2)
        if self.peer is None:
            self._queued.append(partial(self._proxy.schedule_at, self._last_delivery_at, deliver))
        else:
            self._proxy.schedule_at(self._last_delivery_at, deliver)


class LatencyProxy:
    """Delays connections to ports of this machine, in a thread of its own. ``round_trip`` in seconds."""

    def __init__(self, round_trip: float) -> None:
        self.round_trip = round_trip
        # select, unlike epoll, has a resolution below a millisecond
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._close_sockets())
        finally:
            self._loop.close()

    async def _close_sockets(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next iteration of the loop

    def listen(self, host: str, port: int, target: tuple[str, int], option: str) -> int:
        """Listen on a port (0: any) for a target and return the port. Raises UsageProblem if it cannot listen."""
        listening: Future[int] = asyncio.run_coroutine_threadsafe(self._open(host, port, target), self._loop)
        try:
            return listening.result(OPEN_TIMEOUT_SECONDS)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageProblem(f"{option}: cannot listen on {host}:{port}: {reason}") from error

    async def _open(self, host: str, port: int, target: tuple[str, int]) -> int:
        server = await self._loop.create_server(lambda: _ClientEndpoint(self, target), host, port)
        self._servers.append(server)
        bound_port: int = server.sockets[0].getsockname()[1]
        return bound_port

    def connect(self, client: ProxyEndpoint) -> None:
        """Connect to the target of a client endpoint."""
        assert isinstance(client, _ClientEndpoint)
        task = self._loop.create_task(self._connect(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: _ClientEndpoint) -> None:
        try:
            await self._loop.create_connection(lambda: ProxyEndpoint(self, client), *client.target)
        except OSError:
            if client.transport:
                reset_transport(client.transport)

    def add_transport(self, transport: asyncio.Transport) -> None:
        """Register an open connection, to be closed with the proxy."""
        self._transports.add(transport)

    def discard_transport(self, transport: asyncio.Transport) -> None:
        """Remove a closed connection."""
        self._transports.discard(transport)

    def schedule_at(self, moment: float, deliver: Callable[[], None]) -> None:
        """Run an action at a time of the monotonic clock."""
        self._loop.call_at(moment, deliver)

    def measure_round_trip(self, host: str) -> float:
        """Measure the round-trip time in seconds: the median of several pings through the proxy, without the first."""
        with socket.create_server((host, 0)) as listener:
            echo = threading.Thread(target=_serve_echo, args=(listener,), daemon=True)
            echo.start()
            port = self.listen(host, 0, (host, listener.getsockname()[1]), "--rtt")
            with socket.create_connection((host, port), OPEN_TIMEOUT_SECONDS) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                round_trips = [_measure_ping(connection) for _ in range(PING_COUNT)]
        echo.join(OPEN_TIMEOUT_SECONDS)
        return statistics.median(round_trips[1:])

    def close(self) -> None:
        """Close all ports and connections, and end the thread."""
        with suppress(RuntimeError):  # the loop is already closed
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_TIMEOUT_SECONDS)


class _ClientEndpoint(ProxyEndpoint):
    """Endpoint of the client, with the address of the target."""

    def __init__(self, proxy: LatencyProxy, target: tuple[str, int]) -> None:
        super().__init__(proxy)
        self.target = target


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
