"""API server: a thread that serves the web application and advances market time for the orders."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress

from aiohttp import web

from perfbench.errors import UsageProblem
from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.api.app import Application, ApplicationContext
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.api.connections import ConnectionAcceptor, begin_request, end_request
from perfbench.exchange.api.fault_injection import FaultInjector
from perfbench.exchange.api.operations import OperationDispatcher
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.metrics import ApiReport
from perfbench.exchange.network.listening_socket import open_listening_socket
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.tls.certificates import CertificateAuthority

TICK_SECONDS = 0.05
"""Maximum interval between two advances of the orders."""

SHUTDOWN_SECONDS = 0.3


class ApiServer:
    """API that is served from its construction until ``close``. Raises UsageProblem if it cannot listen.

    ``port`` serves all calls, ``cert_port`` logins by certificate.
    """

    def __init__(
        self,
        address: tuple[str, int],
        certificates: CertificateAuthority,
        config: ApiConfig,
        *,
        order_manager: OrderManager,
        clock: MarketClock,
        sessions: Sessions,
        timeout: float,
        app_keys: AppKeys | None = None,
    ) -> None:
        self._order_manager, self._clock, self._request_timeout = order_manager, clock, timeout
        self._max_connections = config.max_connections
        self._faults = FaultInjector(config.faults)
        self._operations = OperationDispatcher(order_manager, clock, config.latency_per_market)
        self._application = Application(
            ApplicationContext(
                self._operations,
                sessions,
                app_keys or AppKeys(),
                self._faults,
                config.extra_latency,
                timeout,
                begin_request,
                end_request,
            )
        )
        self._listeners = _open_listeners(address)
        self.port, self.cert_port = (listener.getsockname()[1] for listener in self._listeners)
        self._order_manager.advance(self._clock.count_due_updates(time.monotonic()))
        self._started, self._closing = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(certificates,), daemon=True)
        self._thread.start()

    def _run(self, certificates: CertificateAuthority) -> None:
        try:
            asyncio.run(self._serve(certificates))
        finally:
            for listener in self._listeners:
                listener.close()

    async def _serve(self, certificates: CertificateAuthority) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        runner = web.AppRunner(self._application.app, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        assert runner.server is not None
        acceptor = ConnectionAcceptor(runner.server, self._max_connections, self._request_timeout)
        listener, cert_listener = self._listeners
        tasks = [
            asyncio.create_task(work)
            for work in (
                acceptor.accept(listener, certificates.create_server_context()),
                acceptor.accept(cert_listener, certificates.create_server_context(request_client_certificate=True)),
                acceptor.reset_incomplete(),
                self._advance_orders(),
            )
        ]
        await self._closing.wait()
        acceptor.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()

    async def _advance_orders(self) -> None:
        """Advance the orders soon after each update is due: immediately while an order can be matched."""
        while True:
            moment = time.monotonic()
            self._operations.cancel_without_heartbeat(moment)
            position = self._clock.count_due_updates(moment)
            self._order_manager.advance(position)
            due = self._clock.get_due_time(position) - moment if self._order_manager.has_open_orders else TICK_SECONDS
            await asyncio.sleep(min(max(due, 0.0), TICK_SECONDS))

    def close(self) -> ApiReport:
        """End all connections and return the report."""
        self._started.wait()
        with suppress(RuntimeError):  # the loop has already stopped
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(2 * SHUTDOWN_SECONDS)
        return ApiReport(dict(self._application.calls), dict(self._faults.counts))


def _open_listeners(address: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
    """Open the ports of all calls and of logins by certificate. Raises UsageProblem."""
    host, port = address
    listener = open_listening_socket(host, port, "--api-port")
    try:
        return listener, open_listening_socket(host, 0, "--api-port")
    except UsageProblem:
        listener.close()
        raise
