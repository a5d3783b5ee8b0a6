"""The stream of an exchange in this process: times, sessions, keys, segments, status and limits."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.exchange_client import Client, closed

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange import server as server_module
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.app_keys import DELAYED_CONFLATE_MS, AppKeys
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.matching.instructions import LimitOrder, PlaceInstruction
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server
from perfbench.exchange.stream import market_subscription

MARKET = "1.900004500"
TIMEOUT_SECONDS = 20.0
STOPPED = ExchangeConfig(wait_for_subscribers=100)
"""An exchange whose market time does not start."""


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    path = tmp_path_factory.mktemp("stream") / MARKET
    write_market(Recipe(seed=45, runners=6, updates=80, in_play=True), path)
    return build_timeline([(path.name, path)], since=-600.0)


@contextmanager
def serving(timeline: Timeline, config: ExchangeConfig) -> Iterator[Server]:
    server = Server(timeline, config)
    try:
        yield server
    finally:
        server.close()


def authenticated(server: Server, session: str = "token", key: str = "key") -> Client:
    client = Client(server.port)
    answer = client.asked({"op": "authentication", "id": 1, "appKey": key, "session": session})
    assert answer["statusCode"] == "SUCCESS", answer
    return client


def start_time(message: dict[str, Any]) -> float:
    """The start of the market in the definition of a message, in seconds since 1970."""
    text = message["mc"][0]["marketDefinition"]["marketTime"]
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# Times ---------------------------------------------------------------------------------------------------------------------


def test_start_is_as_far_ahead_as_in_the_market_and_does_not_move(timeline: Timeline) -> None:
    with serving(timeline, ExchangeConfig(speed=20.0)) as server, authenticated(server) as client:
        image = client.subscribe()
        ahead = start_time(image) - time.time()
        starts = {start_time(image)}
        while not closed(message := client.changes()):
            starts |= {start_time(message)} if "marketDefinition" in message["mc"][0] else set()
        starts.add(start_time(message))
    in_market = (
        start_time({"mc": [{"marketDefinition": timeline.definitions[MARKET]}]}) - timeline.opening_times[MARKET]
    )
    assert in_market > 20.0
    assert ahead == pytest.approx(in_market / 20.0, abs=1.0)
    assert len(starts) == 1


def test_early_subscriber_is_sent_the_final_times_before_the_first_update(timeline: Timeline) -> None:
    config = ExchangeConfig(wait_for_subscribers=2, speed=60.0)
    with serving(timeline, config) as server, authenticated(server) as early, authenticated(server) as late:
        first = early.subscribe()
        time.sleep(1.1)
        second = late.subscribe()
        update = early.changes()
        assert start_time(update) == start_time(second)
        assert start_time(first) + 1.0 < start_time(second)
        assert (update["clk"], "img" in update["mc"][0]) == (first["clk"], False)
        assert "marketDefinition" not in late.changes()["mc"][0], "who has the final times gets them once"


def test_client_that_resumes_from_before_the_start_is_sent_the_final_times(timeline: Timeline) -> None:
    config = ExchangeConfig(wait_for_subscribers=2, speed=60.0)
    with serving(timeline, config) as server:
        with authenticated(server) as early:
            first = early.subscribe()
        with authenticated(server) as late, authenticated(server) as again:
            second = late.subscribe()
            clocks = {"initialClk": first["initialClk"], "clk": first["clk"]}
            opening = again.subscribe(3, **clocks)
            assert opening["ct"] == "RESUB_DELTA"
            assert start_time(again.changes()) == start_time(second)


def test_kept_times_are_those_of_the_file(timeline: Timeline) -> None:
    with serving(timeline, replace(STOPPED, keep_times=True)) as server, authenticated(server) as client:
        definition = client.subscribe()["mc"][0]["marketDefinition"]
    assert definition["marketTime"] == timeline.definitions[MARKET]["marketTime"]


# Sessions and application keys ---------------------------------------------------------------------------------------------


def test_stream_ends_with_its_session(timeline: Timeline) -> None:
    config = replace(STOPPED, api=ApiConfig(), users={"me": "secret"})
    with serving(timeline, config) as server:
        session = server._sessions.log_in("me", "secret")
        assert isinstance(session, str)
        with authenticated(server, session) as client:
            client.subscribe(heartbeatMs=5_000)
            server._sessions.log_out(session)
            ended = client.hear()
            assert (ended["errorCode"], ended["connectionClosed"]) == ("INVALID_SESSION_INFORMATION", True)
            assert client.hear() == {}


def test_session_that_no_login_issued_is_rejected_if_there_is_an_api(timeline: Timeline) -> None:
    with serving(timeline, replace(STOPPED, api=ApiConfig())) as server, Client(server.port) as client:
        answer = client.asked({"op": "authentication", "id": 1, "appKey": "key", "session": "token"})
    assert answer["errorCode"] == "INVALID_SESSION_INFORMATION"


def test_app_keys_are_checked_and_a_delayed_one_gets_conflated_data(timeline: Timeline) -> None:
    config = replace(STOPPED, app_keys=AppKeys(frozenset({"live"}), frozenset({"slow"})))
    with serving(timeline, config) as server:
        with Client(server.port) as client:
            answer = client.asked({"op": "authentication", "id": 1, "appKey": "other", "session": "token"})
            assert answer["errorCode"] == "INVALID_APP_KEY"
        for key, expected in (("live", 50), ("slow", DELAYED_CONFLATE_MS)):
            with authenticated(server, key=key) as client:
                assert client.subscribe(conflateMs=50)["conflateMs"] == expected


def test_available_connections_are_reported_to_authentications_only(timeline: Timeline) -> None:
    with serving(timeline, STOPPED) as server, Client(server.port) as client:
        answer = client.asked({"op": "authentication", "id": 1, "appKey": "key", "session": "token"})
        assert answer["connectionsAvailable"] == 9
        assert "connectionsAvailable" not in client.asked({"op": "heartbeat", "id": 2})
        assert "connectionsAvailable" not in client.asked({"op": "marketSubscription", "id": 3})


def test_order_stream_without_an_api_is_refused_by_name(timeline: Timeline) -> None:
    with serving(timeline, STOPPED) as server, authenticated(server) as client:
        answer = client.asked({"op": "orderSubscription", "id": 2})
    assert answer["errorCode"] == "NOT_AUTHORIZED"
    assert "without its API" in answer["errorMessage"]


# Messages ------------------------------------------------------------------------------------------------------------------


def test_only_the_last_segment_has_clocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(market_subscription, "MAX_SEGMENT_BYTES", 1)
    files = []
    for number in range(3):
        path = tmp_path / f"1.90000460{number}"
        write_market(Recipe(seed=4600 + number, runners=3, updates=60), path)
        files.append((path.name, path))
    timeline = build_timeline(files)
    with serving(timeline, STOPPED) as server, authenticated(server) as client:
        client.say({"op": "marketSubscription", "id": 2, "segmentationEnabled": True})
        assert client.hear()["statusCode"] == "SUCCESS"
        segments = [client.hear() for _ in range(3)]
        clocks = [{"initialClk", "clk"} & set(segment) for segment in segments]
        assert [segment["segmentType"] for segment in segments] == ["SEG_START", "SEG", "SEG_END"]
        assert clocks == [set(), set(), {"initialClk", "clk"}]
        assert len({segment["mc"][0]["id"] for segment in segments}) == 3


def test_stale_data_are_marked_in_every_message_of_both_streams(timeline: Timeline) -> None:
    config = ExchangeConfig(speed=60.0, stale_window=(0.0, 1e9), api=ApiConfig())
    with serving(timeline, config) as server:
        session = server._sessions.log_in("me", "secret")
        assert isinstance(session, str)
        with authenticated(server, session) as markets, authenticated(server, session) as orders:
            markets.subscribe()
            update = markets.changes()
            orders.say({"op": "orderSubscription", "id": 2, "heartbeatMs": 500})
            assert orders.hear()["statusCode"] == "SUCCESS"
            image, beat = orders.hear(), orders.hear()
            runner = timeline.definitions[MARKET]["runners"][0]["id"]
            order = PlaceInstruction(
                order_type="LIMIT",
                selection_id=runner,
                side="BACK",
                limit_order=LimitOrder(price=1000.0, size=2.0, persistence_type="LAPSE"),
            )
            assert server._order_manager is not None
            server._order_manager.place_orders("me", MARKET, [order])
            change = orders.changes()
    assert [message["status"] for message in (update, image, beat, change)] == [503] * 4
    assert beat["ct"] == "HEARTBEAT"
    assert change["oc"][0]["orc"][0]["uo"][0]["rc"] == "REG_GGC"
    assert "accountId" not in change["oc"][0]


# Limits --------------------------------------------------------------------------------------------------------------------


def test_connections_far_above_the_limit_are_closed_at_once(
    monkeypatch: pytest.MonkeyPatch, timeline: Timeline
) -> None:
    monkeypatch.setattr(server_module, "MAX_REFUSED_CONNECTIONS", 1)
    with (
        serving(timeline, replace(STOPPED, limits=Limits(max_connections=1))) as server,
        contextlib.ExitStack() as stack,
    ):
        stack.enter_context(authenticated(server)).subscribe()
        refused = stack.enter_context(Client(server.port))
        surplus = stack.enter_context(socket.create_connection((LOOPBACK, server.port), TIMEOUT_SECONDS))
        with contextlib.suppress(ConnectionError):
            assert surplus.recv(1) == b"", "no handshake, no thread"
        answer = refused.asked({"op": "authentication", "id": 1, "appKey": "key", "session": "token"})
        assert answer["errorCode"] == "MAX_CONNECTION_LIMIT_EXCEEDED"


def test_exchange_listens_on_ipv6(timeline: Timeline) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for trip in (0.0, 0.002):
        with serving(timeline, replace(STOPPED, host="::1", api=ApiConfig(), round_trip=trip)) as server:
            for port in (server.port, server.api_port, server.cert_port):
                plain = socket.create_connection(("::1", port), TIMEOUT_SECONDS)
                with context.wrap_socket(plain) as wrapped:
                    assert wrapped.version()
            with context.wrap_socket(socket.create_connection(("::1", server.port), TIMEOUT_SECONDS)) as wrapped:
                assert json.loads(wrapped.recv(4096))["op"] == "connection"


def test_key_of_the_client_certificate_can_be_read_by_its_owner_only(timeline: Timeline, tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("of an earlier exchange")
    (tmp_path / "client.pem").chmod(0o644)
    with serving(timeline, STOPPED) as server:
        server.certificates.write_files(tmp_path)
    assert (tmp_path / "client.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in (tmp_path / "client.pem").read_text()
    assert "PRIVATE KEY" not in (tmp_path / "exchange.pem").read_text()
