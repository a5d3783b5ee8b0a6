"""Ports, connections and threads of an exchange whose start fails, and of a closed latency proxy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import UsageProblem
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.config import LOOPBACK, ExchangeConfig
from perfbench.exchange.network.latency_proxy import LatencyProxy
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server

TIMEOUT_SECONDS = 10.0
ROUND_TRIP = 0.002


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    path = tmp_path_factory.mktemp("exchange") / "1.900004200"
    write_market(Recipe(seed=42, updates=40), path)
    return build_timeline([(path.name, path)])


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def find_free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


@pytest.mark.parametrize("round_trip", [0.0, ROUND_TRIP])
def test_failed_start_of_the_api_leaves_no_port_and_no_thread(
    timeline: Timeline, taken_port: int, round_trip: float
) -> None:
    port, threads = find_free_port(), threading.active_count()
    config = ExchangeConfig(port=port, round_trip=round_trip, api=ApiConfig(), api_port=taken_port)
    with pytest.raises(UsageProblem, match="--api-port: cannot listen"):
        Server(timeline, config)
    assert not is_listening(port)
    assert threading.active_count() == threads


def test_failed_start_of_the_stream_leaves_no_thread(timeline: Timeline, taken_port: int) -> None:
    threads = threading.active_count()
    with pytest.raises(UsageProblem, match="--port: cannot listen"):
        Server(timeline, ExchangeConfig(port=taken_port, round_trip=ROUND_TRIP))
    assert threading.active_count() == threads


def test_closed_latency_proxy_has_no_port_no_connection_and_no_thread() -> None:
    threads = threading.active_count()
    with socket.create_server((LOOPBACK, 0)) as target:
        proxy = LatencyProxy(ROUND_TRIP)
        port = proxy.listen(LOOPBACK, 0, target.getsockname(), "--port")
        with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as client:
            accepted, _ = target.accept()
            with accepted:
                accepted.settimeout(TIMEOUT_SECONDS)
                proxy.close()
                assert client.recv(1) == b""
                assert accepted.recv(1) == b""
    assert not is_listening(port)
    assert threading.active_count() == threads


def test_latency_proxy_closes_twice() -> None:
    proxy = LatencyProxy(ROUND_TRIP)
    proxy.close()
    proxy.close()
