"""Conversations of a client with the stream of the exchange, with and without the latency proxy, and the check of its answers.

Whatever a client sends, each answer fits the field tables of the specification, the connection answers or ends within a bounded
time, no thread ends with an error, and the exchange serves the next client.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from support import stream_schema

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.replay.timeline import build_timeline
from perfbench.exchange.server import Server

Random = random.Random

MARKETS = ("1.900004800", "1.900004801")
ROUND_TRIPS = (0.0, 0.001)
PATIENCE_SECONDS = 2.0
MAX_SECONDS = 10.0
"""Time within which a client has an answer to everything that it sent, or no connection."""

MAX_CONNECTIONS = 10
LAST_ID = 424_242
LAST = b'\r\n{"op":"heartbeat","id":%d}\r\n' % LAST_ID
"""A request whose answer comes after all others."""

NEXT_CLIENT_INTERVAL = 10
"""Conversations after which another client is served; each also is a client after those before."""

SESSION, CLOCK = b"SESSION", b"INITIAL-CLOCK"
"""What stands in the data for a session of the exchange, and for a token of its stream."""

PLAIN = b"plain:"
"""How the data begin that are sent without TLS."""

OPERATIONS = (
    "authentication",
    "heartbeat",
    "marketSubscription",
    "orderSubscription",
    "raceSubscription",
    "mcm",
    "status",
    "",
    None,
    7,
)
FIELDS = (
    "EX_BEST_OFFERS_DISP", "EX_BEST_OFFERS", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "EX_MARKET_DEF",
    "SP_TRADED", "SP_PROJECTED", "ex_ltp", "",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, 10**30, 1e308, "", "1", "\x00", "\ud800", "\u202e", "é" * 99, "x" * 5000,
    [], {}, [[]], [None], ["1.1"], [1], {"a": 1}, ["x"] * 3000,
)  # fmt: skip
ODD_LINES = (
    b"\r\n", b"\n" * 50, b" ", b"\x00", b"null", b"[]", b'"op"', b"{}", b"{", b"}" * 9, b"[" * 100_000, b'{"a":' * 50_000,
    b"GET / HTTP/1.1\r\nHost: x\r\n", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"op":"heartbeat","op":"authentication"}',
    b'{"op":"heartbeat","id":NaN}', b"x" * ((1 << 20) + 1), b'{"op":"heartbeat"}' * 2,
)  # fmt: skip

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname, _TLS.verify_mode = False, ssl.CERT_NONE
_CHECKED = itertools.count(1)


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many conversations, the same for the same seed."""
    draw = Random(seed)
    for _ in range(count):
        if draw.random() < 0.02:
            yield PLAIN + draw.randbytes(draw.randrange(400))
            continue
        # A request that is refused ends the connection: most of those before the last are sound.
        count = draw.choice((1, 1, 2, 3, 6))
        lines = [
            build_line(draw) if number == count - 1 or draw.random() < 0.2 else encode(build_sound_request(draw), draw)
            for number in range(count)
        ]
        if draw.random() < 0.8:
            lines.insert(
                0, encode({"op": "authentication", "id": 1, "appKey": "key", "session": SESSION.decode()}, draw)
            )
        data = draw.choice((b"\r\n", b"\r\n", b"\n")).join(lines)
        yield damage(data, draw) if draw.random() < 0.3 else data


def build_line(draw: Random) -> bytes:
    """A request: sound, with an odd value, or none at all."""
    if draw.random() < 0.15:
        return draw.choice(ODD_LINES)
    request = build_request(draw)
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        place = draw.choice([entry for entry in (request, *request.values()) if isinstance(entry, dict)])
        place[draw.choice([*place, "unknown"])] = copy.deepcopy(draw.choice(ODD_VALUES))
    return encode(request, draw)


def build_sound_request(draw: Random) -> dict[str, Any]:
    """A request that the exchange accepts after a login."""
    request: dict[str, Any] = {"op": draw.choice(OPERATIONS[1:4]), "id": draw.randrange(1000)}
    if request["op"] == "marketSubscription":
        if draw.random() < 0.7:
            request["marketFilter"] = {"marketIds": draw.sample(MARKETS, draw.randrange(1, 3))}
        if draw.random() < 0.7:
            fields = draw.sample([name for name in FIELDS if name.isupper()], draw.randrange(1, 6))
            request["marketDataFilter"] = {"fields": fields, "ladderLevels": draw.choice((1, 3, 10))}
    if request["op"] != "heartbeat" and draw.random() < 0.3:
        request |= {"conflateMs": draw.choice((0, 50, 500)), "heartbeatMs": draw.choice((500, 5000))}
    return request


def build_request(draw: Random) -> dict[str, Any]:
    """A request that the exchange may accept."""
    request: dict[str, Any] = {"op": draw.choice(OPERATIONS[:4] * 3 + OPERATIONS), "id": draw.randrange(-5, 1000)}
    if draw.random() < 0.5:
        request["marketFilter"] = {
            "marketIds": draw.sample(MARKETS, draw.randrange(3)),
            "bspMarket": draw.choice((None, True)),
        }
    if draw.random() < 0.5:
        request["marketDataFilter"] = {
            "fields": draw.sample(FIELDS, draw.randrange(len(FIELDS))),
            "ladderLevels": draw.choice((None, 1, 3, 10, 11, 0)),
        }
    if draw.random() < 0.3:
        request |= {"conflateMs": draw.choice((0, 50, 10**6, -1)), "heartbeatMs": draw.choice((0, 500, 10**6, -1))}
    if draw.random() < 0.3:
        request |= {
            "initialClk": draw.choice(("", "x", CLOCK.decode())),
            "clk": draw.choice(("0", "3", "99999", "-1", "x")),
        }
    if draw.random() < 0.3:
        request["segmentationEnabled"] = draw.choice((True, False, None))
    if draw.random() < 0.2:
        request["orderFilter"] = {
            "customerStrategyRefs": draw.choice((None, [], ["a"])),
            "includeOverallPosition": False,
        }
    return request


