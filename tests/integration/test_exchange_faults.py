"""The exchange under clients that are cut, that send rubbish, that are many: who comes back misses nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.exchange_client import TIMEOUT_SECONDS, Client, Served, closed, merged, serving, subscribed

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange.stream.market_data_filter import FIELD_KEYS

CUTS = int(os.environ.get("EXCHANGE_CUTS", "60"))
"""How often a client is cut; a long run has 200."""

UPDATES = 75 * CUTS
"""Of the market, more than pass until the last cut even on a machine that is busy with something else."""

REQUESTS = int(os.environ.get("EXCHANGE_REQUESTS", "600"))
"""How many requests of rubbish; a long run has 10,000."""

CLIENTS = 20
GROWTH = 24_000_000
"""Bytes by which the process may grow: threads, buffers of TLS, and what malloc keeps of them."""

FILTERS_UNTIL_STEADY = 500
FILTER_GROWTH = 12_000_000
"""Bytes by which thousands of filters may grow it, of which each has a feed of tens of kilobytes while it is in use."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "1.100000061"
    write_market(Recipe(seed=61, runners=6, updates=UPDATES, bsp=True, in_play=True, removal=True), path)
    return path


def uncut(market: Path, folder: Path, until: int | None = None) -> dict[str, Any]:
    """The market after so many updates, or at its end, as a client has it that was never cut."""
    with serving("--data", market, "--speed", "max", "--keep-times", folder=folder) as served:
        client, message = subscribed(served.port)
        held = [message]
        with client:
            while not closed(held[-1]):
                held.append(client.changes())
    return merged([message for message in held if until is None or int(message["clk"]) <= until])


def test_client_that_is_repeatedly_reset_misses_nothing(market: Path, tmp_path: Path) -> None:
    """At a frame, within a frame, in the middle of the handshake, and before it."""
    moments = random.Random(7)
    held: list[dict[str, Any]] = []
    images = 0
    with serving("--data", market, "--speed", 30, "--keep-times", folder=tmp_path) as served:
        for _ in range(CUTS + 1):
            if moments.random() < 0.3:
                _abandon(served.port, moments)
            clocks = {"initialClk": held[0]["initialClk"], "clk": held[-1]["clk"]} if held else {}
            client, opening = subscribed(served.port, **clocks)
            images += opening["ct"] == "SUB_IMAGE"
            held.append(opening)
            with client:
                held += [client.changes() for _ in range(moments.randrange(1, 8))]
                if moments.random() < 0.5:
                    client.socket.recv(moments.randrange(1, 200))  # a part of a frame
    assert images == 1
    assert len(served.statement["connections"]) > CUTS
    assert not closed(held[-1]), "the market lasts until the last cut"
    assert merged(held) == uncut(market, tmp_path, until=int(held[-1]["clk"]))


