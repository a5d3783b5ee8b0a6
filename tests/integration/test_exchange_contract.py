"""Every message of whole markets, generated, bundled and recorded, fits the field tables of the specification.

``Client.hear`` checks each message; here all kinds of them are provoked.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
from support.exchange_client import Client, closed, log_in, serving

from perfbench.util import paths

EVERYTHING = [
    "EX_BEST_OFFERS_DISP",
    "EX_BEST_OFFERS",
    "EX_ALL_OFFERS",
    "EX_TRADED",
    "EX_TRADED_VOL",
    "EX_LTP",
    "EX_MARKET_DEF",
    "SP_TRADED",
    "SP_PROJECTED",
]
PULLED = ("PRO-1.170258213", "SELF-1.181223994", "BASIC-1.132153978")


def follow(port: int, markets: int, **fields: Any) -> Counter[str]:
    """Read a subscription until all markets are closed; return the number of messages by kind."""
    kinds: Counter[str] = Counter()
    shut: set[str] = set()
    with Client(port) as client:
        client.authenticate()
        client.say({"op": "marketSubscription", "id": 2, **fields})
        while len(shut) < markets:
            message = client.hear()
            assert message, "it ended before the markets did"
            kinds[message.get("ct", message["op"])] += 1
            shut |= {change["id"] for change in message.get("mc", ()) if closed({"mc": [change]})}
    return kinds


@pytest.mark.parametrize("data", ["sample-win", "sample-match-odds", "sample-event", *PULLED])
def test_messages_of_whole_markets_fit_the_specification(data: str, tmp_path: Path) -> None:
    pulled = paths.market_cache_folder() / data
    if data in PULLED and not pulled.exists():
        pytest.skip("perfbench data pull fetches the real files")
    opening = "-30s" if data in PULLED else "start"  # all of a recorded file takes a busy machine minutes to encode
    given = ("--data", pulled if data in PULLED else data, "--from", opening)
    options = (*given, "--speed", "max", "--patience", "60s", "--no-api")
    with serving(*options, folder=tmp_path) as served:
        markets = len(served.opened["markets"])
        single = follow(served.port, markets, marketDataFilter={"fields": EVERYTHING, "ladderLevels": 10})
        image = follow(served.port, markets, segmentationEnabled=True)
    assert single["SUB_IMAGE"] == 1
    assert single["mcm"] > 0.5 * served.opened["updates"]
    assert image["SUB_IMAGE"] >= 1


def test_conflated_updates_heartbeats_and_resumptions_fit_the_specification(tmp_path: Path) -> None:
    options = ("--data", "sample-win", "--from", "-60s", "--speed", 20, "--unhealthy", "10s..20s", "--no-api")
    with serving(*options, folder=tmp_path) as served, Client(served.port) as client:
        client.authenticate()
        kinds: Counter[str] = Counter()
        image = client.subscribe(2, conflateMs=250, heartbeatMs=500)
        kinds[image["ct"]] += 1
        statuses = set()
        clk = image["clk"]
        for _ in range(12):
            message = client.hear()
            clk = message.get("clk", clk)
            statuses.add(message.get("status", 0))
            kinds[message.get("ct", "con" if any(c.get("con") for c in message["mc"]) else "delta")] += 1
        kinds[client.subscribe(3, initialClk=image["initialClk"], clk=clk, heartbeatMs=500)["ct"]] += 1
    assert {"SUB_IMAGE", "RESUB_DELTA", "con"} <= set(kinds)
    assert statuses == {0, 503}


def test_messages_of_orders_fit_the_specification(tmp_path: Path) -> None:
    options = ("--data", "sample-win", "--from", "-60s", "--speed", 20)
    with serving(*options, folder=tmp_path) as served, Client(served.port) as client:
        opened = served.opened
        session = log_in(opened)
        client.asked({"op": "authentication", "id": 1, "appKey": "key", "session": session})
        market = client.subscribe()
        runner = market["mc"][0]["marketDefinition"]["runners"][0]["id"]
        with Client(served.port) as orders:
            orders.asked({"op": "authentication", "id": 1, "appKey": "key", "session": session})
            order_filter = {"partitionMatchedByStrategyRef": True}
            orders.say({"op": "orderSubscription", "id": 2, "orderFilter": order_filter, "heartbeatMs": 500})
            assert [orders.hear()["op"] for _ in range(2)] == ["status", "ocm"]
            _place(opened, session, market["mc"][0]["id"], runner)
            seen = [entry for _ in range(3) for entry in _orders_of(orders.changes())]
    assert {entry["rfo"] for entry in seen} == {"matched", "unmatched"}


def _place(opened: dict[str, Any], session: str, market: str, runner: int) -> None:
    orders = (("matched", 1.01), ("unmatched", 1000.0))
    for reference, price in orders:
        instruction = {
            "orderType": "LIMIT",
            "selectionId": runner,
            "side": "BACK",
            "customerOrderRef": reference,
            "limitOrder": {"size": 2.0, "price": price, "persistenceType": "LAPSE"},
        }
        answer = requests.post(
            f"https://127.0.0.1:{opened['api_port']}/exchange/betting/rest/v1.0/placeOrders/",
            json={"marketId": market, "instructions": [instruction], "customerStrategyRef": "s"},
            headers={"X-Application": "key", "X-Authentication": session},
            verify=opened["authority"],
            timeout=30,
        )
        assert answer.json()["status"] == "SUCCESS", answer.text


def _orders_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for market in message["oc"] for runner in market["orc"] for entry in runner.get("uo", ())]
