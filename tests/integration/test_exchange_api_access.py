"""Who may call the API, and how long its connections may take: the exchange in this process."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange.account.sessions import MAX_LOGINS
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.api.fault_injection import FaultConfig
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server

MARKET = "1.900004200"
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 1.0
MAX_CONNECTIONS = 8
KEYS = AppKeys(live=frozenset({"live"}), delayed=frozenset({"delayed"}))


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    path = tmp_path_factory.mktemp("access") / MARKET
    write_market(Recipe(seed=42, runners=4, updates=60), path)
    return build_timeline([(MARKET, path)], -60.0)


class Exchange:
    """A running exchange and plain calls to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        server.certificates.write_files(folder)
        self._authority = str(folder / "exchange.pem")

    def post(self, path: str, body: str | dict[str, str], **headers: str) -> dict[str, Any]:
        url = f"https://{LOOPBACK}:{self.server.api_port}{path}"
        answer = requests.post(url, body, headers=headers, verify=self._authority, timeout=TIMEOUT_SECONDS)
        found: dict[str, Any] = answer.json()
        return found

    def log_in(self, key: str = "live", user: str = "me", password: str = "secret") -> dict[str, Any]:
        return self.post("/api/login", {"username": user, "password": password}, **{"X-Application": key})

    def call(self, key: str | None, session: str | None, operation: str = "listEvents", **parameters: Any) -> Any:
        headers = {"X-Application": key, "X-Authentication": session}
        return self.post(
            f"/exchange/betting/rest/v1.0/{operation}/",
            json.dumps(parameters or {"filter": {}}),
            **{name: value for name, value in headers.items() if value is not None},
        )

    def connect(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self._authority)
        raw = socket.create_connection((LOOPBACK, self.server.api_port), TIMEOUT_SECONDS)
        return context.wrap_socket(raw, server_hostname=LOOPBACK)