def _abandon(port: int, moments: random.Random) -> None:
    """Connect, begin the handshake or not, and go."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as plain:
        plain.sendall(bytes.fromhex("16030100c8010000c40303")[: moments.randrange(0, 11)])


def test_clients_start_over_after_the_exchange_was_killed(market: Path, tmp_path: Path) -> None:
    held: list[dict[str, Any]] = []
    token = ""
    for life in range(3):
        last = life == 2
        options = ("--data", market, "--speed", "max" if last else 1200, "--keep-times")
        with serving(*options, folder=tmp_path) as served, ExitStack() as clients:
            client = clients.enter_context(Client(served.port))
            client.authenticate()
            if held:
                said = {"op": "marketSubscription", "id": 2, "initialClk": token, "clk": held[-1]["clk"]}
                assert client.asked(said)["errorCode"] == "INVALID_CLOCK"
                client = clients.enter_context(Client(served.port))
                client.authenticate()
            held.append(client.subscribe(3))
            token = held[-1]["initialClk"]
            heard = 0
            while not closed(held[-1]) and (last or heard < 20):
                held.append(client.changes())
                heard += 1
            if not last:
                served.process.send_signal(signal.SIGKILL)
                while client.hear():
                    pass
                served.process.wait(TIMEOUT_SECONDS)
    assert merged(held) == uncut(market, tmp_path)


def rubbish(chance: random.Random) -> bytes:
    """A line that is no request, or a wrong one."""
    good = {"op": "marketSubscription", "id": 3, "marketFilter": {"marketIds": ["1.1"]}, "conflateMs": 0}
    text = json.dumps(good).encode()
    wrong = chance.choice(["", "mcm", "status", "orders\x00", "é" * 99])
    value = chance.choice([[], {}, "x", -1, 1e300, True])
    depth = chance.randrange(1, 200_000)
    kinds = (
        chance.randbytes(chance.randrange(1, 300)).replace(b"\n", b""),
        b"[" * depth,
        b'{"op":"heartbeat","x":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}",
        text[: chance.randrange(1, len(text))],
        json.dumps({**good, chance.choice(list(good)): value}).encode(),
        json.dumps({**good, "op": wrong}).encode(),
        json.dumps({"op": "orderSubscription", "id": 3, "orderFilter": value, "clk": value}).encode(),
        b"x" * ((1 << 20) + 2),
        b"\x00" * chance.randrange(1, 99),
        text.replace(b"1.1", bytes([chance.randrange(0x80, 0x100)])),
    )
    return chance.choice(kinds) + b"\r\n"


@pytest.mark.stress
def test_garbage_on_the_stream_is_rejected_and_neither_stops_nor_grows_the_exchange(
    market: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    answers: set[str] = set()
    with serving("--data", market, "--speed", 60, "--patience", 5, folder=tmp_path) as served:
        witness, _ = subscribed(served.port, heartbeatMs=500)
        process = psutil.Process(served.process.pid)
        for _ in range(50):
            answers |= _said(served, chance)
        before = process.memory_info().rss
        for _ in range(REQUESTS):
            answers |= _said(served, chance)
        grown = process.memory_info().rss - before
        with witness:
            for _ in range(3):
                assert witness.hear()["op"] == "mcm"
    assert {"INVALID_INPUT"} <= answers <= {"INVALID_INPUT", "NOT_AUTHORIZED", "SUCCESS", ""}
    assert grown < GROWTH
    reasons = {one["ended"] for one in served.statement["connections"]}
    assert "request larger than 1,048,576 bytes" in reasons


def _said(served: Served, chance: random.Random) -> set[str]:
    """The codes of the answers to some rubbish, on one connection; empty where it just ended."""
    with Client(served.port) as client:
        if chance.random() < 0.7:
            client.authenticate()
        try:
            client.say(rubbish(chance))
            answer = client.hear()
        except (ConnectionError, OSError):
            return {""}
        return {answer.get("errorCode", answer.get("statusCode", "")) if answer else ""}


def rubbish_call(chance: random.Random) -> bytes:
    """The body of a call that is none, or a wrong one."""
    operation = chance.choice(
        [
            "listMarketBook",
            "listMarketCatalogue",
            "placeOrders",
            "cancelOrders",
            "replaceOrders",
            "listCurrentOrders",
            "x\x00",
        ]
    )
    value: Any = chance.choice([None, [], {}, "x", -1, 1e300, True, [[]], "é" * 99, ["1.1"] * 500, [{"betId": None}]])
    good: dict[str, Any] = {
        "marketIds": ["1.1"], "marketId": "1.1", "filter": {}, "maxResults": 1, "customerRef": "x",
        "instructions": [{"orderType": "LIMIT", "selectionId": 1, "side": "BACK", "limitOrder": {"size": 2, "price": 2}}],
    }  # fmt: skip
    said = {"jsonrpc": "2.0", "method": f"SportsAPING/v1.0/{operation}", "params": good, "id": 1}
    text = json.dumps(said).encode()
    depth = chance.randrange(1, 200_000)
    kinds = (
        chance.randbytes(chance.randrange(0, 300)),
        b"[" * depth,
        b'{"params":' * depth + b"1" + b"}" * depth,
        text[: chance.randrange(1, len(text))],
        json.dumps({**said, "params": {**good, chance.choice(list(good)): value}}).encode(),
        json.dumps({**said, chance.choice(list(said)): value}).encode(),
        json.dumps([said] * chance.choice([0, 2, 101])).encode(),
        b"x" * ((1 << 20) + 2),
        text.replace(b"1.1", bytes([chance.randrange(0x80, 0x100)])),
    )
    return chance.choice(kinds)


HEADS = (
    b"POST /exchange/betting/json-rpc/v1 HTTP/1.1\r\nHost: x\r\nX-Application: k\r\nX-Authentication: s\r\n",
    b"POST /exchange/betting/rest/v1.0/listMarketBook/ HTTP/1.1\r\nHost: x\r\nX-Application: k\r\nX-Authentication: s\r\n",
    b"POST /exchange/account/json-rpc/v1 HTTP/1.1\r\nHost: x\r\n",
    b"POST /api/login HTTP/1.1\r\nHost: x\r\n",
    b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n",
    b"\x00\xff NONSENSE\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n",
)


def test_garbage_for_the_api_is_answered_and_neither_stops_nor_grows_the_exchange(market: Path, tmp_path: Path) -> None:
    chance = random.Random(12)
    answers: Counter[str] = Counter()
    with serving("--data", market, "--speed", 60, "--patience", 2, folder=tmp_path) as served:
        witness, _ = subscribed(served.port, heartbeatMs=500)
        process = psutil.Process(served.process.pid)
        for _ in range(100):
            answers[_called(served, chance)] += 1
        before = process.memory_info().rss
        for _ in range(REQUESTS):
            answers[_called(served, chance)] += 1
        grown = process.memory_info().rss - before
        with witness:
            for _ in range(3):
                assert witness.hear()["op"] == "mcm"
    assert {"200", "400", "404", "413"} <= set(answers) <= {"200", "400", "404", "405", "413", ""}
    assert grown < GROWTH


def _called(served: Served, chance: random.Random) -> str:
    """The status of the answer to some rubbish, on a connection of its own; empty where it just ended."""
    body = rubbish_call(chance)
    length = len(body) + chance.choice([0, 0, 0, 0, 0, 7])
    said = chance.choice(HEADS) + b"Content-Length: %d\r\n\r\n" % length + body
    context = ssl.create_default_context(cafile=served.opened["authority"])
    with (
        socket.create_connection(("127.0.0.1", served.opened["api_port"]), TIMEOUT_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as wire,
    ):
        try:
            wire.sendall(said)
            if length > len(body):
                wire.unwrap().shutdown(socket.SHUT_WR)
                return ""
            answer = wire.recv(1 << 16)
        except (OSError, ValueError):
            return ""
    return answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/1.1 ") else ""


@pytest.mark.slow
def test_every_filter_that_a_client_can_choose_does_not_grow_the_exchange(tmp_path: Path) -> None:
    small = tmp_path / "1.900006300"
    write_market(Recipe(seed=63, runners=4, updates=60), small)
    filters = [
        {"fields": names, "ladderLevels": levels}
        for count in range(len(FIELD_KEYS) + 1)
        for names in combinations(FIELD_KEYS, count)
        for levels in range(1, 11)
    ]
    assert len(filters) == 5_120
    random.Random(13).shuffle(filters)
    with serving("--data", small, "--wait-for", 9, "--no-api", "--patience", 60, folder=tmp_path) as served:
        process = psutil.Process(served.process.pid)
        client = Client(served.port)
        with client:
            assert client.authenticate()["statusCode"] == "SUCCESS"
            used = []
            for number, data_filter in enumerate(filters, 2):
                assert client.subscribe(number, marketDataFilter=data_filter)["ct"] == "SUB_IMAGE"
                used.append(process.memory_info().rss)
    assert used[-1] - used[FILTERS_UNTIL_STEADY] < FILTER_GROWTH, [size >> 10 for size in used[::256]]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many small markets."""
    path = tmp_path_factory.mktemp("crowd") / "crowd"
    write_market(Recipe(seed=62, runners=4, updates=2_000, markets=40, changed_runners=1.0), path)
    return path


