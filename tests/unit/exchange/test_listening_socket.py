"""Addresses to listen on."""

from __future__ import annotations

import socket

import pytest

from perfbench.errors import UsageProblem
from perfbench.exchange.network.listening_socket import (
    format_address,
    is_loopback,
    open_listening_socket,
    resolve_host,
)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "0.0.0.0")],
)
def test_host_is_resolved_to_an_address_of_ipv4_if_it_has_one(host: str, expected: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    assert resolve_host(host) == expected


@pytest.mark.parametrize("host", ["no such host", "x" * 300, "127.0.0.1.invalid"])
def test_unknown_host_is_an_error_of_usage(host: str) -> None:
    with pytest.raises(UsageProblem, match="not an address of this machine"):
        resolve_host(host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("192.0.2.1", False)],
)
def test_loopback_addresses_are_told_from_others(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_socket_of_ipv6_accepts_connections() -> None:
    with open_listening_socket("::1", 0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address[:2], 10):
            listener.accept()[0].close()


def test_taken_port_is_an_error_with_address_and_hint() -> None:
    with open_listening_socket("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageProblem) as problem:
            open_listening_socket("127.0.0.1", port, "--port")
    assert problem.value.cause.startswith(f"--port: cannot listen on 127.0.0.1:{port}: ")
    assert problem.value.hint


def test_addresses_of_ipv6_are_written_in_brackets() -> None:
    assert format_address("::1", 5001) == "[::1]:5001"
    assert format_address("127.0.0.1", 5001) == "127.0.0.1:5001"
