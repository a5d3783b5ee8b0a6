"""TLS transport of a stream connection: complete lines in, complete messages out, in one thread."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from perfbench.exchange.network.fine_selector import FineSelector
from perfbench.exchange.network.tcp_reset import ZERO_LINGER

MAX_REQUEST_BYTES = 1 << 20
"""Maximum size of a request."""

RECEIVE_BYTES = 1 << 16


class ConnectionClosed(Exception):
    """Raised when the connection has ended, with the reason."""


class TlsTransport:
    """Stream connection over TLS. No call blocks for longer than its limit."""

    def __init__(self, connection: ssl.SSLSocket, timeout: float) -> None:
        self._socket = connection
        self._timeout = timeout
        self._selector = FineSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._buffer = b""
        self.buffered_at = time.monotonic()
        self._wakeup_sockets: tuple[socket.socket, socket.socket] | None = None

    def create_waker(self) -> Callable[[], None]:
        """Return a function that wakes ``read_lines`` from another thread."""
        if self._wakeup_sockets is None:
            self._wakeup_sockets = socket.socketpair()
            for end in self._wakeup_sockets:
                end.setblocking(False)
            self._selector.register(self._wakeup_sockets[0], selectors.EVENT_READ)
        return self._wake

    def _wake(self) -> None:
        assert self._wakeup_sockets is not None
        with suppress(OSError):  # full: already awake; closed: nobody waits
            self._wakeup_sockets[1].send(b"!")

    def perform_handshake(self) -> None:
        """Perform the TLS handshake. Raises ConnectionClosed if it fails."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.do_handshake()
        except (OSError, ValueError) as error:
            raise ConnectionClosed(f"TLS handshake failed: {error}") from error

    def read_lines(self, seconds: float) -> list[bytes]:
        """Return the requests received within a time, or as soon as some arrive or the waker is called; without CRLF.

        Raises ConnectionClosed at the end of the connection, and for a request larger than ``MAX_REQUEST_BYTES``.
        """
        if not self._socket.pending():
            ready = {key.fileobj for key, _ in self._selector.select(max(seconds, 0.0))}
            if self._wakeup_sockets and self._wakeup_sockets[0] in ready:
                self._wakeup_sockets[0].recv(RECEIVE_BYTES)
            if self._socket not in ready:
                return []
        self._receive()
        *lines, self._buffer = self._buffer.split(b"\n")
        if len(self._buffer) > MAX_REQUEST_BYTES or any(len(line) > MAX_REQUEST_BYTES for line in lines):
            raise ConnectionClosed(f"request larger than {MAX_REQUEST_BYTES:,} bytes")
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
        if not self._buffer:
            self.buffered_at = time.monotonic()
        self._buffer += part

    @property
    def seconds_incomplete(self) -> float:
        """Seconds since an incomplete request began; 0 if there is none."""
        return time.monotonic() - self.buffered_at if self._buffer else 0.0

    def send(self, message: bytes) -> None:
        """Send a message. Raises ConnectionClosed if the client stops reading."""
        self._socket.settimeout(self._timeout)
        try:
            self._socket.sendall(message)
        except TimeoutError as error:
            raise ConnectionClosed(f"the client did not read for {self._timeout:g} s") from error
        except OSError as error:
            raise ConnectionClosed(f"reset: {error}") from error

    def close(self) -> None:
        """Close the connection; everything sent still arrives."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._end()

    def reset(self) -> None:
        """Reset the connection; unsent data are discarded."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
        self._end()

    def _end(self) -> None:
        self._selector.close()
        self._socket.close()
        for end in self._wakeup_sockets or ():
            end.close()
