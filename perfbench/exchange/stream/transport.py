"""One TLS connection of the stream: whole lines in, whole messages out, by one thread."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from perfbench.exchange.network.tcp_reset import ZERO_LINGER

MAX_REQUEST_BYTES = 1 << 20
"""Bytes of a request; more is refused."""

RECEIVE_BYTES = 1 << 16


class ConnectionClosed(Exception):
    """The other side is not there any more, and why."""


class TlsTransport:
    """A connection. Nothing blocks for longer than it says."""

    def __init__(self, connection: ssl.SSLSocket, patience: float) -> None:
        self._socket = connection
        self._patience = patience
        self._heard = b""
        self.heard_at = time.monotonic()
        self._bell: tuple[socket.socket, socket.socket] | None = None

    def hang_bell(self) -> Callable[[], None]:
        """What lets ``lines`` return at once, when it is called from another thread."""
        if self._bell is None:
            self._bell = socket.socketpair()
            for end in self._bell:
                end.setblocking(False)
        return self._ring

    def _ring(self) -> None:
        assert self._bell is not None
        with suppress(OSError):  # full: it rings already; closed: nobody waits
            self._bell[1].send(b"!")

    def shake_hands(self) -> None:
        """TLS. Raises Gone if the client does not do its part."""
        try:
            self._socket.settimeout(self._patience)
            self._socket.do_handshake()
        except (OSError, ValueError) as error:
            raise ConnectionClosed(f"no TLS: {error}") from error

    def lines(self, seconds: float) -> list[bytes]:
        """The requests that arrive within so many seconds, or until the first, or until somebody rings; without their CRLF.

        Raises Gone at the end of the connection, and for a request longer than ``MOST``.
        """
        if not self._socket.pending():
            bell = self._bell[:1] if self._bell else ()
            ready, _, _ = select.select([self._socket, *bell], [], [], max(seconds, 0.0))
            for rung in set(bell) & set(ready):
                rung.recv(RECEIVE_BYTES)
            if self._socket not in ready:
                return []
        self._receive()
        *lines, self._heard = self._heard.split(b"\n")
        if len(self._heard) > MAX_REQUEST_BYTES or any(len(line) > MAX_REQUEST_BYTES for line in lines):
            raise ConnectionClosed(f"a request of more than {MAX_REQUEST_BYTES:,} bytes")
        return [stripped for line in lines if (stripped := line.strip(b"\r "))]

    def _receive(self) -> None:
        self._socket.setblocking(False)
        try:
            part = self._socket.recv(RECEIVE_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            raise ConnectionClosed(f"reset: {error}") from error
        if not part:
            raise ConnectionClosed("closed by the client")
        if not self._heard:
            self.heard_at = time.monotonic()
        self._heard += part

    @property
    def waiting(self) -> float:
        """For how many seconds a request that has begun has not been complete; 0 if none has."""
        return time.monotonic() - self.heard_at if self._heard else 0.0

    def send(self, message: bytes) -> float:
        """Send a message; how many seconds that took. Raises Gone if the client takes none of it for too long."""
        start = time.monotonic()
        self._socket.settimeout(self._patience)
        try:
            self._socket.sendall(message)
        except TimeoutError as error:
            raise ConnectionClosed(f"the client read nothing for {self._patience:g} s") from error
        except OSError as error:
            raise ConnectionClosed(f"reset: {error}") from error
        return time.monotonic() - start

    def close(self) -> None:
        """End it; what was sent arrives, whatever the other side does."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._end()

    def cut(self) -> None:
        """End it in the middle of whatever: what was not yet sent never arrives, and the other side sees a reset."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
        self._end()

    def _end(self) -> None:
        self._socket.close()
        for end in self._bell or ():
            end.close()
