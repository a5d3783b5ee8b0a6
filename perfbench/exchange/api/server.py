"""API server: a thread that serves the web application and advances market time for the orders."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from perfbench.errors import UsageProblem
from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.api.app import Application, ApplicationContext
from perfbench.exchange.api.fault_injection import FaultConfig, FaultInjector
from perfbench.exchange.api.operations import OperationDispatcher
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.metrics import ApiReport
from perfbench.exchange.network.tcp_reset import reset_transport
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.tls.certificates import CertificateAuthority

TICK_SECONDS = 0.05
"""Maximum interval between two advances of the orders."""

KEEPALIVE_SECONDS = 75
"""Lifetime of an idle connection."""

SHUTDOWN_SECONDS = 0.3

SILENT_LOGGER = logging.Logger("perfbench.exchange.api", logging.CRITICAL + 1)
"""Discards what aiohttp logs about requests that are not HTTP; their senders get an answer."""


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Opening balance of every account in pounds, extra latency of every call and of every market book, and faults."""

    opening_balance: float = 1000.0
    extra_latency: float = 0.0
    latency_per_market: float = 0.0
    faults: FaultConfig = field(default_factory=FaultConfig)


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
    ) -> None:
        self._order_manager, self._clock, self._request_timeout = order_manager, clock, timeout
        self._faults = FaultInjector(config.faults)
        operations = OperationDispatcher(order_manager, clock, config.latency_per_market)
        self._application = Application(
            ApplicationContext(operations, sessions, self._faults, config.extra_latency, self._request_timeout)
        )
        self._order_manager.advance(self._clock.count_due_updates(time.monotonic()))
        opened: Future[tuple[int, int]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(address, certificates, opened)), daemon=True
        )
        self._thread.start()
        try:
            self.port, self.cert_port = opened.result()
        except UsageProblem:
            self._thread.join()
            raise

    async def _serve(
        self, address: tuple[str, int], certificates: CertificateAuthority, opened: Future[tuple[int, int]]
    ) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(
            self._application.app,
            access_log=None,
            logger=SILENT_LOGGER,
            handle_signals=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            host, port = address
            await web.TCPSite(runner, host, port, ssl_context=certificates.create_server_context()).start()
            await web.TCPSite(
                runner, host, 0, ssl_context=certificates.create_server_context(request_client_certificate=True)
            ).start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            await runner.cleanup()
            opened.set_exception(UsageProblem(f"--api-port: cannot listen on {host}:{port}: {reason}"))
            return
        ports = [address[1] for address in runner.addresses]
        opened.set_result((ports[0], ports[1]))
        tasks = [asyncio.create_task(self._advance_orders()), asyncio.create_task(self._close_idle_connections(runner))]
        await self._closing.wait()
        for task in tasks:
            task.cancel()
        await runner.cleanup()

    async def _advance_orders(self) -> None:
        """Advance the orders soon after each update is due: immediately while an order can be matched."""
        while True:
            moment = time.monotonic()
            position = self._clock.count_due_updates(moment)
            self._order_manager.advance(position)
            due = self._clock.get_due_time(position) - moment if self._order_manager.has_open_orders else TICK_SECONDS
            await asyncio.sleep(min(max(due, 0.0), TICK_SECONDS))

    async def _close_idle_connections(self, runner: web.AppRunner) -> None:
        """Reset connections that send nothing or never complete their first request."""
        first_seen: dict[RequestHandler, float] = {}
        active_connections = self._application.active_connections
        while True:
            await asyncio.sleep(min(self._request_timeout / 4, 1.0))
            moment = time.monotonic()
            open_connections = runner.server.connections if runner.server else []
            first_seen = {handler: first_seen.get(handler, moment) for handler in open_connections}
            active_connections &= set(open_connections)
            for handler, since in first_seen.items():
                if handler not in active_connections and moment - since > self._request_timeout:
                    reset_transport(handler.transport)

    def close(self) -> ApiReport:
        """End all connections and return the report."""
        with suppress(RuntimeError):  # the loop has already stopped
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(2 * SHUTDOWN_SECONDS)
        return ApiReport(dict(self._application.calls), dict(self._faults.counts))
