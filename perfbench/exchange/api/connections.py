"""Connections of the API: accepted up to a limit, and reset when a request does not become complete.

A TLS handshake, the first request, and the header of every request each have to be complete within the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from perfbench.exchange.network.tcp_reset import reset_transport

KEEPALIVE_SECONDS = 75
"""Lifetime of an idle connection."""

SILENT_LOGGER = logging.Logger("perfbench.exchange.api", logging.CRITICAL + 1)
"""Discards what aiohttp logs about requests that are not HTTP; their senders get an answer."""


class GuardedRequestHandler(RequestHandler):
    """Connection that knows since when a request of it is incomplete, by the monotonic clock in seconds.

    ``incomplete_since`` is None while a request is handled and between two requests.
    """

    __slots__ = ("_handling", "incomplete_since")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.incomplete_since: float | None = time.monotonic()
        self._handling = False

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        if self.incomplete_since is None and not self._handling:
            self.incomplete_since = time.monotonic()
        super().data_received(data)

    def begin_request(self) -> None:
        """Note that the header of a request is complete."""
        self.incomplete_since, self._handling = None, True

    def end_request(self) -> None:
        """Note that a request was answered."""
        self._handling = False


def begin_request(handler: RequestHandler) -> None:
    """Note that the header of a request on a connection is complete."""
    if isinstance(handler, GuardedRequestHandler):
        handler.begin_request()


def end_request(handler: RequestHandler) -> None:
    """Note that a request on a connection was answered."""
    if isinstance(handler, GuardedRequestHandler):
        handler.end_request()


class ConnectionAcceptor:
    """Accepts the connections of a web server; those above the limit are closed at once.

    :param timeout: seconds for a handshake, for a first request, and for the header of any request.
    """

    def __init__(self, server: web.Server, max_connections: int, timeout: float) -> None:
        self._server, self._max_connections, self._timeout = server, max_connections, timeout
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Accept connections until cancelled."""
        listener.setblocking(False)
        while True:
            try:
                connection, _ = await self._loop.sock_accept(listener)
            except OSError:  # the client is already gone, or there are no file descriptors left
                await asyncio.sleep(0.01)
                continue
            if len(self._handshakes) + len(self._server.connections) >= self._max_connections:
                connection.close()
                continue
            task = asyncio.create_task(self._start(connection, context))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _start(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._create_handler, connection, ssl=context, ssl_handshake_timeout=self._timeout
            )
        except (OSError, asyncio.TimeoutError, ValueError):  # no TLS, or too slow
            connection.close()

    def _create_handler(self) -> RequestHandler:
        return GuardedRequestHandler(
            self._server,
            loop=self._loop,
            keepalive_timeout=KEEPALIVE_SECONDS,
            logger=SILENT_LOGGER,
            access_log=None,
        )

    async def reset_incomplete(self) -> None:
        """Reset connections whose request does not become complete, until cancelled."""
        while True:
            await asyncio.sleep(min(self._timeout / 4, 1.0))
            moment = time.monotonic()
            for handler in self._server.connections:
                since = handler.incomplete_since if isinstance(handler, GuardedRequestHandler) else None
                if since is not None and moment - since > self._timeout:
                    reset_transport(handler.transport)

    def close(self) -> None:
        """End all handshakes."""
        for task in self._handshakes:
            task.cancel()