def test_many_clients_of_many_markets_get_all_updates(crowd: Path, tmp_path: Path) -> None:
    options = ("--data", crowd, "--from", "start", "--speed", "max", "--wait-for", CLIENTS, "--connections", CLIENTS)
    ends: list[dict[str, Any]] = []
    with serving(*options, folder=tmp_path) as served:
        threads = [threading.Thread(target=_read_all, args=(served, ends)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * TIMEOUT_SECONDS)
    assert len(ends) == CLIENTS
    assert all(end == ends[0] for end in ends)
    assert len(ends[0]) == len(served.opened["markets"]) == 40
    assert {one["frames"] for one in served.statement["connections"]} == {served.opened["updates"]}


def _read_all(served: Served, ends: list[dict[str, Any]]) -> None:
    """Add what a client knows of every market when all are closed."""
    client, message = subscribed(served.port)
    by_market: dict[str, list[dict[str, Any]]] = {}
    shut: set[str] = set()
    with client:
        while True:
            for change in message.get("mc", ()):
                by_market.setdefault(change["id"], []).append({"mc": [change]})
                if closed({"mc": [change]}):
                    shut.add(change["id"])
            if len(shut) == len(served.opened["markets"]):
                break
            message = client.changes()
    ends.append({market: merged(held) for market, held in by_market.items()})


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
