"""A line of a certain length, in front of a port of this machine: every segment arrives half a round trip after it was sent.

The first bytes of a connection arrive one round trip later still, for the handshake of TCP, which the local system answers at once.
Resets and half-closed ends are passed on. It needs no right on the machine, unlike the kernel's netem.
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
"""Bytes on their way to one side, from which on the other is not read."""

PING_COUNT = 21
OPEN_TIMEOUT_SECONDS = 10.0


class ProxyEndpoint(asyncio.Protocol):
    """One end of the line; what it hears goes to the other after a while."""

    def __init__(self, line: LatencyProxy, other: ProxyEndpoint | None = None) -> None:
        self._line, self.other = line, other
        self.transport: asyncio.Transport | None = None
        self._opens = 0.0
        self._latest = 0.0
        self._underway = 0
        self._waiting: list[Callable[[], None]] = []
        self._gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is None:
            self._opens = time.monotonic() + self._line.round_trip
            self._line.connect(self)
        else:
            self.other.reach(self)

    def reach(self, other: ProxyEndpoint) -> None:
        """The other end is there: what was heard so far goes on its way."""
        self.other = other
        for deliver in self._waiting:
            deliver()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._underway += len(data)
        if self._underway > MAX_IN_FLIGHT_BYTES and self.transport:
            self.transport.pause_reading()
        self._send(partial(self._arrive, data))

    def _arrive(self, data: bytes) -> None:
        self._underway -= len(data)
        if self.transport and not self.transport.is_closing() and self._underway <= MAX_IN_FLIGHT_BYTES:
            self.transport.resume_reading()
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self._send(self._finish)
        return True  # the other direction stays open

    def _finish(self) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            with suppress(OSError, RuntimeError):
                self.other.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._gone = True
        self._send(partial(self._leave, reset=error is not None))

    def _leave(self, *, reset: bool) -> None:
        other = self.other
        if other is None or other.transport is None or other._gone:
            return
        if reset:
            reset_transport(other.transport)
        else:
            other.transport.close()

    def pause_writing(self) -> None:
        """What this end cannot get rid of, the other shall not say."""
        if self.other and self.other.transport and not self.other._gone:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport and not self.other._gone:
            self.other.transport.resume_reading()

    def _send(self, deliver: Callable[[], None]) -> None:
        """Let something happen at the other end, when it has got there, and not before what was sent earlier."""
        now = time.monotonic()
        self._latest = max(self._latest, max(now, self._opens) + self._line.round_trip / 2)
        if self.other is None:
            self._waiting.append(partial(self._line.at, self._latest, deliver))
        else:
            self._line.at(self._latest, deliver)


class LatencyProxy:
    """Lines to ports of this machine, all of the same length, in a thread of their own. ``round_trip`` in seconds."""

    def __init__(self, round_trip: float) -> None:
        self.round_trip = round_trip
        # select, unlike epoll, waits for less than a millisecond
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._targets: dict[asyncio.AbstractServer, tuple[str, int]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, host: str, port: int, target: tuple[str, int], option: str) -> int:
        """Listen on a port (0: any) for a target; the port. Raises UsageProblem if that cannot be."""
        opened: Future[int] = asyncio.run_coroutine_threadsafe(self._open(host, port, target), self._loop)
        try:
            return opened.result(OPEN_TIMEOUT_SECONDS)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageProblem(f"{option} {port}: {host} cannot be listened on: {reason}") from error

    async def _open(self, host: str, port: int, target: tuple[str, int]) -> int:
        server = await self._loop.create_server(lambda: _ClientEndpoint(self, target), host, port)
        self._targets[server] = target
        found: int = server.sockets[0].getsockname()[1]
        return found

    def connect(self, entrance: ProxyEndpoint) -> None:
        """Open the far end of a connection."""
        assert isinstance(entrance, _ClientEndpoint)
        task = self._loop.create_task(self._connect(entrance))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, entrance: _ClientEndpoint) -> None:
        try:
            await self._loop.create_connection(lambda: ProxyEndpoint(self, entrance), *entrance.target)
        except OSError:
            if entrance.transport:
                reset_transport(entrance.transport)

    def at(self, moment: float, deliver: Callable[[], None]) -> None:
        """Do something at a time of the monotonic clock."""
        self._loop.call_at(moment, deliver)

    def measure(self, host: str) -> float:
        """Seconds of a round trip, measured: the median of a few pings of this very line, after a first."""
        with socket.create_server((host, 0)) as door:
            threading.Thread(target=_serve_echo, args=(door,), daemon=True).start()
            port = self.open(host, 0, (host, door.getsockname()[1]), "--rtt")
            with socket.create_connection((host, port), OPEN_TIMEOUT_SECONDS) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                trips = [_measure_ping(connection) for _ in range(PING_COUNT)]
        return statistics.median(trips[1:])

    def close(self) -> None:
        """End all lines."""
        self._loop.call_soon_threadsafe(self._loop.stop)


class _ClientEndpoint(ProxyEndpoint):
    """The near end of a connection, and where the far one is to be."""

    def __init__(self, line: LatencyProxy, target: tuple[str, int]) -> None:
        super().__init__(line)
        self.target = target


def _measure_ping(connection: socket.socket) -> float:
    start = time.monotonic()
    connection.sendall(b"?")
    if not connection.recv(1):
        raise ConnectionError("the line ended")
    return time.monotonic() - start


def _serve_echo(door: socket.socket) -> None:
    with suppress(OSError):
        connection, _ = door.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while said := connection.recv(1):
                connection.sendall(said)
