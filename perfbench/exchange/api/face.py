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
from perfbench.exchange.api.application import Application, Rooms
from perfbench.exchange.api.faults import Faults, FaultTerms
from perfbench.exchange.api.operations import Operations
from perfbench.exchange.authority import Authority
from perfbench.exchange.betting.desk import Desk
from perfbench.exchange.clock import Clock
from perfbench.exchange.resetting import abandon
from perfbench.exchange.sessions import Sessions
from perfbench.exchange.statement import ApiStatement

TICK = 0.05
"""Seconds after which the orders are looked at, at the latest."""

IDLE = 75
"""Seconds for which a connection is kept that nobody uses."""

LEAVE = 0.3

UNHEARD = logging.Logger("perfbench.exchange.api", logging.CRITICAL + 1)
"""What aiohttp says of requests that are no HTTP; their senders are answered."""


@dataclass(frozen=True, slots=True)
class ApiTerms:
    """Pounds of every account, seconds that every call takes more and every market book of it, and the faults."""

    funds: float = 1000.0
    service: float = 0.0
    per_market: float = 0.0
    faults: FaultTerms = field(default_factory=FaultTerms)


class ApiFace:
    """The API, open from its making until ``close``; ``port`` is that of all calls, ``cert_port`` of logins by certificate.

    Raises UsageProblem if it cannot listen there.
    """

    def __init__(
        self,
        where: tuple[str, int],
        authority: Authority,
        market: tuple[Desk, Clock],
        people: tuple[Sessions, float],
        terms: ApiTerms,
    ) -> None:
        self._desk, self._clock = market
        sessions, self._patience = people
        self._faults = Faults(terms.faults)
        operations = Operations(*market, terms.per_market)
        self._application = Application(Rooms(operations, sessions, self._faults, terms.service, self._patience))
        self._desk.advance(self._clock.position(time.monotonic()))
        opened: Future[tuple[int, int]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(where, authority, opened)), daemon=True)
        self._thread.start()
        self.port, self.cert_port = opened.result()

    async def _serve(self, where: tuple[str, int], authority: Authority, opened: Future[tuple[int, int]]) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(
            self._application.app,
            access_log=None,
            logger=UNHEARD,
            handle_signals=False,
            keepalive_timeout=IDLE,
            shutdown_timeout=LEAVE,
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
            due = self._clock.due(position) - moment if self._desk.waits else TICK
            await asyncio.sleep(min(max(due, 0.0), TICK))

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
                    abandon(handler.transport)

    def close(self) -> ApiStatement:
        """End all connections, and say what was done."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(2 * LEAVE)
        return ApiStatement(dict(self._application.calls), dict(self._faults.counts))