def encode(request: dict[str, Any], draw: Random) -> bytes:
    """A request as a line without its end."""
    text = json.dumps(request, ensure_ascii=draw.random() < 0.7, separators=draw.choice(((",", ":"), (", ", ": "))))
    return text.encode("utf-8", "surrogatepass")


def damage(data: bytes, draw: Random) -> bytes:
    """Bytes that are changed, cut, repeated or inserted."""
    content = bytearray(data)
    for _ in range(draw.choice((1, 1, 3, 20))):
        place = draw.randrange(len(content) + 1)
        kind = draw.randrange(4)
        if kind == 0 and place < len(content):
            content[place] = draw.randrange(256)
        elif kind == 1:
            del content[place : place + draw.randrange(1, 30)]
        elif kind == 2:
            content[place:place] = content[place : place + draw.randrange(1, 60)]
        else:
            content[place:place] = draw.choice(
                (b"\x00", b"\r", b"\n", b'"', b"{", b"}", b"\xff", b"\\u", b"9" * 400, b",")
            )
    return bytes(content)


@cache
def _server(round_trip: float) -> tuple[Server, bytes, bytes]:
    """A running exchange with this round-trip time, a session, and a token of its stream; it ends with the process."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, market_id in enumerate(MARKETS):
            path = Path(folder, market_id)
            write_market(Recipe(seed=4800 + number, runners=3, updates=60, bsp=True), path)
            files.append((market_id, path))
        timeline = build_timeline(files)
    limits = Limits(timeout=PATIENCE_SECONDS, max_connections=MAX_CONNECTIONS)
    server = Server(timeline, ExchangeConfig(limits=limits, round_trip=round_trip, speed=2.0, api=ApiConfig()))
    session = server._sessions.log_in("fuzzer", "secret")
    assert isinstance(session, str)
    client = _Client(server)
    clock = str(client.subscribe(session.encode())["initialClk"])
    client.close()
    return server, session.encode(), clock.encode()


class _Client:
    """A connection with a deadline."""

    def __init__(self, server: Server, *, plain: bool = False) -> None:
        self._deadline = time.monotonic() + MAX_SECONDS
        self.socket = socket.create_connection((LOOPBACK, server.port), MAX_SECONDS)
        if not plain:
            self.socket = _TLS.wrap_socket(self.socket)
        self._lines = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            return  # it was ended in the middle of the data

    def hear(self) -> dict[str, Any]:
        """The next message, checked; empty at the end of the connection. Raises AssertionError after the deadline."""
        left = self._deadline - time.monotonic()
        assert left > 0, f"no answer within {MAX_SECONDS} s"
        self.socket.settimeout(left)
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise AssertionError(f"no answer within {MAX_SECONDS} s") from None
        except (ConnectionError, ssl.SSLError):
            return {}
        if not line.endswith(b"\r\n"):
            return {}
        message: dict[str, Any] = json.loads(line)
        stream_schema.check(message)
        return message

    def subscribe(self, session: bytes) -> dict[str, Any]:
        """The image that a sound client gets."""
        self.send(
            b'{"op":"authentication","id":1,"appKey":"key","session":"%b"}\r\n' % session
            + b'{"op":"marketSubscription","id":2}\r\n'
        )
        answers = [self.hear() for _ in range(4)]
        assert [answer.get("op") for answer in answers] == ["connection", "status", "status", "mcm"], answers
        assert answers[3]["ct"] == "SUB_IMAGE"
        return answers[3]

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


def check(data: bytes) -> str:
    """Send these bytes to an exchange without and with latency; return whether it answered or closed each connection.

    Raises AssertionError for any answer that is wrong.
    """
    outcomes = []
    is_followed = next(_CHECKED) % NEXT_CLIENT_INTERVAL == 0
    for round_trip in ROUND_TRIPS:
        server, session, clock = _server(round_trip)
        content = data.replace(SESSION, session).replace(CLOCK, clock)
        failures: list[Any] = []
        before, threading.excepthook = threading.excepthook, failures.append
        try:
            outcomes.append((_check_plain if data.startswith(PLAIN) else _check_conversation)(server, content))
            if is_followed:
                _check_next_client(server, session)
        finally:
            threading.excepthook = before
        assert not failures, failures
    return "/".join(outcomes)


def _check_plain(server: Server, data: bytes) -> str:
    client = _Client(server, plain=True)
    client.send(data[len(PLAIN) :])
    assert client.socket.recv(1 << 16)[:1] in (b"", b"\x15", b"\x16"), "an alert or a handshake of TLS, or the end"
    client.close()
    return "no TLS"


def _check_conversation(server: Server, data: bytes) -> str:
    client = _Client(server)
    client.send(data + LAST)
    outcome = "closed"
    while message := client.hear():
        if message.get("connectionClosed"):
            assert client.hear() == {}, "the connection that was closed goes on"
            break
        if message["op"] == "status" and message.get("id") == LAST_ID:
            outcome = "answered"
            break
    client.close()
    return outcome


def _check_next_client(server: Server, session: bytes) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        client = _Client(server)
        try:
            client.subscribe(session)
            break
        except AssertionError:  # the connections of the clients before are still being closed
            if time.monotonic() > deadline:
                raise
        finally:
            client.close()
    assert threading.active_count() < 4 * MAX_CONNECTIONS + 20
