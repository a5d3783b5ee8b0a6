"""The exchange: a port, a thread for each connection, and the markets that all of them see."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from contextlib import suppress

from perfbench.errors import UsageProblem
from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.api.server import ApiServer
from perfbench.exchange.config import ExchangeConfig
from perfbench.exchange.context import ExchangeContext
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.metrics import ClockReading, ConnectionReport, DelayHistogram, ExchangeReport, Frame
from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed, build_opening_images
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.stream.connection import StreamConnection
from perfbench.exchange.stream.transport import TlsTransport
from perfbench.exchange.tls.certificates import CertificateAuthority

LISTEN_BACKLOG = 128
SEND_BUFFER_BYTES = 1 << 18
"""Bytes on their way to a client: one that reads nothing shows soon, whatever this system would put up with."""

SHUTDOWN_SECONDS = 0.8
"""Seconds in which the threads end when the exchange closes; one that is in the middle of a send is left."""


class Server:
    """An exchange that is open from its making until ``close``. Raises UsageProblem if it cannot listen there.

    ``port`` is that of the stream, ``api_port`` and ``cert_port`` those of the API and of logins by certificate (0: none),
    ``round_trip`` what a round trip takes, measured, in seconds (0: no delay was asked for).
    """

    def __init__(self, timeline: Timeline, settings: ExchangeConfig) -> None:
        self._settings = settings
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._feeds: dict[MarketFields, Feed] = {}
        self._feeding = threading.Lock()
        self._opening = build_opening_images(timeline)
        self._open: dict[str, threading.Thread] = {}
        self._subscribers: set[str] = set()
        self._statements: list[ConnectionReport] = []
        self._delays = DelayHistogram()
        self.log: dict[str, list[Frame]] = {}
        self.clock = MarketClock(timeline, settings.speed, settings.unhealthy)
        self._sessions = Sessions(settings.users)
        self._desk = OrderManager(timeline, settings.api.funds) if settings.api else None
        self.authority = CertificateAuthority(settings.host)
        self._house = ExchangeContext(
            timeline,
            self.clock,
            settings.limits,
            secrets.token_urlsafe(8),
            lambda fields: self._feed(timeline, fields),
            self._subscribed,
            self._available,
            self._closing,
            settings.logged,
            settings.hangs_up,
            self._desk,
            self._sessions,
            settings.cut_every,
        )
        self._tls = self.authority.context()
        self._line = LatencyProxy(settings.round_trip) if settings.round_trip else None
        self.round_trip = self._line.measure(settings.host) if self._line else 0.0
        self._door = _open_listening_socket(settings.host, 0 if self._line else settings.port)
        self.port = self._reached(self._door.getsockname()[1], settings.port, "--port")
        self._api = self._opened_api(settings)
        self.api_port = self._reached(self._api.port, settings.api_port, "--api-port") if self._api else 0
        self.cert_port = self._reached(self._api.cert_port, 0, "--api-port") if self._api else 0
        self._began = ClockReading.taken()
        self._hung_up: ClockReading | None = None
        threading.Thread(target=self._receive, daemon=True).start()

    def _opened_api(self, settings: ExchangeConfig) -> ApiServer | None:
        if settings.api is None or self._desk is None:
            return None
        where = settings.host, 0 if self._line else settings.api_port
        people = self._sessions, settings.limits.patience
        return ApiServer(where, self.authority, (self._desk, self.clock), people, settings.api)

    def _reached(self, inner: int, wanted: int, option: str) -> int:
        """The port at which clients reach one of this process: another one at the near end of a line, if there is one."""
        host = self._settings.host
        return self._line.open(host, wanted, (host, inner), option) if self._line else inner

    def _receive(self) -> None:
        for number in range(1, 1 << 62):
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            try:
                self._talk(connection, f"{self._house.token}-{number}")
            except (OSError, ValueError):  # gone before it said a word
                connection.close()

    def _talk(self, connection: socket.socket, name: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        wire = TlsTransport(wrapped, self._settings.limits.patience)
        with self._lock:
            welcome = len(self._open) < self._settings.limits.connections
            conversation = StreamConnection(self._house, wire, name, welcome=welcome)
            thread = threading.Thread(target=self._until_it_ends, args=(conversation, name), daemon=True)
            self._open[name] = thread
        thread.start()

    def _until_it_ends(self, conversation: StreamConnection, name: str) -> None:
        statement = None
        try:
            statement = conversation.run()
        finally:
            with self._lock:  # once: a connection is open, or told of
                del self._open[name]
                if statement is not None:
                    self._note(statement, conversation)

    def _note(self, statement: ConnectionReport, conversation: StreamConnection) -> None:
        self._statements.append(statement)
        self._hung_up = ClockReading.taken() if self._settings.hangs_up else None
        self._delays.include(conversation.delays)
        if conversation.log:
            self.log[statement.connection] = conversation.log

    def _feed(self, timeline: Timeline, fields: MarketFields) -> Feed:
        with self._feeding:
            if fields not in self._feeds:
                self._feeds[fields] = Feed(timeline, self._opening, fields)
            return self._feeds[fields]

    def _subscribed(self, name: str) -> None:
        with self._lock:
            self._subscribers.add(name)
            enough = len(self._subscribers) >= self._settings.subscribers
        if enough and self.clock.begin():
            self._began = ClockReading.taken()

    def _available(self) -> int:
        with self._lock:
            return max(self._settings.limits.connections - len(self._open), 0)

    def close(self) -> ExchangeReport:
        """End all connections, and say what was done."""
        self._closing.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # or the thread that accepts would wait on
        self._door.close()
        with self._lock:
            threads = list(self._open.values())
            end = ClockReading.taken() if threads or not self._hung_up else self._hung_up
        until = time.monotonic() + SHUTDOWN_SECONDS
        api = self._api.close() if self._api else None
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0.0))
        if self._line:
            self._line.close()
        with self._lock:
            return ExchangeReport(
                tuple(self._statements),
                self._delays.lateness(),
                end.cpu - self._began.cpu,
                end.wall - self._began.wall,
                api,
            )


def _open_listening_socket(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=LISTEN_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(f"--port {port}: {host} cannot be listened on: {reason}") from error
