"""Back-pressure and limits of the latency proxy."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator

import pytest

from perfbench.exchange.config import LOOPBACK
from perfbench.exchange.network import latency_proxy
from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.network.listening_socket import SOCKET_BUFFER_BYTES

ROUND_TRIP = 0.002
TIMEOUT_SECONDS = 20.0
BLOCK = bytes(1 << 16)
HELD_BYTES = 8 << 20
"""More than the buffers of both sides of a proxied connection hold, the window included."""


@pytest.fixture
def target() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(TIMEOUT_SECONDS)
        yield listener


@pytest.fixture
def port(target: socket.socket) -> Iterator[int]:
    proxy = LatencyProxy(ROUND_TRIP)
    yield proxy.listen(LOOPBACK, 0, target.getsockname(), "--port")
    proxy.close()


def send_until_blocked(sender: socket.socket, most: int = 4 * HELD_BYTES) -> int:
    """Return the bytes that can be sent until nothing more is accepted for half a second."""
    sender.settimeout(0.5)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < most:
            sent += sender.send(BLOCK)
    return sent


def receive_all(receiver: socket.socket, count: int) -> int:
    """Read this many bytes, unless the connection ends before; return how many came."""
    receiver.settimeout(TIMEOUT_SECONDS)
    received = 0
    while received < count and (part := receiver.recv(1 << 18)):
        received += len(part)
    return received


def test_sender_is_blocked_while_the_other_side_does_not_read_and_nothing_is_lost(
    target: socket.socket, port: int
) -> None:
    """Both ways: whatever is held is what a few buffers hold, however often parts of it are delivered meanwhile."""
    with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as client:
        accepted, _ = target.accept()
        with accepted:
            for end, buffer in itertools.product((client, accepted), (socket.SO_SNDBUF, socket.SO_RCVBUF)):
                end.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BUFFER_BYTES)
            for sender, receiver in ((accepted, client), (client, accepted)):
                sent = send_until_blocked(sender)
                assert sent < HELD_BYTES
                assert receive_all(receiver, sent) == sent
                sent = send_until_blocked(sender)
                assert sent < HELD_BYTES
                assert receive_all(receiver, sent) == sent


def test_reading_resumes_only_when_no_reason_against_it_is_left(port: int) -> None:
    calls: list[str] = []

    class Transport:
        def pause_reading(self) -> None:
            calls.append("pause")

        def resume_reading(self) -> None:
            calls.append("resume")

        def is_closing(self) -> bool:
            return False

    proxy = LatencyProxy(ROUND_TRIP)
    endpoint = latency_proxy.ProxyEndpoint(proxy)
    endpoint.transport = Transport()  # type: ignore[assignment]
    endpoint.pause_reading(latency_proxy.WINDOW_FULL)
    endpoint.pause_reading(latency_proxy.PEER_BLOCKED)
    endpoint.resume_reading(latency_proxy.WINDOW_FULL)
    assert calls == ["pause", "pause"]
    endpoint.resume_reading(latency_proxy.PEER_BLOCKED)
    assert calls == ["pause", "pause", "resume"]
    proxy.close()


def test_connections_above_the_limit_are_closed_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, target: socket.socket, port: int
) -> None:
    monkeypatch.setattr(latency_proxy, "MAX_CONNECTIONS", 2)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS)) for _ in range(2)]
        accepted = [stack.enter_context(target.accept()[0]) for _ in clients]
        refused = stack.enter_context(socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS))
        with contextlib.suppress(ConnectionError):
            assert refused.recv(1) == b""
        for client in clients:
            client.sendall(b"x")
        for connection in accepted:
            assert receive_all(connection, 1) == 1
        clients[0].close()
        assert accepted[0].recv(1) == b""
        accepted[0].close()
        target.settimeout(0.2)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            stack.enter_context(socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS))
            with contextlib.suppress(TimeoutError):
                stack.enter_context(target.accept()[0])
                return
        pytest.fail("the place of a closed connection was not given to another")
