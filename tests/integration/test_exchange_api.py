"""The API of the exchange: unchanged clients log in, look at markets and trade, and every wrong call gets its code."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from betfairlightweight import APIClient, exceptions, filters
from support.command_line import one_line, perfbench
from support.exchange_client import TIMEOUT_SECONDS, Client, Served, log_in, serving, trader

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

MARKET = "1.900004200"
OTHERS = [f"1.90000430{number}" for number in range(3)]
SUBSCRIPTION = {"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_LTP"]}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / MARKET
    write_market(Recipe(seed=42, runners=4, updates=300, bsp=True, in_play=True), path)
    return path


@pytest.fixture(scope="module")
def still(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exchange whose time stands still, a minute before the off."""
    options = ("--data", market, "--from", "-60s", "--wait-for", 1000, "--patience", 3)
    with serving(*options, folder=tmp_path_factory.mktemp("still")) as served:
        yield served


@pytest.fixture
def client(still: Served) -> Iterator[APIClient]:
    with trader(still, user=f"user {time.monotonic_ns()}", lightweight=True) as found:
        found.login_interactive()
        yield found


def limit(runner: int, side: str, price: float, size: float, **said: Any) -> dict[str, Any]:
    order = filters.limit_order(price=price, size=size, persistence_type="LAPSE")
    found: dict[str, Any] = filters.place_instruction("LIMIT", runner, side, limit_order=order, **said)
    return found


def runner_of(client: APIClient) -> dict[str, Any]:
    """A runner with its offers."""
    projection = filters.price_projection(price_data=["EX_ALL_OFFERS"])
    (book,) = client.betting.list_market_book([MARKET], projection)
    found: dict[str, Any] = book["runners"][0]
    return found


# Who may call -----------------------------------------------------------------------------------------------------------------


def test_bot_logs_in_by_password_or_certificate_renews_its_session_and_logs_out(still: Served) -> None:
    with trader(still, cert_files=still.opened["client"]) as client:
        assert client.login_interactive(lightweight=True)["status"] == "SUCCESS"
        assert client.login().login_status == "SUCCESS"
        assert client.keep_alive().status == "SUCCESS"
        assert client.logout().status == "SUCCESS"


def test_certificate_login_requires_a_certificate(still: Served) -> None:
    body = {"username": "me", "password": "secret"}
    url = f"https://127.0.0.1:{still.opened['cert_port']}/api/certlogin"
    answer = requests.post(
        url, body, headers={"X-Application": "key"}, verify=still.opened["authority"], timeout=TIMEOUT_SECONDS
    )
    assert answer.json() == {"loginStatus": "CERT_AUTH_REQUIRED"}


def test_named_users_alone_can_log_in_and_sessions_must_come_from_a_login(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--wait-for", 1000, "--user", "me:secret", "--user", "you:other")
    with serving(*options, folder=tmp_path) as served:
        for user, password in (("me", "wrong"), ("nobody", "secret")):
            with trader(served, user, password) as client, pytest.raises(exceptions.LoginError):
                client.login_interactive()
        with trader(served) as client:
            client.set_session_token("any")
            with pytest.raises(exceptions.APIError, match="INVALID_SESSION_INFORMATION"):
                client.account.get_account_funds()
            with pytest.raises(exceptions.KeepAliveError):
                client.keep_alive()
            client.login_interactive()
            assert client.keep_alive().status == "SUCCESS"
            assert client.account.get_account_funds().available_to_bet_balance == 1000.0
            with Client(served.port) as stream:
                refused = stream.asked({"op": "authentication", "id": 1, "appKey": "key", "session": "any"})
                assert refused["errorCode"] == "INVALID_SESSION_INFORMATION"
            with Client(served.port) as stream:
                said = {"op": "authentication", "id": 1, "appKey": "key", "session": client.session_token}
                assert stream.asked(said)["statusCode"] == "SUCCESS"


# Markets ----------------------------------------------------------------------------------------------------------------------


def test_catalogue_lists_the_values_of_the_file(client: APIClient, market: Path) -> None:
    definition = json.loads(market.read_text().splitlines()[0])["mc"][0]["marketDefinition"]
    everything = [
        "EVENT",
        "EVENT_TYPE",
        "RUNNER_DESCRIPTION",
        "RUNNER_METADATA",
        "MARKET_START_TIME",
        "MARKET_DESCRIPTION",
    ]
    (found,) = client.betting.list_market_catalogue(
        filters.market_filter(market_ids=[MARKET]), everything, max_results=1, lightweight=False
    )
    assert (found.market_id, found.event.id) == (MARKET, definition["eventId"])
    assert found.description.market_time == found.market_start_time
    assert [r.selection_id for r in found.runners] == [r["id"] for r in definition["runners"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, True),
        ({"bsp_only": True, "turn_in_play_enabled": True}, True),
        ({"in_play_only": True}, False),
        ({"market_ids": ["1.1"]}, False),
        ({"event_type_ids": ["7777"]}, False),
        ({"market_start_time": {"from": "2000-01-01T00:00:00Z"}}, True),
        ({"market_start_time": {"to": "2000-01-01T00:00:00Z"}}, False),
    ],
    ids=str,
)
def test_catalogue_applies_its_filter(client: APIClient, wanted: dict[str, Any], found: bool) -> None:
    assert len(client.betting.list_market_catalogue(filters.market_filter(**wanted), max_results=10)) == found


