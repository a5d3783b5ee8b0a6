"""The exchange: a port, a thread for each connection, and the markets that all of them see."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import trustme

from perfbench.errors import UsageProblem
from perfbench.exchange.clock import Clock
from perfbench.exchange.conversation import Conversation, House, Limits
from perfbench.exchange.feed import Feed
from perfbench.exchange.fields import Fields
from perfbench.exchange.statement import ConnectionStatement, Delays, Frame, Statement
from perfbench.exchange.timeline import Timeline
from perfbench.exchange.wire import Wire

LOOPBACK = "127.0.0.1"
BACKLOG = 128
BUFFER = 1 << 18
"""Bytes on their way to a client: one that reads nothing shows soon, whatever this system would put up with."""

LEAVE = 0.8
"""Seconds in which the threads end when the exchange closes; one that is in the middle of a send is left."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the exchange listens (port 0: any), how fast market time runs, for how many subscribers it waits, its
    limits, and whether every frame is noted in ``Server.log``, and whether connections end with the last update.
    """

    host: str = LOOPBACK
    port: int = 0
    speed: float = 1.0
    subscribers: int = 1
    limits: Limits = field(default_factory=Limits)
    logged: bool = False
    hangs_up: bool = False


class Server:
    """An exchange that is open from its making until ``close``. Raises UsageProblem if it cannot listen there."""

    def __init__(self, timeline: Timeline, settings: Settings) -> None:
        self._settings = settings
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._feeds: dict[Fields, Feed] = {}
        self._feeding = threading.Lock()
        self._open: dict[str, threading.Thread] = {}
        self._subscribers: set[str] = set()
        self._statements: list[ConnectionStatement] = []
        self._delays = Delays()
        self.log: dict[str, list[Frame]] = {}
        self.clock = Clock(timeline, settings.speed)
        self._house = House(
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
        )
        self._tls = _certified(settings.host)
        self._began = time.monotonic(), time.process_time()
        self._door = _listening(settings)
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._receive, daemon=True).start()

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
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        wire = Wire(wrapped, self._settings.limits.patience)
        with self._lock:
            welcome = len(self._open) < self._settings.limits.connections
            conversation = Conversation(self._house, wire, name, welcome=welcome)
            thread = threading.Thread(target=self._until_it_ends, args=(conversation, name), daemon=True)
            self._open[name] = thread
        thread.start()

    def _until_it_ends(self, conversation: Conversation, name: str) -> None:
        try:
            statement = conversation.run()
        finally:
            with self._lock:
                del self._open[name]
        with self._lock:
            self._statements.append(statement)
            self._delays.include(conversation.delays)
            if conversation.log:
                self.log[name] = conversation.log

    def _feed(self, timeline: Timeline, fields: Fields) -> Feed:
        with self._feeding:
            if fields not in self._feeds:
                self._feeds[fields] = Feed(timeline, fields)
            return self._feeds[fields]

    def _subscribed(self, name: str) -> None:
        with self._lock:
            self._subscribers.add(name)
            enough = len(self._subscribers) >= self._settings.subscribers
        if enough:
            self.clock.begin()

    def _available(self) -> int:
        with self._lock:
            return max(self._settings.limits.connections - len(self._open), 0)

    def close(self) -> Statement:
        """End all connections, and say what was done."""
        self._closing.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # or the thread that accepts would wait on
        self._door.close()
        with self._lock:
            threads = list(self._open.values())
        until = time.monotonic() + LEAVE
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0.0))
        wall, cpu = self._began
        with self._lock:
            return Statement(
                tuple(self._statements),
                self._delays.lateness(),
                time.process_time() - cpu,
                time.monotonic() - wall,
            )


def _certified(host: str) -> ssl.SSLContext:
    """A certificate made anew, by an authority that nobody knows: clients of the stream do not ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host, "localhost").configure_cert(context)
    return context


def _listening(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(f"--port {settings.port}: {settings.host} cannot be listened on: {reason}") from error
