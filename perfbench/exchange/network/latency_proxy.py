"""Latency proxy in user space: every segment arrives half a round trip after it was sent.

The first bytes of a connection arrive one round trip later still, for the TCP handshake that the local system
completes immediately. Resets and half-closed connections are forwarded. It needs no privileges, unlike the kernel's
netem.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from perfbench.errors import UsageProblem
from perfbench.exchange.network.fine_selector import FineSelector
from perfbench.exchange.network.listening_socket import SOCKET_BUFFER_BYTES, format_address, open_listening_socket
from perfbench.exchange.network.tcp_reset import reset_transport

MAX_IN_FLIGHT_BYTES = 1 << 20
"""Bytes in flight in one direction above which its sender is no longer read."""

MAX_CONNECTIONS = 400
"""Connections of clients at a time, of all ports together; further ones are closed at once."""

WINDOW_FULL, PEER_BLOCKED = "window full", "peer blocked"
"""Reasons not to read from a side: too much of it is in flight; the other side cannot write."""

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
        self._pause_reasons: set[str] = set()
        self._has_ended = self._end_delivered = self._is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        _limit_buffers(transport)
        if not self._proxy.add_transport(transport, is_client=self.peer is None):
            transport.abort()
        elif self.peer is None:
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
        if self._in_flight_bytes > MAX_IN_FLIGHT_BYTES:
            self.pause_reading(WINDOW_FULL)
        self._schedule(partial(self._deliver_data, data))

    def _deliver_data(self, data: bytes) -> None:
        self._in_flight_bytes -= len(data)
        if self._in_flight_bytes <= MAX_IN_FLIGHT_BYTES:
            self.resume_reading(WINDOW_FULL)
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        self._has_ended = True
        self._schedule(self._deliver_eof)
        self._close_if_done()
        return True  # the other direction stays open

    def _deliver_eof(self) -> None:
        if self.peer and self.peer.transport and not self.peer.transport.is_closing():
            with suppress(OSError, RuntimeError):
                self.peer.transport.write_eof()
            self.peer._end_delivered = True
            self.peer._close_if_done()

    def _close_if_done(self) -> None:
        """Close this side when both directions have ended."""
        if self._has_ended and self._end_delivered and self.transport:
            self.transport.close()

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
        if self.peer:
            self.peer.pause_reading(PEER_BLOCKED)

    def resume_writing(self) -> None:
        if self.peer:
            self.peer.resume_reading(PEER_BLOCKED)

    def pause_reading(self, reason: str) -> None:
        """Stop reading from this side until every reason is gone."""
        self._pause_reasons.add(reason)
        if self.transport and not self._is_closed:
            self.transport.pause_reading()

    def resume_reading(self, reason: str) -> None:
        """Remove a reason not to read from this side."""
        self._pause_reasons.discard(reason)
        if not self._pause_reasons and self.transport and not self.transport.is_closing():
            self.transport.resume_reading()

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
        self._loop = asyncio.SelectorEventLoop(FineSelector())
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._client_transports: set[asyncio.Transport] = set()
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
        listener = open_listening_socket(host, port, option)
        bound_port: int = listener.getsockname()[1]
        listening: Future[None] = asyncio.run_coroutine_threadsafe(self._open(listener, target), self._loop)
        try:
            listening.result(OPEN_TIMEOUT_SECONDS)
        except OSError as error:
            listener.close()
            address = format_address(host, bound_port)
            raise UsageProblem(f"{option}: cannot listen on {address}: {error.strerror}") from error
        return bound_port

    async def _open(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self._servers.append(await self._loop.create_server(lambda: _ClientEndpoint(self, target), sock=listener))

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

    def add_transport(self, transport: asyncio.Transport, *, is_client: bool) -> bool:
        """Register an open connection, to be closed with the proxy; False if there are too many of clients."""
        self._transports.add(transport)
        if is_client:
            self._client_transports.add(transport)
        return not is_client or len(self._client_transports) <= MAX_CONNECTIONS

    def discard_transport(self, transport: asyncio.Transport) -> None:
        """Remove a closed connection."""
        self._transports.discard(transport)
        self._client_transports.discard(transport)

    def schedule_at(self, moment: float, deliver: Callable[[], None]) -> None:
        """Run an action at a time of the monotonic clock."""
        self._loop.call_at(moment, deliver)

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


def _limit_buffers(transport: asyncio.Transport) -> None:
    """Bound what the system holds back for a side that does not read."""
    connection: socket.socket = transport.get_extra_info("socket")
    for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        with suppress(OSError):  # already reset by its client
            connection.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BUFFER_BYTES)