def test_market_book_equals_that_of_the_stream_at_the_same_moment(still: Served, client: APIClient) -> None:
    projection = filters.price_projection(price_data=["EX_ALL_OFFERS", "EX_TRADED"])
    (book,) = client.betting.list_market_book([MARKET], projection)
    with Client(still.port) as stream:
        stream.authenticate()
        (image,) = stream.subscribe(marketFilter={"marketIds": [MARKET]}, marketDataFilter=SUBSCRIPTION)["mc"]
    told = {runner["id"]: runner for runner in image["rc"]}
    assert book["status"] == "OPEN"
    for runner in book["runners"]:
        of_stream, ex = told[runner["selectionId"]], runner["ex"]
        for listed, key, highest in (
            ("availableToBack", "atb", True),
            ("availableToLay", "atl", False),
            ("tradedVolume", "trd", False),
        ):
            prices = [[offer["price"], offer["size"]] for offer in ex[listed]]
            assert prices == sorted(of_stream[key], reverse=highest)
        assert runner["lastPriceTraded"] == of_stream["ltp"]


def test_best_offers_have_the_requested_depth_and_three_levels_by_default(client: APIClient) -> None:
    for depth, amount in ((None, 3), (1, 1), (7, 7)):
        overrides = filters.ex_best_offers_overrides(best_prices_depth=depth) if depth else {}
        projection = filters.price_projection(price_data=["EX_BEST_OFFERS"], ex_best_offers_overrides=overrides)
        (book,) = client.betting.list_market_book([MARKET], projection)
        assert max(len(runner["ex"]["availableToBack"]) for runner in book["runners"]) == amount
        assert all(runner["ex"]["tradedVolume"] == [] for runner in book["runners"])


@pytest.mark.parametrize(
    ("prices", "most"),
    [
        ([], 100),
        (["SP_AVAILABLE"], 66),
        (["SP_TRADED"], 28),
        (["EX_BEST_OFFERS"], 40),
        (["EX_ALL_OFFERS"], 11),
        (["EX_TRADED"], 11),
        (["EX_BEST_OFFERS", "EX_TRADED"], 10),
        (["EX_ALL_OFFERS", "EX_TRADED"], 6),
        (["EX_BEST_OFFERS", "EX_ALL_OFFERS"], 11),
    ],
    ids=str,
)
def test_request_weight_is_at_most_200(client: APIClient, prices: list[str], most: int) -> None:
    markets = [MARKET, *(f"1.{number}" for number in range(most))]
    projection = filters.price_projection(price_data=prices)
    assert len(client.betting.list_market_book(markets[:most], projection)) == 1
    with pytest.raises(exceptions.APIError, match="TOO_MUCH_DATA"):
        client.betting.list_market_book(markets, projection)


