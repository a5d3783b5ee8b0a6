"""Waiting for sockets with any descriptor."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from perfbench.exchange.config import LOOPBACK
from perfbench.exchange.network.fine_selector import MAX_SELECTABLE_DESCRIPTOR, FineSelector
from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.stream.transport import TlsTransport
from perfbench.exchange.tls.certificates import CertificateAuthority

resource = pytest.importorskip("resource")
TIMEOUT_SECONDS = 20.0


@pytest.fixture
def large_descriptors() -> Iterator[None]:
    """New descriptors are larger than what ``select`` accepts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MAX_SELECTABLE_DESCRIPTOR + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip("the limit of open files is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] <= MAX_SELECTABLE_DESCRIPTOR:
            taken.append(os.dup(taken[0]))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_selector_reports_ready_sockets_with_their_data() -> None:
    first, second = socket.socketpair()
    with first, second, FineSelector() as selector:
        selector.register(first, selectors.EVENT_READ, "first")
        assert selector.select(0) == []
        second.send(b"x")
        assert [(key.fileobj, key.data, events) for key, events in selector.select(TIMEOUT_SECONDS)] == [
            (first, "first", selectors.EVENT_READ)
        ]
        selector.modify(first, selectors.EVENT_READ | selectors.EVENT_WRITE, "both")
        assert [(key.data, events) for key, events in selector.select(TIMEOUT_SECONDS)] == [
            ("both", selectors.EVENT_READ | selectors.EVENT_WRITE)
        ]
        assert list(selector.get_map()) == [first.fileno()]
        selector.unregister(first)
        assert selector.select(0) == []


def test_selector_accepts_large_descriptors(large_descriptors: None) -> None:
    first, second = socket.socketpair()
    assert first.fileno() > MAX_SELECTABLE_DESCRIPTOR
    with first, second, FineSelector() as selector:
        selector.register(first, selectors.EVENT_READ, "first")
        assert selector.select(0) == []
        second.send(b"x")
        assert [key.data for key, _ in selector.select(TIMEOUT_SECONDS)] == ["first"]
        selector.unregister(first)
        assert selector.select(0) == []


def test_connection_with_a_large_descriptor_is_read_and_woken(large_descriptors: None) -> None:
    client_context = ssl.create_default_context()
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((LOOPBACK, 0)))
        plain = stack.enter_context(socket.create_connection(listener.getsockname(), TIMEOUT_SECONDS))
        accepted, _ = listener.accept()
        context = CertificateAuthority(LOOPBACK).create_server_context()
        wrapped = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        transport = TlsTransport(wrapped, TIMEOUT_SECONDS)
        handshake = threading.Thread(target=transport.perform_handshake)
        handshake.start()
        client = stack.enter_context(client_context.wrap_socket(plain))
        handshake.join(TIMEOUT_SECONDS)
        wake = transport.create_waker()
        wake()
        assert transport.read_lines(TIMEOUT_SECONDS) == []
        client.sendall(b"hello\r\n")
        lines: list[bytes] = []
        while not lines:
            lines = transport.read_lines(TIMEOUT_SECONDS)
        assert lines == [b"hello"]
        transport.close()


def test_latency_proxy_serves_connections_with_large_descriptors(large_descriptors: None) -> None:
    with socket.create_server((LOOPBACK, 0)) as target:
        proxy = LatencyProxy(0.001)
        port = proxy.listen(LOOPBACK, 0, target.getsockname(), "--port")
        with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as client:
            accepted, _ = target.accept()
            with accepted:
                client.sendall(b"x")
                accepted.settimeout(TIMEOUT_SECONDS)
                assert accepted.recv(1) == b"x"
        proxy.close()
