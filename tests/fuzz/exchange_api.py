"""Requests to the exchange's API from a grammar: JSON-RPC and REST calls, logins, and what is no HTTP at all.

The grammar of the calls is that of the request types. An answer is a result or an error that is documented, in a bounded
time, and the exchange answers a good call afterwards. The bytes ``SESSION`` stand for the session of a login.
"""

from __future__ import annotations

import atexit
import copy
import json
import random
import socket
import ssl
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import inspect

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.api.exceptions import ERROR_NUMBERS
from perfbench.exchange.api.operations import OPERATION_PARAMETERS, UNSUPPORTED_OPERATIONS
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.replay.timeline import build_timeline
from perfbench.exchange.server import Server

Random = random.Random

MARKET = "1.900004200"
ROUND_TRIPS = (0.0, 0.001)
TIMEOUT_SECONDS = 1.0
"""Time that the exchange gives an incomplete request."""

MAX_SECONDS = 10.0
"""Time after which an input counts as a hang."""

SESSION = b"SESSION"
STATUSES = frozenset({200, 400, 404, 405, 408, 411, 413, 414, 415, 417, 431})
"""Documented answers to HTTP; 500 is a bug."""

TRANSPORT_CODES = frozenset({"DSC-0008", "DSC-0009", "DSC-0018", "DSC-0021"})
PREFIXES = {"betting": "SportsAPING/v1.0/", "account": "AccountAPING/v1.0/", "heartbeat": "HeartbeatAPING/v1.0/"}
LOGIN_CODES = frozenset(
    {
        "", "INPUT_VALIDATION_ERROR", "INVALID_USERNAME_OR_PASSWORD", "TEMPORARY_BAN_TOO_MANY_REQUESTS", "NO_SESSION",
        "CERT_AUTH_REQUIRED",
    }
)  # fmt: skip

WORDS = (
    MARKET, "1.1", "BACK", "LAY", "LIMIT", "LIMIT_ON_CLOSE", "MARKET_ON_CLOSE", "LAPSE", "PERSIST", "FILL_OR_KILL",
    "EX_BEST_OFFERS", "EX_ALL_OFFERS", "EX_TRADED", "SP_TRADED", "SP_AVAILABLE", "ALL", "EXECUTABLE",
    "EXECUTION_COMPLETE", "NO_ROLLUP", "ROLLED_UP_BY_PRICE", "SETTLED", "LAPSED", "CANCELLED", "VOIDED", "BET", "MARKET",
    "SIDE", "EVENT", "DAYS", "MINUTES", "BY_MATCH_TIME", "LATEST_TO_EARLIEST", "FIRST_TO_START", "GBP", "UK", "STAKE",
    "300000000001", "300000000002", "7", "WIN", "GB", "EVENT_TYPE", "RUNNER_METADATA", "MARKET_DESCRIPTION",
    "", "x", "é", "\x00", "*", "[", "%", "x" * 300, "2026-01-01T00:00:00Z", "NaN",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    2,
    3,
    10,
    200,
    201,
    1000,
    -1,
    0.1,
    2.02,
    3.05,
    900.0,
    1e-9,
    1e300,
    -1e300,
    2**31,
    2**63,
    2**64,
    10**400,
)
ODD_VALUES: tuple[Any, ...] = (None, True, [], {}, [[]], [None], {"a": {}}, "x", 7, [0] * 300, {"from": 7})


@dataclass(frozen=True, slots=True)
class Target:
    """A running exchange, a session on it, and the selections of its market."""

    server: Server
    context: ssl.SSLContext
    session: bytes
    selections: tuple[int, ...]