@pytest.fixture(scope="module")
def exchange(timeline: Timeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    config = ExchangeConfig(
        limits=Limits(timeout=PATIENCE_SECONDS),
        wait_for_subscribers=1000,
        api=ApiConfig(max_connections=MAX_CONNECTIONS),
        app_keys=KEYS,
    )
    server = Server(timeline, config)
    yield Exchange(server, tmp_path_factory.mktemp("certificates"))
    server.close()


def read_code(answer: Any) -> str:
    code: str = answer["detail"]["APINGException"]["errorCode"]
    return code


def test_bot_that_forgot_to_log_in_is_rejected(exchange: Exchange) -> None:
    assert read_code(exchange.call("live", "any")) == "INVALID_SESSION_INFORMATION"
    assert read_code(exchange.call("live", None)) == "NO_SESSION"


def test_application_keys_are_live_delayed_or_invalid(exchange: Exchange) -> None:
    session = exchange.log_in()["token"]
    assert read_code(exchange.call(None, session)) == "NO_APP_KEY"
    assert read_code(exchange.call("other", session)) == "INVALID_APP_KEY"
    for key, delayed in (("live", False), ("delayed", True)):
        (book,) = exchange.call(key, session, "listMarketBook", marketIds=[MARKET])
        assert book["isMarketDataDelayed"] is delayed
    order = {"orderType": "LIMIT", "selectionId": 1, "side": "BACK", "limitOrder": {"price": 2.0, "size": 2.0}}
    placed = exchange.call("delayed", session, "placeOrders", marketId=MARKET, instructions=[order])
    assert read_code(placed) == "ACCESS_DENIED"


def test_login_is_rejected_with_its_code(exchange: Exchange) -> None:
    assert exchange.log_in(password="")["error"] == "INVALID_USERNAME_OR_PASSWORD"
    assert exchange.post("/api/login", {"username": "me", "password": "secret"})["error"] == "INPUT_VALIDATION_ERROR"
    assert exchange.post("/api/certlogin", {})["loginStatus"] == "CERT_AUTH_REQUIRED"
    assert exchange.post("/api/keepAlive", {}, **{"X-Authentication": "any"})["error"] == "NO_SESSION"
    for _ in range(MAX_LOGINS):
        exchange.server._sessions.log_in("often", "secret")
    assert exchange.log_in(user="often")["error"] == "TEMPORARY_BAN_TOO_MANY_REQUESTS"
    assert exchange.log_in()["status"] == "SUCCESS"


def test_navigation_menu_is_served_to_a_session(exchange: Exchange) -> None:
    url = f"https://{LOOPBACK}:{exchange.server.api_port}/exchange/betting/rest/v1/en/navigation/menu.json"
    headers = {"X-Application": "live", "X-Authentication": exchange.log_in()["token"]}
    menu = requests.get(url, headers=headers, verify=exchange._authority, timeout=TIMEOUT_SECONDS).json()
    assert menu["children"][0]["children"][0]["children"][0]["id"] == MARKET
    refused = requests.get(url, verify=exchange._authority, timeout=TIMEOUT_SECONDS).json()
    assert read_code(refused) == "NO_APP_KEY"


def test_injected_error_is_an_unexpected_error(timeline: Timeline, tmp_path: Path) -> None:
    api = ApiConfig(faults=FaultConfig(share=1.0, kinds=("error",)))
    server = Server(timeline, ExchangeConfig(wait_for_subscribers=1000, api=api))
    try:
        exchange = Exchange(server, tmp_path)
        assert read_code(exchange.call("any", exchange.log_in()["token"])) == "UNEXPECTED_ERROR"
    finally:
        server.close()


REQUEST = b"POST /api/keepAlive HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def receive_until_closed(connection: ssl.SSLSocket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(1 << 16):
            received += chunk
    return received


@pytest.mark.parametrize(
    "call", [b"api/keepAlive", b"api/logout", b"api/login", b"exchange/betting/rest/v1.0/listEventTypes"]
)
@pytest.mark.parametrize("name", [b"X-Application", b"X-Authentication"])
def test_header_whose_bytes_are_no_utf_8_is_refused_in_json(exchange: Exchange, call: bytes, name: bytes) -> None:
    with closing(exchange.connect()) as connection:
        connection.sendall(
            b"POST /"
            + call
            + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n"
            + name
            + b": a\xff\r\n\r\n"
        )
        head, _, body = receive_until_closed(connection).partition(b"\r\n\r\n")
    assert head.split()[1] in (b"200", b"400"), head
    assert isinstance(json.loads(body), dict)
    assert b"SUCCESS" not in body


@pytest.mark.parametrize("header", [b"POST / HT", b"POST / HTTP/1.1\r\nX-A: b\r\n"])
def test_second_request_that_does_not_become_complete_is_reset(exchange: Exchange, header: bytes) -> None:
    with closing(exchange.connect()) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection.sendall(header)
        assert receive_until_closed(connection) == b""


def test_header_that_arrives_a_byte_at_a_time_is_reset(exchange: Exchange) -> None:
    begin = time.monotonic()
    with closing(exchange.connect()) as connection, suppress(OSError):
        connection.sendall(REQUEST)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection.sendall(b"POST / HTTP/1.1\r\nX: ")
        connection.settimeout(PATIENCE_SECONDS / 10)
        while time.monotonic() - begin < TIMEOUT_SECONDS:
            connection.sendall(b"x")
            with suppress(TimeoutError):
                if connection.recv(1) == b"":
                    break
    assert time.monotonic() - begin < TIMEOUT_SECONDS


def test_connections_above_the_limit_are_closed_and_those_below_it_served(exchange: Exchange) -> None:
    with ExitStack() as stack:
        plain = [socket.create_connection((LOOPBACK, exchange.server.api_port), TIMEOUT_SECONDS) for _ in range(20)]
        for connection in plain:
            stack.callback(connection.close)
        closed = 0
        for connection in plain[MAX_CONNECTIONS:]:
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            closed += 1
        assert closed == len(plain) - MAX_CONNECTIONS
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:  # until the exchange has noticed that the others are gone
        with suppress(requests.ConnectionError):
            assert exchange.log_in()["status"] == "SUCCESS"
            return
    pytest.fail("the connections that ended are still counted")
