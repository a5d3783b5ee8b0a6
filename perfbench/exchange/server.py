"""Exchange server: listening socket, one thread per stream connection, and wiring of all parts."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from contextlib import ExitStack, suppress

from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.api.server import ApiServer
from perfbench.exchange.config import ExchangeConfig
from perfbench.exchange.context import ExchangeContext
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.metrics import ClockReading, ConnectionReport, DelayHistogram, ExchangeReport
from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.network.listening_socket import SOCKET_BUFFER_BYTES, open_listening_socket, resolve_host
from perfbench.exchange.network.round_trip import measure_round_trip
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed, build_opening_images
from perfbench.exchange.replay.feed_cache import FeedCache
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.resume_tokens import ResumeTokens
from perfbench.exchange.stream.connection import StreamConnection
from perfbench.exchange.stream.transport import TlsTransport
from perfbench.exchange.tls.certificates import CertificateAuthority

MAX_REFUSED_CONNECTIONS = 16
"""Connections above the limit that are served until they are refused with its error; further ones are closed at once."""

SHUTDOWN_SECONDS = 0.8
"""Time for threads to end when the exchange closes; a thread blocked in a send is abandoned."""


class Server:
    """Exchange that listens from its construction until ``close``. Raises UsageProblem if it cannot listen.

    ``port`` is the port of the stream, ``api_port`` and ``cert_port`` those of the API and of certificate logins (0:
    none); ``round_trip`` is the measured round-trip time in seconds (0: no delay configured).
    """

    def __init__(self, timeline: Timeline, config: ExchangeConfig) -> None:
        self._config = config
        self._host = resolve_host(config.host)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self.clock = MarketClock(timeline, config.speed, config.stale_window, keep_times=config.keep_times)
        opening = build_opening_images(timeline)
        self._feeds = FeedCache(lambda fields: Feed(timeline, opening, fields, self.clock.shift_definition))
        self._open_connections: dict[str, threading.Thread] = {}
        self._subscribers: set[str] = set()
        self._reports: list[ConnectionReport] = []
        self._delays = DelayHistogram()
        self._sessions = Sessions(config.users, login_required=config.api is not None)
        self._order_manager = OrderManager(timeline, config.api.opening_balance) if config.api else None
        self.certificates = CertificateAuthority(config.host)
        self._exchange_id = secrets.token_urlsafe(8)
        self._context = ExchangeContext(
            timeline,
            self.clock,
            config.limits,
            ResumeTokens(self._exchange_id),
            self._feeds.get,
            self._handle_subscription,
            self._count_available_connections,
            self._closing,
            config.record_frame,
            config.close_when_done,
            self._order_manager,
            self._sessions,
            config.reset_every,
            config.app_keys,
        )
        self._tls = self.certificates.create_server_context()
        self._open_ports(config)
        self._started_at = ClockReading.take()
        self._finished_at: ClockReading | None = None
        threading.Thread(target=self._accept_connections, daemon=True).start()

    def _open_ports(self, config: ExchangeConfig) -> None:
        """Open the ports of the stream and of the API. Closes those already open if a later one cannot be opened."""
        with ExitStack() as on_failure:
            self._proxy = LatencyProxy(config.round_trip) if config.round_trip else None
            if self._proxy:
                on_failure.callback(self._proxy.close)
            self.round_trip = measure_round_trip(self._proxy, self._host) if self._proxy else 0.0
            self._socket = on_failure.enter_context(
                open_listening_socket(self._host, 0 if self._proxy else config.port)
            )
            self.port = self._expose_port(self._socket.getsockname()[1], config.port, "--port")
            self._api = self._start_api(config)
            if self._api:
                on_failure.callback(self._api.close)
            self.api_port = self._expose_port(self._api.port, config.api_port, "--api-port") if self._api else 0
            self.cert_port = self._expose_port(self._api.cert_port, 0, "--api-port") if self._api else 0
            on_failure.pop_all()

    def _start_api(self, config: ExchangeConfig) -> ApiServer | None:
        if config.api is None or self._order_manager is None:
            return None
        return ApiServer(
            (self._host, 0 if self._proxy else config.api_port),
            self.certificates,
            config.api,
            order_manager=self._order_manager,
            clock=self.clock,
            sessions=self._sessions,
            timeout=config.limits.timeout,
            app_keys=config.app_keys,
        )

    def _expose_port(self, inner_port: int, requested_port: int, option: str) -> int:
        """Return the port that clients connect to: that of the latency proxy, if there is one."""
        host = self._host
        return self._proxy.listen(host, requested_port, (host, inner_port), option) if self._proxy else inner_port

    def _accept_connections(self) -> None:
        for number in range(1, 1 << 62):
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._is_crowded():
                connection.close()
                continue
            try:
                self._start_connection(connection, f"{self._exchange_id}-{number}")
            except (OSError, ValueError):  # the client is already gone
                connection.close()

    def _is_crowded(self) -> bool:
        with self._lock:
            return len(self._open_connections) >= self._config.limits.max_connections + MAX_REFUSED_CONNECTIONS

    def _start_connection(self, connection: socket.socket, name: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        transport = TlsTransport(wrapped, self._config.limits.timeout)
        with self._lock:
            accepted = len(self._open_connections) < self._config.limits.max_connections
            connection_handler = StreamConnection(self._context, transport, name, accepted=accepted)
            thread = threading.Thread(target=self._run_connection, args=(connection_handler, name), daemon=True)
            self._open_connections[name] = thread
        thread.start()

    def _run_connection(self, connection_handler: StreamConnection, name: str) -> None:
        report = None
        try:
            report = connection_handler.run()
        finally:
            with self._lock:  # in one step: a connection is either open or reported
                del self._open_connections[name]
                if report is not None:
                    self._record_report(report, connection_handler)

    def _record_report(self, report: ConnectionReport, connection_handler: StreamConnection) -> None:
        self._reports.append(report)
        self._finished_at = ClockReading.take() if self._config.close_when_done else None
        self._delays.merge(connection_handler.delays)

    def _handle_subscription(self, name: str) -> None:
        with self._lock:
            self._subscribers.add(name)
            has_all = len(self._subscribers) >= self._config.wait_for_subscribers
        if has_all and self.clock.start():
            self._started_at = ClockReading.take()

    def _count_available_connections(self) -> int:
        with self._lock:
            return max(self._config.limits.max_connections - len(self._open_connections), 0)

    def close(self) -> ExchangeReport:
        """End all connections and return the report."""
        self._closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
        self._socket.close()
        with self._lock:
            threads = list(self._open_connections.values())
            end = ClockReading.take() if threads or not self._finished_at else self._finished_at
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        api = self._api.close() if self._api else None
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        if self._proxy:
            self._proxy.close()
        with self._lock:
            return ExchangeReport(
                tuple(self._reports),
                self._delays.lateness(),
                end.cpu - self._started_at.cpu,
                end.wall - self._started_at.wall,
                api,
            )