def test_depth_and_catalogue_projection_count_towards_the_request_weight(client: APIClient) -> None:
    overrides = filters.ex_best_offers_overrides(best_prices_depth=6)
    projection = filters.price_projection(price_data=["EX_BEST_OFFERS"], ex_best_offers_overrides=overrides)
    with pytest.raises(exceptions.APIError, match="TOO_MUCH_DATA"):
        client.betting.list_market_book([f"1.{number}" for number in range(21)], projection)
    with pytest.raises(exceptions.APIError, match="TOO_MUCH_DATA"):
        client.betting.list_market_catalogue(
            filters.market_filter(), ["MARKET_DESCRIPTION", "RUNNER_METADATA"], max_results=101
        )


# Orders -----------------------------------------------------------------------------------------------------------------------


def test_order_is_placed_listed_reduced_replaced_and_cancelled(client: APIClient) -> None:
    runner = runner_of(client)
    price = runner["ex"]["availableToLay"][3]["price"]
    placed = client.betting.place_orders(
        MARKET, [limit(runner["selectionId"], "BACK", price, 10.0, customer_order_ref="first")], lightweight=False
    )
    assert (placed.status, placed.place_instruction_reports[0].order_status) == ("SUCCESS", "EXECUTABLE")
    bet = placed.place_instruction_reports[0].bet_id
    (order,) = client.betting.list_current_orders(customer_order_refs=["first"], lightweight=False).orders
    assert (order.bet_id, order.size_remaining, order.side, order.status) == (bet, 10.0, "BACK", "EXECUTABLE")
    cancelled = client.betting.cancel_orders(MARKET, [filters.cancel_instruction(bet, 4.0)], lightweight=False)
    assert cancelled.cancel_instruction_reports[0].size_cancelled == 4.0
    replaced = client.betting.replace_orders(MARKET, [filters.replace_instruction(bet, 1000.0)], lightweight=False)
    (report,) = replaced.replace_instruction_reports
    assert (report.status, report.cancel_instruction_reports.size_cancelled) == ("SUCCESS", 6.0)
    later = report.place_instruction_reports.bet_id
    assert later != bet
    updated = client.betting.update_orders(MARKET, [filters.update_instruction(later, "PERSIST")])
    assert updated["status"] == "SUCCESS"
    (order,) = client.betting.list_current_orders(order_projection="EXECUTABLE")["currentOrders"]
    assert (order["betId"], order["priceSize"], order["persistenceType"]) == (
        later,
        {"price": 1000.0, "size": 6.0},
        "PERSIST",
    )
    assert order["customerOrderRef"] == "first"
    assert client.betting.cancel_orders()["status"] == "SUCCESS"
    assert client.betting.list_current_orders(order_projection="EXECUTABLE")["currentOrders"] == []
    assert len(client.betting.list_current_orders(order_projection="EXECUTION_COMPLETE")["currentOrders"]) == 2


def test_order_at_the_best_price_is_matched_and_changes_the_funds(client: APIClient) -> None:
    runner = runner_of(client)
    best = runner["ex"]["availableToBack"][0]
    size = round(best["size"] + 5, 2)
    report = client.betting.place_orders(MARKET, [limit(runner["selectionId"], "BACK", best["price"], size)])
    (told,) = report["instructionReports"]
    assert (told["sizeMatched"], told["averagePriceMatched"], told["orderStatus"]) == (
        best["size"],
        best["price"],
        "EXECUTABLE",
    )
    funds = client.account.get_account_funds()
    assert (funds["exposure"], funds["availableToBetBalance"]) == (-size, 1000 - size)
    (book,) = client.betting.list_market_book([MARKET], order_projection="ALL")
    assert [order["sizeMatched"] for order in book["runners"][0]["orders"]] == [best["size"]]


def test_customer_reference_is_accepted_once(client: APIClient) -> None:
    runner = runner_of(client)["selectionId"]
    first = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)], customer_ref="a-b.c")
    again = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)], customer_ref="a-b.c")
    assert (first["status"], first["customerRef"]) == ("SUCCESS", "a-b.c")
    assert (again["status"], again["errorCode"]) == ("FAILURE", "DUPLICATE_TRANSACTION")
    assert len(client.betting.list_current_orders()["currentOrders"]) == 1