@cache
def start_exchange(round_trip: float) -> Target:
    """Start an exchange that inputs are sent to, with a market whose time stands still, behind this round-trip time."""
    folder = tempfile.TemporaryDirectory(prefix="perfbench-fuzz-")
    path = Path(folder.name, MARKET)
    write_market(Recipe(seed=42, runners=4, updates=120, bsp=True, in_play=True), path)
    timeline = build_timeline([(MARKET, path)], -60.0)
    limits = Limits(timeout=TIMEOUT_SECONDS)
    server = Server(
        timeline, ExchangeConfig(limits=limits, round_trip=round_trip, wait_for_subscribers=1 << 30, api=ApiConfig())
    )
    atexit.register(server.close)
    atexit.register(folder.cleanup)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    runners = timeline.definitions[MARKET]["runners"]
    target = Target(server, context, b"", tuple(runner["id"] for runner in runners))
    form = b"username=fuzzer&password=secret"
    answer = _exchange(target, _write_request("/api/login", form, {"X-Application": "key"}))
    return Target(server, context, json.loads(_split(answer)[1])["token"].encode(), target.selections)


# Grammar ----------------------------------------------------------------------------------------------------------------------


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many requests, the same for the same seed."""
    draw = Random(seed)
    for _ in range(count):
        data = draw.choice(REQUESTS)(draw)
        yield _mutate(data, draw) if draw.random() < 0.15 else data


def _write_request(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\nConnection: close\r\n\r\n" + body


def _draw_headers(draw: Random) -> dict[str, str]:
    headers = {"X-Application": "key", "X-Authentication": SESSION.decode(), "Content-Type": "application/json"}
    if draw.random() < 0.1:
        headers[draw.choice(list(headers))] = draw.choice(("", "x", "é", "x" * 9000, "a,b", SESSION.decode()))
    if draw.random() < 0.1:
        del headers[draw.choice(list(headers))]
    if draw.random() < 0.1:
        name = draw.choice(("Accept-Encoding", "Expect", "Content-Encoding", "Content-Length", "Transfer-Encoding"))
        headers[name] = draw.choice(
            ("gzip", "100-continue", "chunked", "deflate", "-1", "7", "1e3", "99999999999999", "x")
        )
    return headers


def _draw_json_rpc(draw: Random) -> bytes:
    service = draw.choice(list(PREFIXES))
    calls = [_draw_call(draw, service) for _ in range(draw.choice((1, 1, 1, 1, 0, 2, 5, 101)))]
    message: Any = calls[0] if len(calls) == 1 and draw.random() < 0.9 else calls
    return _write_request(f"/exchange/{service}/json-rpc/v1", encode(message), _draw_headers(draw))


def _draw_call(draw: Random, service: str) -> Any:
    operation, parameters = _draw_operation(draw, service)
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": PREFIXES[service] + operation, "params": parameters, "id": 1}
    if draw.random() < 0.15:
        call[draw.choice(list(call))] = _draw_odd(draw)
    if draw.random() < 0.05:
        del call[draw.choice(list(call))]
    return call


def _draw_rest(draw: Random) -> bytes:
    service = draw.choice(list(PREFIXES))
    operation, parameters = _draw_operation(draw, service)
    body = draw.choice(
        (encode(parameters), encode(parameters), encode(parameters), b"", b"{", b"[" * 50_000, b"\xff\x00")
    )
    method = draw.choice(("POST",) * 9 + ("GET", "PUT", "DELETE", "BREW"))
    path = f"/exchange/{service}/rest/v1.0/{quote(operation)}{draw.choice(('', '/', '//', '?x=1'))}"
    return _write_request(path, body, _draw_headers(draw), method)


def _draw_operation(draw: Random, service: str) -> tuple[str, Any]:
    operations = OPERATION_PARAMETERS[service]
    operation = draw.choice(sorted(operations))
    if draw.random() < 0.05:
        return draw.choice((*sorted(UNSUPPORTED_OPERATIONS), "x\x00", "", "é")), {}
    parameters = _draw_value(draw, inspect.type_info(operations[operation]), operation)
    if isinstance(parameters, dict) and draw.random() < 0.2:
        parameters[draw.choice([*parameters, "unknown"])] = _draw_odd(draw)
    return operation, parameters


def _draw_value(draw: Random, kind: inspect.Type, name: str) -> Any:
    """Return a value of a type of a request, sometimes of another one."""
    if draw.random() < 0.02:
        return _draw_odd(draw)
    match kind:
        case inspect.StructType():
            return {
                each.encode_name: _draw_value(draw, each.type, each.encode_name)
                for each in kind.fields
                if each.required or draw.random() < 0.3
            }
        case inspect.UnionType():
            return _draw_value(draw, draw.choice(kind.types), name)
        case inspect.VarTupleType():
            return [_draw_value(draw, kind.item_type, name) for _ in range(draw.choice((0, 1, 1, 2, 3, 61, 300)))]
        case inspect.BoolType():
            return draw.random() < 0.5
        case inspect.NoneType():
            return None
        case inspect.IntType() | inspect.FloatType():
            return (
                draw.choice(start_exchange(ROUND_TRIPS[0]).selections)
                if name == "selectionId"
                else draw.choice(NUMBERS)
            )
    return _draw_word(draw, name)


def _draw_odd(draw: Random) -> Any:
    return copy.deepcopy(draw.choice((*ODD_VALUES, *NUMBERS)))


KNOWN_WORDS = {"marketId": MARKET, "marketIds": MARKET, "orderType": "LIMIT", "side": "BACK", "betStatus": "SETTLED"}


def _draw_word(draw: Random, name: str) -> str:
    return KNOWN_WORDS[name] if name in KNOWN_WORDS and draw.random() < 0.7 else draw.choice(WORDS)


def _draw_good_order(draw: Random) -> bytes:
    """An order that is mostly right, so that cancelling, replacing and listing have something to work on."""
    order = {"price": draw.choice((1.01, 2.0, 3.0, 10.0, 900.0, 1000.0)), "size": draw.choice((2, 5, 0.5, 1e6))}
    if draw.random() < 0.3:
        order["timeInForce"] = draw.choice(("FILL_OR_KILL", "x"))  # type: ignore[assignment]
    instruction = {
        "orderType": "LIMIT",
        "selectionId": draw.choice(start_exchange(ROUND_TRIPS[0]).selections),
        "side": draw.choice(("BACK", "LAY")),
        "limitOrder": order,
    }
    body = {
        "marketId": MARKET,
        "instructions": [instruction] * draw.choice((1, 1, 2, 200)),
        "async": draw.random() < 0.2,
    }
    return _write_request("/exchange/betting/rest/v1.0/placeOrders/", encode(body), _draw_headers(draw))


def _draw_cancel_all(draw: Random) -> bytes:
    return _write_request("/exchange/betting/rest/v1.0/cancelOrders/", b"{}", _draw_headers(draw))


def _draw_identity(draw: Random) -> bytes:
    action = draw.choice(("login", "certlogin", "keepAlive", "logout", "x"))
    body = draw.choice((b"username=a&password=b", b"username=a", b"", b"\xff=\x00", b"a" * 5000, b"&&==&username=%zz"))
    headers = _draw_headers(draw)
    if action == "logout":
        headers["X-Authentication"] = "another"
    return _write_request(f"/api/{action}", body, headers)


def _draw_other(draw: Random) -> bytes:
    text = draw.randbytes(draw.randrange(1, 200))
    return draw.choice(
        (
            _write_request("/exchange/betting/rest/v1/en/navigation/menu.json", b"", _draw_headers(draw), "GET"),
            _write_request(f"/{quote(text)}", text, _draw_headers(draw)),
            _write_request("/../etc/passwd", b"", {}, "GET"),
            _write_request("/exchange/betting/json-rpc/v1", b"x" * ((1 << 20) + 2), _draw_headers(draw)),
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"NONSENSE\r\n\r\n",
            text,
        )
    )


REQUESTS: tuple[Callable[[Random], bytes], ...] = (
    *(_draw_json_rpc,) * 4,
    *(_draw_rest,) * 4,
    *(_draw_good_order,) * 2,
    _draw_cancel_all,
    _draw_identity,
    _draw_other,
)


def encode(message: Any) -> bytes:
    """Encode a message as JSON, with NaN, infinity and numbers of any size."""
    return json.dumps(message).encode()


def _mutate(data: bytes, draw: Random) -> bytes:
    """Damage a request; its body keeps its length most of the time, so that the request stays complete."""
    head, separator, body = data.partition(b"\r\n\r\n")
    part = bytearray(body if body and draw.random() < 0.8 else data)
    for _ in range(draw.choice((1, 1, 3, 20))):
        if part:
            part[draw.randrange(len(part))] = draw.choice((0, 0x22, 0x5B, 0x7B, 0xFF, draw.randrange(256)))
    return head + separator + bytes(part) if len(part) == len(body) else bytes(part)


# Check ------------------------------------------------------------------------------------------------------------------------


def check(data: bytes) -> str:
    """Send bytes as a client, check the answer and return its status: documented, in time, and the exchange lives.

    The bytes decide whether they go to the exchange without or with latency.
    """
    target = start_exchange(ROUND_TRIPS[zlib.crc32(data) % 2])
    begin = time.monotonic()
    answer = _exchange(target, data.replace(SESSION, target.session))
    seconds = time.monotonic() - begin
    assert seconds < MAX_SECONDS, f"answered after {seconds:.1f} s"
    status = 0
    if answer:
        status, body = _split(answer)
        assert status in STATUSES, f"status {status}: {body[:300]!r}"
        if body and status in (200, 400):
            _check_body(body)
    _check_alive(target)
    return str(status) if answer else "closed"


def _exchange(target: Target, data: bytes) -> bytes:
    """Return everything that the exchange sends until it closes the connection; empty if it only closes it."""
    raw = socket.create_connection((LOOPBACK, target.server.api_port), MAX_SECONDS)
    received = b""
    try:
        with target.context.wrap_socket(raw) as connection:
            connection.sendall(data)
            while chunk := connection.recv(1 << 16):
                received += chunk
                if _is_complete(received):
                    break
    except TimeoutError as error:
        raise AssertionError(f"no answer and no closing within {MAX_SECONDS:g} s") from error
    except OSError:  # reset, which is how incomplete requests end
        pass
    return received


def _is_complete(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or head.startswith(b"HTTP/1.1 100"):
        return False
    length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(length) and len(body) >= int(length[0])


def _split(answer: bytes) -> tuple[int, bytes]:
    """Return the status and the body of the last answer."""
    while answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    if not answer:
        return 200, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    assert words[0] in (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9"), f"not HTTP: {answer[:80]!r}"
    return int(words[1]), b"" if b"content-encoding" in head.lower() else body


def _check_body(body: bytes) -> None:
    try:
        message = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return  # what aiohttp answers to bytes that are not HTTP is plain text
    for each in message if isinstance(message, list) else [message]:
        if isinstance(each, dict) and "error" in each and each.get("jsonrpc") == "2.0":
            error = each["error"]
            if error["code"] == -32099:
                _check_exception(error["data"])
            else:
                assert error["message"] in TRANSPORT_CODES, error
        elif isinstance(each, dict) and "faultcode" in each:
            if "exceptionname" in each["detail"]:
                _check_exception(each["detail"])
            else:
                assert each["faultstring"] in TRANSPORT_CODES, each
        elif isinstance(each, dict) and "product" in each:
            assert each["error"] in LOGIN_CODES, each


def _check_exception(detail: dict[str, Any]) -> None:
    error_code = detail[detail["exceptionname"]]["errorCode"]
    assert error_code in ERROR_NUMBERS, error_code
    assert error_code != "UNEXPECTED_ERROR", detail


@cache
def _open_witness(port: int) -> HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(LOOPBACK, port, timeout=MAX_SECONDS, context=context)


def _check_alive(target: Target) -> None:
    """Check that a good call on a connection of its own is answered."""
    witness = _open_witness(target.server.api_port)
    headers = {"X-Application": "key", "X-Authentication": target.session.decode()}
    witness.request("POST", "/exchange/account/rest/v1.0/getAccountFunds/", b"{}", headers)
    answer = witness.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    assert "availableToBetBalance" in json.loads(body)
