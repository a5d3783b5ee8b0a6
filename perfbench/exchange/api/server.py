"""The thread in which the API is served, and in which market time passes for the orders."""

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
"""Seconds after which the orders are looked at, at the latest."""

KEEPALIVE_SECONDS = 75
"""Seconds for which a connection is kept that nobody uses."""

SHUTDOWN_SECONDS = 0.3

SILENT_LOGGER = logging.Logger("perfbench.exchange.api", logging.CRITICAL + 1)
"""What aiohttp says of requests that are no HTTP; their senders are answered."""


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Pounds of every account, seconds that every call takes more and every market book of it, and the faults."""

    funds: float = 1000.0
    service: float = 0.0
    per_market: float = 0.0
    faults: FaultConfig = field(default_factory=FaultConfig)


class ApiServer:
    """The API, open from its making until ``close``; ``port`` is that of all calls, ``cert_port`` of logins by certificate.

    Raises UsageProblem if it cannot listen there.
    """

    def __init__(
        self,
        where: tuple[str, int],
        authority: CertificateAuthority,
        market: tuple[OrderManager, MarketClock],
        people: tuple[Sessions, float],
        terms: ApiConfig,
    ) -> None:
        self._desk, self._clock = market
        sessions, self._patience = people
        self._faults = FaultInjector(terms.faults)
        operations = OperationDispatcher(*market, terms.per_market)
        self._application = Application(
            ApplicationContext(operations, sessions, self._faults, terms.service, self._patience)
        )
        self._desk.advance(self._clock.position(time.monotonic()))
        opened: Future[tuple[int, int]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(where, authority, opened)), daemon=True)
        self._thread.start()
        self.port, self.cert_port = opened.result()

    async def _serve(
        self, where: tuple[str, int], authority: CertificateAuthority, opened: Future[tuple[int, int]]
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
            host, port = where
            await web.TCPSite(runner, host, port, ssl_context=authority.context()).start()
            await web.TCPSite(runner, host, 0, ssl_context=authority.context(asks_clients=True)).start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            opened.set_exception(UsageProblem(f"--api-port {port}: {host} cannot be listened on: {reason}"))
            return
        ports = [address[1] for address in runner.addresses]
        opened.set_result((ports[0], ports[1]))
        chores = [asyncio.create_task(self._keep_time()), asyncio.create_task(self._show_out(runner))]
        await self._closing.wait()
        for chore in chores:
            chore.cancel()
        await runner.cleanup()

    async def _keep_time(self) -> None:
        """Let the orders see every update soon after it is due: at once while one waits to be matched."""
        while True:
            moment = time.monotonic()
            position = self._clock.position(moment)
            self._desk.advance(position)
            due = self._clock.due(position) - moment if self._desk.waits else TICK_SECONDS
            await asyncio.sleep(min(max(due, 0.0), TICK_SECONDS))

    async def _show_out(self, runner: web.AppRunner) -> None:
        """End connections that say nothing, or never finish their first request."""
        seen: dict[RequestHandler, float] = {}
        spoken = self._application.spoken
        while True:
            await asyncio.sleep(min(self._patience / 4, 1.0))
            moment = time.monotonic()
            there = runner.server.connections if runner.server else []
            seen = {handler: seen.get(handler, moment) for handler in there}
            spoken &= set(there)
            for handler, since in seen.items():
                if handler not in spoken and moment - since > self._patience:
                    reset_transport(handler.transport)

    def close(self) -> ApiReport:
        """End all connections, and say what was done."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(2 * SHUTDOWN_SECONDS)
        return ApiReport(dict(self._application.calls), dict(self._faults.counts))