def test_failed_instructions_are_reported_individually(client: APIClient) -> None:
    runner = runner_of(client)["selectionId"]
    report = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0), limit(runner, "LAY", 1.015, 2.0)])
    assert (report["status"], report["errorCode"]) == ("FAILURE", "BET_ACTION_ERROR")
    assert [one["errorCode"] for one in report["instructionReports"]] == ["ERROR_IN_ORDER", "INVALID_ODDS"]
    good = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)])["instructionReports"][0]["betId"]
    wishes = [filters.cancel_instruction(bet) for bet in (good, "17")]
    report = client.betting.cancel_orders(MARKET, wishes)
    assert (report["status"], report["errorCode"]) == ("PROCESSED_WITH_ERRORS", "PROCESSED_WITH_ERRORS")
    assert [one.get("errorCode") for one in report["instructionReports"]] == [None, "INVALID_BET_ID"]
    report = client.betting.replace_orders(MARKET, [filters.replace_instruction("17", 2.0)])
    assert report["instructionReports"][0]["placeInstructionReport"]["errorCode"] == "RELATED_ACTION_FAILED"
    twice = [filters.cancel_instruction("17")] * 2
    assert client.betting.cancel_orders(MARKET, twice)["errorCode"] == "DUPLICATE_BETIDS"
    many = [limit(runner, "BACK", 900.0, 2.0)] * 201
    assert client.betting.place_orders(MARKET, many)["errorCode"] == "TOO_MANY_INSTRUCTIONS"


def test_order_lists_are_paged(client: APIClient) -> None:
    runner = runner_of(client)["selectionId"]
    client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)] * 5)
    first = client.betting.list_current_orders(record_count=2)
    rest = client.betting.list_current_orders(from_record=2)
    assert (len(first["currentOrders"]), first["moreAvailable"]) == (2, True)
    assert (len(rest["currentOrders"]), rest["moreAvailable"]) == (3, False)
    backwards = client.betting.list_current_orders(sort_dir="LATEST_TO_EARLIEST")["currentOrders"]
    assert backwards[::-1] == first["currentOrders"] + rest["currentOrders"]


