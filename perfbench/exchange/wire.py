"""One TLS connection of the stream: whole lines in, whole messages out, by one thread."""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress

MOST = 1 << 20
"""Bytes of a request; more is refused."""

CHUNK = 1 << 16


class Gone(Exception):
    """The other side is not there any more, and why."""


class Wire:
    """A connection. Nothing blocks for longer than it says."""

    def __init__(self, connection: ssl.SSLSocket, patience: float) -> None:
        self._socket = connection
        self._patience = patience
        self._heard = b""
        self.heard_at = time.monotonic()

    def shake_hands(self) -> None:
        """TLS. Raises Gone if the client does not do its part."""
        try:
            self._socket.settimeout(self._patience)
            self._socket.do_handshake()
        except (OSError, ValueError) as error:
            raise Gone(f"no TLS: {error}") from error

    def lines(self, seconds: float) -> list[bytes]:
        """The requests that arrive within so many seconds, or until the first; without their CRLF.

        Raises Gone at the end of the connection, and for a request longer than ``MOST``.
        """
        if not self._socket.pending():
            ready, _, _ = select.select([self._socket], [], [], max(seconds, 0.0))
            if not ready:
                return []
        self._receive()
        *lines, self._heard = self._heard.split(b"\n")
        if len(self._heard) > MOST or any(len(line) > MOST for line in lines):
            raise Gone(f"a request of more than {MOST:,} bytes")
        return [stripped for line in lines if (stripped := line.strip(b"\r "))]

    def _receive(self) -> None:
        self._socket.setblocking(False)
        try:
            part = self._socket.recv(CHUNK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            raise Gone(f"reset: {error}") from error
        if not part:
            raise Gone("closed by the client")
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
            raise Gone(f"the client read nothing for {self._patience:g} s") from error
        except OSError as error:
            raise Gone(f"reset: {error}") from error
        return time.monotonic() - start

    def close(self) -> None:
        """End it; what was sent arrives, whatever the other side does."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()
