"""The stream of the exchange: unchanged clients see what a replay shows, and every request is answered by the book."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.command_line import HERE, one_line, perfbench
from support.exchange_client import TIMEOUT_SECONDS, Client, Served, closed, merged, serving, subscribed
from support.small_disks import tiny_disk
from support.special_files import Reader, is_fifo

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

CLIENT = HERE / "support" / "stream_client.py"
ALL = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
MARKET, OTHER = "1.900004100", "1.900004101"
UPDATES = 600
WAITING = 1.0
"""Seconds in which the exchange has nothing to do."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exchange") / MARKET
    write_market(Recipe(seed=41, runners=6, updates=UPDATES, bsp=True, in_play=True, removal=True), path)
    return path


@pytest.fixture
def at_once(market: Path, tmp_path: Path) -> Iterator[Served]:
    """An exchange that waits for a client, and then has everything due at once, from the middle of the file on."""
    options = ("--data", market, "--speed", "max", "--from", "-60s", "--keep-times", "--no-api")
    with serving(*options, folder=tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def still(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exchange whose time stands still: it waits for more subscribers than will come."""
    options = ("--data", market, "--wait-for", 1000, "--connections", 4, "--patience", 2, "--no-api")
    with serving(*options, folder=tmp_path_factory.mktemp("still")) as served:
        yield served


def followed(served: Served, mode: str, fields: dict[str, Any], folder: Path) -> list[list[dict[str, Any]]]:
    """The books of every update that betfairlightweight got."""
    given = (served.port, mode, json.dumps({"marketIds": [MARKET]}), json.dumps(fields), folder / "followed")
    subprocess.run([sys.executable, CLIENT, *map(str, given)], check=True, timeout=2 * TIMEOUT_SECONDS)
    return read(folder / "followed")


def replayed(market: Path, mode: str, folder: Path) -> list[list[dict[str, Any]]]:
    given = ("replay", market, mode, folder / "replayed")
    subprocess.run([sys.executable, CLIENT, *map(str, given)], check=True, timeout=TIMEOUT_SECONDS)
    return read(folder / "replayed")


def read(path: Path) -> list[list[dict[str, Any]]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# What an unchanged client sees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["lightweight", "full"])
def test_streamed_books_equal_those_of_the_replay_field_by_field(
    market: Path, at_once: Served, mode: str, tmp_path: Path
) -> None:
    seen, expected = followed(at_once, mode, {"fields": ALL}, tmp_path), replayed(market, mode, tmp_path)
    assert 1 < len(seen) < UPDATES, "it opens in the middle of the file, with an image of what was before"
    assert seen == expected[-len(seen) :]


@pytest.mark.parametrize("levels", [1, 3, 10])
def test_best_offers_equal_the_best_levels_of_the_full_depth(
    market: Path, at_once: Served, levels: int, tmp_path: Path
) -> None:
    names = [name for name in ALL if name != "EX_ALL_OFFERS"]
    fields = {"fields": [*names, "EX_BEST_OFFERS"], "ladderLevels": levels}
    seen, expected = followed(at_once, "lightweight", fields, tmp_path), replayed(market, "lightweight", tmp_path)
    for books in expected:
        for runner in books[0]["runners"]:
            for side in ("availableToBack", "availableToLay"):
                runner["ex"][side] = rolled_up(runner["ex"][side])[:levels]
    last = iter(expected)
    for books in seen:  # what changed deeper in the book was not sent
        assert any(books == other for other in last)
    assert seen[-1] == expected[-1]


def rolled_up(offers: list[dict[str, float]]) -> list[dict[str, float]]:
    """Offers, best first, in which each size below a pound is part of the next."""
    levels: list[dict[str, float]] = []
    pending = 0.0
    for offer in offers:
        pending = round(pending + offer["size"], 2)
        if pending >= 1:
            levels.append({"price": offer["price"], "size": pending})
            pending = 0.0
    return levels


def test_stream_sends_subscribed_fields_only(at_once: Served) -> None:
    client, image = subscribed(at_once.port, marketDataFilter={"fields": ["EX_LTP", "EX_MARKET_DEF"]})
    with client:
        keys = set()
        while image:
            for change in image.get("mc", ()):
                keys |= set(change) | {key for runner in change.get("rc", ()) for key in runner}
                if change.get("marketDefinition", {}).get("status") == "CLOSED":
                    image = {}
            image = image and client.changes()
    assert keys == {"id", "img", "con", "marketDefinition", "rc", "ltp"}


def test_files_of_different_days_are_served_at_the_same_time(market: Path, tmp_path: Path) -> None:
    other = tmp_path / "1.100000042"
    write_market(Recipe(seed=42, runners=3, updates=300), other)
    years = 3 * 365 * 86_400_000
    lines = [json.loads(line) for line in other.read_text().splitlines()]
    for line in lines:
        line["pt"] -= years
        for change in line["mc"]:
            if "marketDefinition" in change:
                start = datetime.fromisoformat(change["marketDefinition"]["marketTime"].replace("Z", "+00:00"))
                change["marketDefinition"]["marketTime"] = (start - timedelta(milliseconds=years)).isoformat()
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with serving("--data", market, "--data", other, "--wait-for", 9, folder=tmp_path) as served:
        client, image = subscribed(served.port)
        client.close()
    assert [change["id"] for change in image["mc"]] == served.opened["markets"]
    assert len(served.opened["markets"]) == 2


# Subscriptions -------------------------------------------------------------------------------------------------------------


def test_market_filter_selects_markets_by_their_definition(still: Served, market: Path) -> None:
    definition = json.loads(market.read_text().splitlines()[0])["mc"][0]["marketDefinition"]
    with Client(still.port) as client:
        client.authenticate()
        for said, fits in (
            ({"marketIds": [MARKET]}, True),
            ({"marketIds": ["1.1"]}, False),
            ({"eventTypeIds": [definition["eventTypeId"]], "marketTypes": [definition["marketType"], "PLACE"]}, True),
            ({"countryCodes": ["NZ"]}, False),
            ({"bspMarket": definition["bspMarket"], "turnInPlayEnabled": None}, True),
            ({"bspMarket": not definition["bspMarket"]}, False),
        ):
            image = client.subscribe(marketFilter=said)
            assert bool(image.get("mc")) == fits, said


def test_resumed_subscription_gets_missed_changes_and_ends_with_the_same_market(at_once: Served) -> None:
    client, image = subscribed(at_once.port)
    held = [image]
    with client:
        while len(held) < 50:
            held.append(client.changes())
    token, clk = image["initialClk"], held[-1]["clk"]
    client, delta = subscribed(at_once.port, initialClk=token, clk=clk)
    client.close()
    assert delta["ct"] == "RESUB_DELTA"
    assert "img" not in delta["mc"][0]
    fresh, whole = subscribed(at_once.port)
    fresh.close()
    assert merged([*held, delta]) == merged([whole])


@pytest.mark.parametrize(
    "clocks",
    [
        {"initialClk": "another", "clk": "5"},
        {"initialClk": None, "clk": "5"},
        {"clk": "-1"},
        {"clk": "9" * 400},
        {"clk": "five"},
        {"clk": "٣"},
        {"clk": str(UPDATES + 1)},
        {"clk": str(UPDATES // 2)},
        {"clk": None},
    ],
)
def test_foreign_clock_is_rejected_and_ends_the_connection(still: Served, clocks: dict[str, Any]) -> None:
    client, image = subscribed(still.port)
    with client:
        said = {"initialClk": image["initialClk"], **clocks}
        refused = client.asked({"op": "marketSubscription", "id": 3, **said})
        assert (refused["errorCode"], refused["id"], refused["connectionClosed"]) == ("INVALID_CLOCK", 3, True)
        assert client.hear() == {}


def event_of_two(market: Path, path: Path) -> Path:
    """A file of two markets, the second with the prices of the first."""
    lines = []
    for line in market.read_text().splitlines():
        message = json.loads(line)
        other = json.loads(line.replace(MARKET, OTHER))
        lines.append(json.dumps({**message, "mc": message["mc"] + other["mc"]}) + "\n")
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize(
    ("before", "after", "images", "deltas"),
    [
        (([MARKET], ALL), ([MARKET], ALL), [], [MARKET]),
        (([MARKET], ALL), ([MARKET, OTHER], ALL), [OTHER], [MARKET]),
        (([MARKET, OTHER], ALL), ([OTHER], ALL), [], [OTHER]),
        (([MARKET], ALL), ([OTHER], ALL), [OTHER], []),
        (([MARKET], ["EX_LTP"]), ([MARKET], ALL), [MARKET], []),
        (([MARKET], ALL), ([MARKET, OTHER], ["EX_LTP"]), [MARKET, OTHER], []),
    ],
    ids=["same", "more markets", "fewer markets", "another market", "more fields", "fewer fields"],
)
def test_resumed_subscription_with_other_criteria_gets_images_of_what_the_client_has_not(
    market: Path, before: Any, after: Any, images: list[str], deltas: list[str], tmp_path: Path
) -> None:
    options = ("--data", event_of_two(market, tmp_path / "event"), "--speed", 60, "--from", "-60s", "--no-api")

    def criteria(wanted: Any) -> dict[str, Any]:
        return {"marketFilter": {"marketIds": wanted[0]}, "marketDataFilter": {"fields": wanted[1]}}

    with serving(*options, folder=tmp_path) as served:
        client, image = subscribed(served.port, **criteria(before))
        with client:
            held = [client.changes() for _ in range(3)]
            clocks = {"initialClk": image["initialClk"], "clk": held[0]["clk"]}
        client, opening = subscribed(served.port, **criteria(after), **clocks)
        client.close()
    assert opening["ct"] == ("RESUB_DELTA" if deltas else "SUB_IMAGE")
    assert [change["id"] for change in opening["mc"] if change.get("img")] == images
    assert [change["id"] for change in opening["mc"] if not change.get("img")] == deltas
    assert all("marketDefinition" in change for change in opening["mc"] if change.get("img") and after[1] == ALL)


def test_conflation_and_heartbeat_intervals_are_clamped_and_confirmed(still: Served) -> None:
    client, image = subscribed(still.port, heartbeatMs=1, conflateMs=10**9)
    client.close()
    assert (image["heartbeatMs"], image["conflateMs"]) == (500, 120_000)


def test_heartbeats_are_sent_while_nothing_changes(still: Served) -> None:
    client, image = subscribed(still.port, heartbeatMs=500)
    with client:
        beat = client.hear()
    assert (beat["ct"], beat["clk"], beat["id"], "mc" in beat) == ("HEARTBEAT", image["clk"], 2, False)


def test_conflated_updates_give_the_same_final_market(market: Path, tmp_path: Path) -> None:
    with serving("--data", market, "--speed", 200, folder=tmp_path) as served:
        client, image = subscribed(served.port, conflateMs=200)
        held = [image]
        with client:
            while not closed(held[-1]):
                held.append(client.changes())
        fresh, whole = subscribed(served.port)
        fresh.close()
    assert any(change.get("con") for message in held[1:] for change in message["mc"])
    assert len(held) < int(held[-1]["clk"]) - int(image["clk"])
    assert merged(held) == merged([whole])


# Refusals ------------------------------------------------------------------------------------------------------------------

WHO = {"op": "authentication", "id": 1, "appKey": "key", "session": "token"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({**WHO, "appKey": None}, "NO_APP_KEY"),
        ({**WHO, "appKey": ""}, "NO_APP_KEY"),
        ({"op": "authentication", "id": 1, "appKey": "key"}, "NO_SESSION"),
        ({**WHO, "session": ""}, "INVALID_SESSION_INFORMATION"),
        ({**WHO, "session": 7}, "INVALID_INPUT"),
        ({"op": "marketSubscription", "id": 1}, "NOT_AUTHORIZED"),
        ({"op": "dance", "id": 1}, "INVALID_INPUT"),
        ({"op": "raceSubscription", "id": 1}, "INVALID_INPUT"),
        ({"id": 1}, "INVALID_INPUT"),
        (b"GET / HTTP/1.1\r\n\r\n", "INVALID_INPUT"),
        (b"[" * 100_000 + b"\r\n", "INVALID_INPUT"),
        (b'{"op":"authentication","id":1,"appKey":"\x00"}\r\n', "INVALID_INPUT"),
        (b"\xff\xfe\r\n", "INVALID_INPUT"),
    ],
    ids=str,
)
def test_invalid_first_request_gets_its_error_code_and_ends_the_connection(
    still: Served, said: dict[str, Any] | bytes, code: str
) -> None:
    with Client(still.port) as client:
        refused = client.asked(said)
        assert (refused["statusCode"], refused["errorCode"]) == ("FAILURE", code)
        assert refused["connectionClosed"] is True
        assert refused["connectionId"] == client.greeting["connectionId"]
        assert client.hear() == {}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"marketDataFilter": {"fields": ["EX_EVERYTHING"]}}, "EX_EVERYTHING"),
        ({"marketDataFilter": {"ladderLevels": 11}}, "11 is not between 1 and 10"),
        ({"marketFilter": {"marketIds": "1.1"}}, "marketFilter.marketIds"),
        ({"conflateMs": "soon"}, "conflateMs"),
    ],
    ids=str,
)
def test_invalid_value_of_a_subscription_is_named(still: Served, said: dict[str, Any], text: str) -> None:
    with Client(still.port) as client:
        client.authenticate()
        refused = client.asked({"op": "marketSubscription", "id": 5, **said})
    assert (refused["errorCode"], refused["id"]) == ("INVALID_INPUT", 5)
    assert text in refused["errorMessage"]


def test_subscription_to_too_many_markets_is_rejected_and_a_smaller_one_accepted(tmp_path: Path) -> None:
    options = ("--data", "sample-event", "--markets", 2, "--wait-for", 9)
    with serving(*options, folder=tmp_path) as served, Client(served.port) as client:
        client.authenticate()
        refused = client.asked({"op": "marketSubscription", "id": 5})
        assert refused["errorCode"] == "SUBSCRIPTION_LIMIT_EXCEEDED"
        one = served.opened["markets"][0]
        assert [change["id"] for change in client.subscribe(marketFilter={"marketIds": [one]})["mc"]] == [one]


def test_connection_above_the_limit_is_rejected_until_another_ends(still: Served) -> None:
    clients = [Client(still.port) for _ in range(4)]
    left = [client.authenticate()["connectionsAvailable"] for client in clients]
    assert left == [0] * 4
    for client in clients:
        assert client.subscribe()["ct"] == "SUB_IMAGE"
    with Client(still.port) as client:
        assert client.authenticate()["errorCode"] == "MAX_CONNECTION_LIMIT_EXCEEDED"
    for client in clients:
        client.close()


def test_stream_client_without_a_complete_request_or_a_subscription_is_disconnected(still: Served) -> None:
    with Client(still.port) as silent, Client(still.port) as dripping, Client(still.port) as idle:
        dripping.say(b'{"op":')
        idle.authenticate()
        assert silent.hear()["errorCode"] == dripping.hear()["errorCode"] == "TIMEOUT"
        late = idle.hear()
        assert late["errorCode"] == "TIMEOUT"
        assert "no subscription within 2 s" in late["errorMessage"]
        assert silent.hear() == dripping.hear() == idle.hear() == {}


def test_heartbeats_do_not_replace_a_subscription(still: Served) -> None:
    with Client(still.port) as client:
        client.authenticate()
        answers: list[str] = []
        while message := client.asked({"op": "heartbeat", "id": len(answers) + 2}):
            answers.append(message.get("errorCode", message["statusCode"]))
            time.sleep(0.2)
            if answers[-1] != "SUCCESS":
                break
    assert answers[0] == "SUCCESS"
    assert answers[-1] == "TIMEOUT"
    assert "connectionsAvailable" not in message


@pytest.mark.parametrize("trip", ["0ms", "1ms"])
def test_client_that_never_reads_is_disconnected_and_delays_nobody(trip: str, tmp_path: Path) -> None:
    path = tmp_path / "1.900004103"
    write_market(Recipe(seed=44, runners=16, updates=12_000, changed_runners=8.0), path)
    options = ("--data", path, "--from", "start", "--speed", "max", "--patience", "4s", "--wait-for", 2)
    with serving(*options, "--rtt", trip, "--no-api", folder=tmp_path) as served:
        deaf, _ = subscribed(served.port)
        client, message = subscribed(served.port)
        with client:
            heard = 0
            while message and not closed(message):
                message, heard = client.changes(), heard + 1
        assert message, served.statement
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            with Client(served.port) as other:
                if other.authenticate()["connectionsAvailable"] == 9:
                    break
        deaf.close()
    ended = {one["connection"]: one for one in served.statement["connections"]}
    assert ended[deaf.greeting["connectionId"]]["ended"] == "the client did not read for 4 s"
    assert ended[deaf.greeting["connectionId"]]["blocked"] >= 4
    assert heard == served.opened["updates"]


@pytest.mark.parametrize("trip", ["0ms", "1ms"])
def test_client_that_reads_again_after_a_while_gets_conflated_updates(trip: str, tmp_path: Path) -> None:
    path = tmp_path / "1.900004102"
    write_market(Recipe(seed=44, runners=16, updates=12_000, changed_runners=8.0), path)
    options = ("--data", path, "--from", "start", "--speed", 1200, "--conflate-after", "0.2s", "--log", "log.csv")
    with serving(*options, "--rtt", trip, "--no-api", folder=tmp_path) as served:
        client, message = subscribed(served.port)
        held = [message]
        with client:
            time.sleep(3.0)
            while not closed(message):
                message = client.changes()
                held.append(message)
        fresh, whole = subscribed(served.port)
        fresh.close()
    report = next(c for c in served.statement["connections"] if c["connection"] == client.greeting["connectionId"])
    assert report["conflated"] > 0
    assert report["frames"] < served.opened["updates"]
    assert report["blocked"] > 0.2
    assert any(change.get("con") for message in held for change in message["mc"])
    assert merged(held) == merged([whole])


def test_hang_up_closes_connections_after_the_last_update(market: Path, tmp_path: Path) -> None:
    with serving("--data", market, "--speed", "max", "--until", "-60s", "--hang-up", folder=tmp_path) as served:
        client, _ = subscribed(served.port)
        heard = 0
        with client:
            while client.changes():
                heard += 1
    assert heard == served.opened["updates"]
    assert [one["ended"] for one in served.statement["connections"]] == ["all updates sent"]


def test_resource_use_is_counted_while_sending_and_not_while_waiting(market: Path, tmp_path: Path) -> None:
    """A share of a core that included loading the file and hours of waiting would say nothing about the measurement."""
    window = ("--from", "-60s", "--until", "0s", "--speed", "600")
    with serving("--data", market, *window, "--hang-up", "--no-api", folder=tmp_path) as served:
        opened = time.monotonic()
        time.sleep(WAITING)
        client, _ = subscribed(served.port)
        with client:
            while client.changes():
                pass
        time.sleep(WAITING)
        waited = time.monotonic() - opened
    assert 0 < served.statement["wall_seconds"] < waited - 1.5 * WAITING, "neither wait is in it"
    assert served.statement["cpu_seconds"] > 0


# The process ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_exchange_with_a_report_while_clients_are_connected(
    market: Path, number: signal.Signals, tmp_path: Path
) -> None:
    with serving("--data", market, "--wait-for", 9, folder=tmp_path) as served:
        client, _ = subscribed(served.port)
        served.process.send_signal(number)
        told, complaints = served.process.communicate(timeout=TIMEOUT_SECONDS)
        client.close()
    assert (served.process.returncode, complaints) == (0, "")
    assert [one["ended"] for one in json.loads(told)["connections"]] == ["the exchange closed"]


def test_burst_of_signals_ends_the_exchange_like_a_single_one(market: Path, tmp_path: Path) -> None:
    """Whatever the exchange is doing at that moment, be it answering to the signal before."""
    moments = random.Random(3)
    for _ in range(8):
        with serving("--data", market, folder=tmp_path) as served:
            time.sleep(moments.random() * 0.2)
            for _ in range(10):
                served.process.send_signal(signal.SIGTERM)
                time.sleep(moments.random() * 3e-5)
            told, complaints = served.process.communicate(timeout=TIMEOUT_SECONDS)
        assert (served.process.returncode, complaints) == (0, "")
        assert json.loads(told)["connections"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which signals a process has handlers for")
def test_signal_ends_the_exchange_while_it_reads_its_files(tmp_path: Path) -> None:
    long = tmp_path / "1.900004101"
    write_market(Recipe(seed=42, runners=12, updates=60_000), long)
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "exchange", "--data", str(long), "--from", "start"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
    )
    with process:
        while not _handles(process.pid, signal.SIGTERM):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        told, complaints = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, told, complaints) == (130, "", "perfbench: interrupted\n")


def _handles(process: int, number: signal.Signals) -> bool:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)


def test_frames_are_due_at_their_published_intervals(market: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    with serving("--data", market, "--speed", 1800, "--log", log, folder=tmp_path) as served:
        client, message = subscribed(served.port)
        with client:
            while not closed(message):
                message = client.changes()
    with log.open(newline="") as file:
        frames = list(csv.DictReader(file))
    times = [json.loads(line)["pt"] / 1000 for line in market.read_text().splitlines()]
    first = times[int(frames[0]["clk"]) - 1]
    for frame in frames:
        expected = (times[int(frame["clk"]) - 1] - first) / 1800
        assert float(frame["due"]) - float(frames[0]["due"]) == pytest.approx(expected, abs=1e-6)
        assert float(frame["sent"]) >= float(frame["due"])
    size = served.statement["connections"][0]["size"]
    assert sum(int(frame["bytes"]) for frame in frames) < size == client.heard, "image and replies are sent, too"


def test_log_to_a_pipe_reaches_its_reader_once_and_keeps_the_pipe(market: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    with serving("--data", market, "--speed", "max", "--log", tmp_path / "pipe", folder=tmp_path) as served:
        client, message = subscribed(served.port)
        with client:
            while not closed(message):
                message = client.changes()
    lines = reader.content().decode().splitlines()
    assert lines[0] == "connection,clk,due,sent,bytes"
    assert len(lines) == 1 + served.statement["connections"][0]["frames"]
    assert is_fifo(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such files")
def test_log_that_fills_the_disk_loses_nothing_of_the_report(market: Path, tmp_path: Path) -> None:
    options = ("--data", market, "--speed", "max", "--log", tmp_path / "disk" / "log.csv")
    with tiny_disk(tmp_path / "disk", "8k"), serving(*options, folder=tmp_path) as served:
        client, message = subscribed(served.port)
        with client:
            while not closed(message):
                message = client.changes()
        served.process.send_signal(signal.SIGTERM)
        told, complaint = served.process.communicate(timeout=TIMEOUT_SECONDS)
    assert served.process.returncode == 5
    assert json.loads(told)["connections"][0]["frames"] == served.opened["updates"]
    assert "log.csv cannot be written (No space left on device)\nhint: free some space" in one_line(complaint)


def test_announced_connection_snippet_works(market: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "exchange", "--data", str(market), "--speed", "max"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
    )
    assert process.stdout is not None
    told: list[str] = []
    while not told or told[-1] != "Press Ctrl-C to stop.":
        told.append(process.stdout.readline().rstrip("\n"))
    assert told[0].startswith("stream on 127.0.0.1:")
    bot = "\n".join(told[2:-2])
    stopping = (
        "import threading\nlistener.on_data_before = listener.on_data\n"
        "def on_data(data):\n    found = listener.on_data_before(data)\n"
        "    if 'CLOSED' in data:\n        print(listener.snap()[0].status)\n        stream.stop()\n    return found\n"
        "listener.on_data = on_data\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", bot.replace("stream.start()", stopping + "stream.start()")],
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
        env={},
    )
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (done.stdout, done.stderr) == ("CLOSED\n", "")
    assert "CPU use: " in rest


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--speed", "fast"), 2, "--speed fast: not a speed\nhint: write a positive number such as 60, or max"),
        (("--speed", "0"), 2, "--speed 0: not a speed\nhint: write a positive number such as 60, or max"),
        (("--from", "noon"), 2, "--from noon: "),
        (("--host", "192.0.2.1", "--insecure"), 2, "cannot listen on 192.0.2.1:0: "),
        (("--from", "900h"), 5, "has no update while the exchange is open\nhint: use an earlier --from"),
        (("--until", "-900h"), 5, "has no update while the exchange is open\nhint: use an earlier --from"),
        (("--data", "nowhere"), 5, "nowhere: no such file"),
        (("--log", "nowhere/log.csv"), 2, "--log nowhere/log.csv: there is no folder nowhere"),
        (
            ("--data", "sample-event", "--data", "sample-event"),
            5,
            "is also in another file\nhint: leave one of them out",
        ),
    ],
    ids=str,
)
def test_invalid_options_give_an_error_of_one_line(
    options: tuple[str, ...], code: int, text: str, market: Path, tmp_path: Path
) -> None:
    given = options if "--data" in options else ("--data", str(market), *options)
    done = perfbench("exchange", *given, folder=tmp_path, process=True)
    assert done.returncode == code
    assert text in one_line(done.stderr)