def test_order_stream_follows_an_order_through_its_market(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--from", "-60s", "--speed", 120, "--wait-for", 2)
    with (
        serving(*options, folder=tmp_path) as served,
        trader(served, lightweight=True) as client,
        Client(served.port) as orders,
        Client(served.port) as books,
        Client(served.port) as others,
    ):
        client.login_interactive()
        orders.asked({"op": "authentication", "id": 1, "appKey": "key", "session": client.session_token})
        status = orders.asked({"op": "orderSubscription", "id": 2, "heartbeatMs": 500})
        assert status["statusCode"] == "SUCCESS"
        image = orders.hear()
        assert (image["op"], image["ct"], "oc" in image) == ("ocm", "SUB_IMAGE", False)
        assert orders.hear()["ct"] == "HEARTBEAT"
        runner = runner_of(client)
        best = runner["ex"]["availableToBack"][0]
        client.betting.place_orders(
            MARKET,
            [
                limit(runner["selectionId"], "BACK", best["price"], 2.0),
                limit(runner["selectionId"], "LAY", 1.01, 10.0),
            ],
            customer_strategy_ref="mine",
        )
        (change,) = orders.changes()["oc"]
        assert [(o["status"], o["sm"], o["rfs"]) for o in change["orc"][0]["uo"]] == [
            ("EC", 2.0, "mine"),
            ("E", 0.0, "mine"),
        ]
        assert change["orc"][0]["mb"] == [[best["price"], 2.0]]
        again, missed = resubscribed(served, client, image)
        assert (again["ct"], [o["id"] for o in missed]) == (
            "RESUB_DELTA",
            [o["id"] for o in change["orc"][0]["uo"]],
        )
        for stream in (books, others):
            stream.authenticate()
            stream.subscribe(marketFilter={}, marketDataFilter={"fields": ["EX_MARKET_DEF"]})
        (change,) = orders.changes()["oc"]
        assert [(o["status"], o["sl"]) for o in change["orc"][0]["uo"]] == [("EC", 10.0)], "it lapses at the off"
        (change,) = orders.changes()["oc"]
        assert change == {"id": MARKET, "closed": True, "orc": []}
        (settled,) = client.betting.list_cleared_orders(bet_status="SETTLED")["clearedOrders"]
        profit = settled["profit"]
        assert profit in (-2.0, pytest.approx(2.0 * (best["price"] - 1)))
        (whole,) = client.betting.list_cleared_orders(bet_status="SETTLED", group_by="MARKET")["clearedOrders"]
        assert whole["profit"] == profit
        assert [
            o["sizeCancelled"] for o in client.betting.list_cleared_orders(bet_status="LAPSED")["clearedOrders"]
        ] == [10.0]
        balance = client.account.get_account_funds()["availableToBetBalance"]
        assert balance == pytest.approx(1000 + profit - whole["commission"])
        assert client.betting.list_current_orders()["currentOrders"] == []


def resubscribed(
    served: Served, client: APIClient, image: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The answer to a subscription that goes on where an image ended, and the orders in it."""
    with Client(served.port) as stream:
        stream.asked({"op": "authentication", "id": 1, "appKey": "key", "session": client.session_token})
        said = {"op": "orderSubscription", "id": 2, "initialClk": image["initialClk"], "clk": image["clk"]}
        assert stream.asked(said)["statusCode"] == "SUCCESS"
        answer = stream.hear()
        return answer, answer["oc"][0]["orc"][0]["uo"]


def test_order_stream_sends_changes_immediately(still: Served, client: APIClient) -> None:
    with Client(still.port) as orders:
        orders.asked({"op": "authentication", "id": 1, "appKey": "key", "session": client.session_token})
        orders.asked({"op": "orderSubscription", "id": 2, "orderFilter": {"customerStrategyRefs": ["mine"]}})
        orders.hear()
        runner = runner_of(client)["selectionId"]
        for strategy in ("other", "mine"):
            client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)], customer_strategy_ref=strategy)
        (change,) = orders.changes()["oc"]
        assert [order["rfs"] for order in change["orc"][0]["uo"]] == ["mine"]


def test_bet_delay_applies_in_play_and_asynchronous_orders_are_answered_before_it(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--from", "1s", "--wait-for", 1000)
    with serving(*options, folder=tmp_path) as served, trader(served, lightweight=True) as client:
        client.login_interactive()
        (book,) = client.betting.list_market_book([MARKET])
        assert (book["inplay"], book["betDelay"] > 0) == (True, True)
        runner = book["runners"][0]["selectionId"]
        start = time.monotonic()
        pending = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)], async_=True)
        assert time.monotonic() - start < book["betDelay"], "the answer does not wait"
        assert pending["instructionReports"][0]["orderStatus"] == "PENDING"
        assert client.betting.list_current_orders()["currentOrders"] == []
        placed = client.betting.place_orders(MARKET, [limit(runner, "BACK", 900.0, 2.0)])
        assert time.monotonic() - start >= book["betDelay"]
        assert placed["instructionReports"][0]["orderStatus"] == "EXECUTABLE"
        assert len(client.betting.list_current_orders()["currentOrders"]) == 2


def test_bot_of_the_documentation_trades(market: Path, tmp_path: Path) -> None:
    """It subscribes, places, is matched, cancels, and sees its orders in the order stream."""
    page = Path(__file__).parents[2].joinpath("docs", "live", "exchange.md").read_text(encoding="utf-8")
    (bot,) = re.findall(r"^```python\n(# bot\.py\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert sum(bool(line) for line in bot.splitlines()[1:]) <= 30, "below its name"
    with serving("--data", market, "--from", "-60s", folder=tmp_path) as served:
        ports = [str(served.opened[name]) for name in ("port", "api_port")]
        done = subprocess.run(
            [sys.executable, "-c", bot, *ports, served.opened["authority"]],
            capture_output=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    placed, waiting, *_, last = done.stdout.splitlines()
    assert re.fullmatch(r"placed [\d.]+ matched 2.0", placed)
    assert waiting == "placed 1000.0 matched 0.0"
    assert re.fullmatch(r"order stream \[\([\d.]+, 2.0, 0.0\), \(1000.0, 0.0, 5.0\)\]", last)


# Wrong calls ------------------------------------------------------------------------------------------------------------------


SESSIONS: dict[int, str] = {}


def session_of(served: Served) -> str:
    """A session of an exchange, the same for all calls."""
    if served.process.pid not in SESSIONS:
        SESSIONS[served.process.pid] = log_in(served.opened)
    return SESSIONS[served.process.pid]


def call(still: Served, path: str, body: bytes, **headers: str) -> requests.Response:
    """A call of nobody's client."""
    session = headers.pop("session", None) or session_of(still)
    said = {"X-Application": "key", "X-Authentication": session, "Content-Type": "application/json", **headers}
    url = f"https://127.0.0.1:{still.opened['api_port']}{path}"
    kept = {name: value for name, value in said.items() if value}
    return requests.post(url, body, headers=kept, verify=still.opened["authority"], timeout=TIMEOUT_SECONDS)


def rpc(method: str, **parameters: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, "id": 9}).encode()


RPC = "/exchange/betting/json-rpc/v1"


@pytest.mark.parametrize(
    ("body", "number", "message"),
    [
        (b"{", -32700, "DSC-0008"),
        (b"\x00\xff", -32700, "DSC-0008"),
        (b"[" * 100_000, -32700, "DSC-0008"),
        (b"7", -32600, "DSC-0008"),
        (b"[]", -32600, "DSC-0008"),
        (b"{}", -32600, "DSC-0008"),
        (rpc("SportsAPING/v1.0/listNothing"), -32601, "DSC-0021"),
        (rpc("AccountAPING/v1.0/getAccountFunds"), -32601, "DSC-0021"),
        (rpc("SportsAPING/v1.0/listMarketBook"), -32602, "DSC-0018"),
        (rpc("SportsAPING/v1.0/listMarketBook", marketIds=7), -32602, "DSC-0009"),
        (rpc("SportsAPING/v1.0/placeOrders", marketId=MARKET, instructions=[{"side": []}]), -32602, "DSC-0009"),
        (
            rpc("SportsAPING/v1.0/listMarketBook", marketIds=[], priceProjection={"priceData": ["X"]}),
            -32099,
            "ANGX-0002",
        ),
        (rpc("SportsAPING/v1.0/placeOrders", marketId=MARKET, instructions=[]), -32099, "ANGX-0002"),
        (rpc("SportsAPING/v1.0/listMarketCatalogue", filter={}, maxResults=0), -32099, "ANGX-0002"),
        (rpc("SportsAPING/v1.0/listClearedOrders", betStatus="SETTLED", groupBy="SPORT"), -32099, "ANGX-0002"),
    ],
    ids=lambda value: value[:60].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_invalid_call_gets_its_own_error_code(still: Served, body: bytes, number: int, message: str) -> None:
    answer = call(still, RPC, body)
    assert answer.status_code == 200
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (number, message)


@pytest.mark.parametrize(
    ("headers", "code"), [({"X-Application": ""}, "NO_APP_KEY"), ({"X-Authentication": ""}, "NO_SESSION")]
)
def test_call_without_key_or_session_is_rejected(still: Served, headers: dict[str, str], code: str) -> None:
    body = rpc("SportsAPING/v1.0/listMarketBook", marketIds=[MARKET])
    assert call(still, RPC, body, **headers).json()["error"]["data"]["APINGException"]["errorCode"] == code


def test_json_rpc_batch_is_answered(still: Served) -> None:
    calls = [rpc("SportsAPING/v1.0/listMarketBook", marketIds=[MARKET]), rpc("SportsAPING/v1.0/listNothing")]
    good, bad = call(still, RPC, b"[" + b",".join(calls) + b"]").json()
    assert (good["id"], good["result"][0]["marketId"], bad["error"]["code"]) == (9, MARKET, -32601)


def test_rest_calls_give_the_same_results(still: Served) -> None:
    books = call(still, "/exchange/betting/rest/v1.0/listMarketBook/", json.dumps({"marketIds": [MARKET]}).encode())
    assert (books.status_code, books.json()[0]["marketId"]) == (200, MARKET)
    assert call(still, "/exchange/account/rest/v1.0/getAccountFunds/", b"").json()["wallet"] == "UK"
    missing = call(still, "/exchange/betting/rest/v1.0/listMarketBook/", b"{}")
    assert (missing.status_code, missing.json()["faultstring"]) == (400, "DSC-0018")
    assert call(still, "/exchange/betting/rest/v1.0/listNothing/", b"{}").status_code == 404
    much = json.dumps({"marketIds": [f"1.{number}" for number in range(101)]}).encode()
    refused = call(still, "/exchange/betting/rest/v1.0/listMarketBook/", much)
    assert (refused.status_code, refused.json()["detail"]["APINGException"]["errorCode"]) == (400, "TOO_MUCH_DATA")


def test_malformed_http_is_answered_or_closed(still: Served) -> None:
    assert call(still, "/", b"").status_code == 404
    assert call(still, RPC, b"x" * (1 << 20) + b"y").status_code == 413
    for said, answered in ((b"NONSENSE\r\n\r\n", b"400"), (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nslow", b"")):
        with closing(connected(still)) as wire:
            wire.sendall(said)
            assert answered in wire.recv(4096)


def connected(still: Served) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=still.opened["authority"])
    raw = socket.create_connection(("127.0.0.1", still.opened["api_port"]), TIMEOUT_SECONDS)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


@pytest.mark.parametrize("said", [b"", b"POST /exchange HT", b"POST / HTTP/1.1\r\nX: "])
def test_api_connection_without_a_complete_request_is_reset(still: Served, said: bytes) -> None:
    with closing(connected(still)) as wire:
        wire.sendall(said)
        start = time.monotonic()
        with suppress(ConnectionResetError):  # Python's TLS takes a reset for the end
            assert wire.recv(1) == b""
        assert time.monotonic() - start < TIMEOUT_SECONDS / 2


# Faults and distance ----------------------------------------------------------------------------------------------------------


def outcomes(served: Served, amount: int) -> list[str]:
    """What becomes of calls that place an order each."""
    body = rpc(
        "SportsAPING/v1.0/placeOrders", marketId=MARKET, instructions=[limit(runner(served), "BACK", 900.0, 2.0)]
    )
    return [outcome(served, body) for _ in range(amount)]


def runner(served: Served) -> int:
    with Client(served.port) as stream:
        stream.authenticate()
        (image,) = stream.subscribe(marketFilter={}, marketDataFilter={"fields": ["EX_MARKET_DEF"]})["mc"]
        number: int = image["marketDefinition"]["runners"][0]["id"]
        return number


def outcome(served: Served, body: bytes) -> str:
    try:
        answer = call(served, RPC, body)
    except requests.exceptions.ChunkedEncodingError:
        return "half"
    except requests.ConnectionError:
        return "reset"
    if answer.status_code != 200:
        return str(answer.status_code)
    return "error" if "error" in answer.json() else "done"


def placed(served: Served) -> int:
    """How many orders there are, however often one has to ask."""
    while True:
        try:
            found = call(served, RPC, rpc("SportsAPING/v1.0/listCurrentOrders")).json()
        except requests.RequestException:
            continue
        if "result" in found:
            return len(found["result"]["currentOrders"])


@pytest.mark.parametrize(
    ("kind", "seen", "done"),
    [("429", "429", False), ("503", "503", False), ("reset", "reset", False), ("error", "error", False),
     ("lost", "reset", True), ("half", "half", True)],
)  # fmt: skip
def test_fault_happens_before_or_after_execution(
    market: Path, tmp_path: Path, kind: str, seen: str, done: bool
) -> None:
    options = ("--data", market, "--wait-for", 1000, "--faults", "50%", "--fault", kind, "--seed", 3)
    with serving(*options, folder=tmp_path) as served:
        found = outcomes(served, 20)
        assert set(found) == {seen, "done"}
        assert placed(served) == (20 if done else found.count("done"))
        served.close()
        assert served.statement["api"]["faults"][kind] >= found.count(seen)


def test_stalled_response_is_delayed(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--wait-for", 1000, "--faults", "100%", "--fault", "stall", "--stall", "700ms")
    with serving(*options, folder=tmp_path) as served:
        start = time.monotonic()
        assert outcomes(served, 1) == ["done"]
        assert time.monotonic() - start > 0.7


def test_faults_are_the_same_for_the_same_seed(market: Path, tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        with serving(
            "--data", market, "--wait-for", 1000, "--faults", "30%", "--seed", seed, folder=tmp_path
        ) as served:
            found.append(outcomes(served, 25))
    assert found[0] == found[1] != found[2]
    assert {"429", "503", "reset", "done"} <= {*found[0], *found[2]}


@pytest.mark.parametrize("rtt", [2, 60])
def test_latency_proxy_adds_its_delay_and_forwards_everything(market: Path, tmp_path: Path, rtt: int) -> None:
    with serving("--data", market, "--speed", "max", "--rtt", f"{rtt}ms", "--hang-up", folder=tmp_path) as served:
        assert rtt <= served.opened["rtt_ms"] < rtt + 40, "measured, and never shorter"
        with trader(served, lightweight=True) as client:
            client.login_interactive()
            start = time.monotonic()
            client.betting.list_market_book([MARKET])
            assert time.monotonic() - start >= rtt / 1000, "on a connection that is there"
        with Client(served.port) as stream:
            stream.authenticate()
            stream.subscribe(marketFilter={}, marketDataFilter=SUBSCRIPTION)
            updates = 0
            while stream.hear():
                updates += 1
            assert updates > 100, "to the end, which arrives too"


def test_new_connection_costs_three_round_trips_and_a_reused_connection_one(market: Path, tmp_path: Path) -> None:
    with serving("--data", market, "--wait-for", 1000, "--rtt", "80ms", folder=tmp_path) as served:
        body = rpc("SportsAPING/v1.0/listMarketBook", marketIds=[MARKET])
        start = time.monotonic()
        call(served, RPC, body)
        assert time.monotonic() - start >= 3 * 0.08, "TCP, TLS 1.3 and the call"


def test_latency_proxy_forwards_resets(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--wait-for", 1000, "--rtt", "5ms", "--faults", "100%", "--fault", "reset")
    with serving(*options, folder=tmp_path) as served:
        assert outcome(served, rpc("SportsAPING/v1.0/listMarketBook", marketIds=[MARKET])) == "reset"


def test_stream_reports_stale_data_during_the_configured_window(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--from", "-60s", "--speed", 60, "--unhealthy", "20s..40s", "--hang-up")
    with serving(*options, folder=tmp_path) as served, Client(served.port) as stream:
        stream.authenticate()
        stream.subscribe(marketFilter={}, marketDataFilter=SUBSCRIPTION)
        states: list[int | None] = []
        while message := stream.hear():
            if not states or states[-1] != message.get("status"):
                states.append(message.get("status"))
        assert states == [None, 503, None]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--rtt", "-5ms"), "--rtt -5ms: "),
        (("--faults", "150%"), "--faults 150%: out of range"),
        (("--faults", "many"), "--faults many: not a share"),
        (("--fault", "4290"), "--fault 4290: no fault of that name"),
        (("--user", "me"), "--user: not a name and a password"),
        (("--unhealthy", "20s"), "--unhealthy 20s: not a range"),
        (("--certificates", "/proc/nowhere"), "--certificates /proc/nowhere: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_invalid_option_value_exits_with_2(market: Path, tmp_path: Path, options: tuple[str, ...], text: str) -> None:
    done = perfbench("exchange", "--data", market, *options, folder=tmp_path)
    assert done.returncode == 2
    assert text in done.stderr
    one_line(done.stderr)


def test_port_in_use_exits_with_2(market: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option in ("--port", "--api-port"):
            for line in ((), ("--rtt", "1ms")):
                done = perfbench("exchange", "--data", market, option, port, *line, folder=tmp_path, process=True)
                assert (done.returncode, f"{option}: cannot listen on 127.0.0.1:{port}: " in done.stderr) == (
                    2,
                    True,
                )
