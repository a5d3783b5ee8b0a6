"""Scenarios connections, retries, batches and reconnect on the local exchange, and the advised code in them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from support.command_line import QUICK, perfbench
from support.scenarios import import_shipped

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

BATCHES, CONNECTIONS, RECONNECT, RETRIES = map(import_shipped, ("batches", "connections", "reconnect", "retries"))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "1.100000071"
    write_market(Recipe(seed=71, runners=5, updates=400, bsp=True, in_play=True), path)
    return path


def run(
    scenario: str, market: Path, folder: Path, *options: str, code: int = 0
) -> tuple[str, dict[str, list[dict[str, float]]]]:
    """What was printed, and the numbers of every mode's passes."""
    done = perfbench(
        *("run", scenario, *QUICK, "--data", market, "--save", "one", "--columns", "+numbers", *options),
        folder=folder,
        timeout=280,
    )
    assert done.returncode == code, done.stdout + done.stderr
    document = json.loads((folder / "results" / "one.json").read_text())
    return done.stdout + done.stderr, {
        m["case"]["mode"]: [sample["numbers"] for sample in m["samples"]] for m in document["measurements"]
    }


@pytest.mark.parametrize("build", [CONNECTIONS.pooled_session, RETRIES.retrying])
def test_advised_session_has_the_pools_retries_and_header_of_the_notes(build: Callable[[], requests.Session]) -> None:
    with build() as session:
        for address in ("http://127.0.0.1/", "https://127.0.0.1/"):
            adapter: Any = session.get_adapter(address)
            assert (adapter._pool_connections, adapter._pool_maxsize) == (10, 20)
            retry = adapter.max_retries
            assert (retry.total, retry.backoff_factor) == (3, 0.1)
            assert retry.status_forcelist == [429, 500, 502, 503, 504]
            assert not retry.is_retry("POST", 503), "which every call of the API is"
            assert retry.is_retry("GET", 503)
        assert session.headers["Connection"] == "keep-alive"


def test_claim_of_connections_is_in_milliseconds_of_a_call() -> None:
    promised, asked = CONNECTIONS.CLAIMS
    assert (promised.before, promised.after) == (asked.before, asked.after) == ("new_connection", "advised_adapter")
    assert (promised.metric, promised.saves, promised.source) == ("call_ms", (0.010, 0.050), "community notes")
    assert (asked.metric, asked.source) == ("cpu_ms", "perfbench")


class Books:
    """An API that answers with the ids that it is asked for, and notes its calls."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.betting = SimpleNamespace(list_market_book=self.list_market_book)

    def client(self, session: object) -> Books:
        return self

    def list_market_book(self, *, market_ids: list[str], price_projection: object) -> list[dict[str, str]]:
        assert price_projection == {"priceData": ["EX_BEST_OFFERS"]}
        self.asked.append(market_ids)
        return [{"marketId": name} for name in reversed(market_ids)]


def test_advised_batches_are_ten_ids_a_call_over_a_warm_connection() -> None:
    names, books = [f"1.{number}" for number in range(25)], Books()
    assert BATCHES.PROJECTIONS["best"] == (["EX_BEST_OFFERS"], 5)
    callers = [BATCHES.Caller(books, {"priceData": BATCHES.PROJECTIONS["best"][0]}, None) for _ in range(2)]
    for caller in callers:
        caller.warm(names[0])
    assert (books.asked, callers[0].seconds) == ([["1.0"], ["1.0"]], []), "which is no call of the pass"
    books.asked.clear()
    work = BATCHES.advised_ten(BATCHES.Wanted(names, callers, 40))
    assert books.asked == [names[:10], names[10:20], names[20:]]
    assert [book["marketId"] for book in work.output] == names
    assert (work.amount, work.numbers["calls"], work.numbers["connections"]) == (25, 3, 1)
    assert [(claim.before, claim.after) for claim in BATCHES.CLAIMS] == [("one", "advised_ten")]


@pytest.mark.parametrize(
    ("report", "current", "exists"),
    [
        ({"status": "SUCCESS"}, [], True),
        ({"status": "FAILURE", "errorCode": "INSUFFICIENT_FUNDS"}, [], False),
        ({"status": "FAILURE", "errorCode": "DUPLICATE_TRANSACTION"}, ["7"], True),
        ({"status": "FAILURE", "errorCode": "DUPLICATE_TRANSACTION"}, ["6"], False),
    ],
)
def test_duplicate_is_a_success_only_if_the_first_request_was_placed(
    report: dict[str, str], current: list[str], exists: bool
) -> None:
    def list_current_orders(*, from_record: int, customer_order_refs: list[str]) -> dict[str, object]:
        return {"currentOrders": [name for name in current if name in customer_order_refs], "moreAvailable": False}

    betting = SimpleNamespace(place_orders=lambda *_, **__: report, list_current_orders=list_current_orders)
    assert RETRIES.place(betting, "1.1", 11, 7, referenced=True) is exists


@pytest.mark.parametrize(("funds", "status"), [(1000, "placed"), (1, "refused")])
def test_duplicate_of_a_refused_order_has_failed_on_the_exchange(market: Path, funds: int, status: str) -> None:
    """The second attempt gets DUPLICATE_TRANSACTION, whatever became of the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFBENCH_PYTHON", sys.executable)
        for api in import_shipped("perfbench.kit.exchange").open_api("--data", str(market), "--funds", str(funds)):
            betting = api.client().betting
            runner = betting.list_market_book(api.markets[:1])[0]["runners"][0]["selectionId"]
            first, second = (RETRIES.place(betting, api.markets[0], runner, 1, True) for _ in range(2))
            assert first == second == (status == "placed")


def test_recovery_has_neither_the_reading_of_memory_nor_a_shortened_wait_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]

    def give_back() -> None:
        now[0] += 5.0

    monkeypatch.setattr(RECONNECT, "time", SimpleNamespace(monotonic=lambda: now[0], thread_time=lambda: now[0]))
    monkeypatch.setattr(RECONNECT, "give_back", give_back)
    seen = RECONNECT.Followed()
    for _ in range(3):
        seen.connections.append([])
        now[0] += 0.25  # until the first book
        seen.put([])
        seen.put([])
        now[0] += 1.0
        seen.cut()
    assert seen.recoveries() == [250.0]
    assert seen.recoveries(1.9) == [pytest.approx(2150.0)], "a wait of 2 s that took 0.1 s at 20 times the speed"
    assert len(seen.resident) == 3
    assert seen.own_seconds == 15.0


def test_claims_about_reconnection_are_questions_of_perfbench() -> None:
    assert {claim.source for claim in RECONNECT.CLAIMS} == {"perfbench"}
    assert [claim.source for claim in RETRIES.CLAIMS] == ["community notes", "perfbench"]
    assert (RETRIES.CLAIMS[0].before, RETRIES.CLAIMS[0].after) == ("no_retry", "advised_retry")


def test_new_connections_pay_for_extra_round_trips(market: Path, tmp_path: Path) -> None:
    told, numbers = run(
        "connections", market, tmp_path, "--set", "rtt_ms=20", "--mode", "new_connection", "--mode", "session",
        "--mode", "keep_alive_off", "--mode", "one_certificate", "--mode", "advised_adapter",
    )  # fmt: skip
    assert told.count(" yes") == 4, "all get the same books"
    trips_of = {"new_connection": 3, "keep_alive_off": 3, "one_certificate": 3, "session": 1, "advised_adapter": 1}
    for mode, trips in trips_of.items():
        for sample in numbers[mode]:
            assert sample["measured_rtt_ms"] >= 20
            assert sample["call_ms"] >= 20 * trips
            assert sample["slowest_ms"] >= 20 * 3, "the first call of all connects"
            assert sample["cpu_ms"] + sample["waiting_ms"] == pytest.approx(sample["call_ms"])


@pytest.mark.slow
def test_retries_place_orders_twice_unless_each_has_a_reference(market: Path, tmp_path: Path) -> None:
    options = ("--rounds", "2", "--set", "orders=30", "--set", "faults=40%", "--set", "kinds=503,lost")
    told, numbers = run("retries", market, tmp_path, *options)
    found = {mode: samples[0] for mode, samples in numbers.items()}
    assert all(sample == found[mode] for mode, samples in numbers.items() for sample in samples), "the same seed"
    assert found["no_retry"]["failed"] == found["advised_retry"]["failed"] > 0, "it never retries POST"
    assert found["no_retry"]["unnoticed"] > 0 == found["no_retry"]["placed_twice"]
    assert found["post_allowed"]["placed_twice"] > 0
    assert found["post_allowed"]["failed"] < found["no_retry"]["failed"]
    assert found["post_with_reference"]["placed_twice"] == 0
    assert found["post_with_reference"]["failed"] == found["post_allowed"]["failed"]
    calls = f"{found['no_retry']['failed']:.0f} calls"
    advice = re.search(r"advice “mount an HTTPAdapter with urllib3's Retry” \(community notes\): (.+)", told)
    assert advice
    assert f"failed {calls} → {calls}" in advice[1]


@pytest.mark.parametrize(
    ("projection", "calls"),
    [
        ("best", {"one": 25, "advised_ten": 3, "largest": 1, "one_concurrent": 25, "ten_concurrent": 3}),
        ("best_traded", {"one": 25, "advised_ten": 3, "largest": 3, "largest_concurrent": 3}),
    ],
)
def test_batches_make_the_expected_number_of_calls(
    market: Path, tmp_path: Path, projection: str, calls: dict[str, int]
) -> None:
    modes = [option for mode in calls for option in ("--mode", mode)]
    told, numbers = run("batches", market, tmp_path, "--set", "markets=25", "--set", f"projection={projection}", *modes)
    assert {mode: samples[0]["calls"] for mode, samples in numbers.items()} == calls
    for mode, samples in numbers.items():
        assert {sample["connections"] for sample in samples} == {4 if mode.endswith("concurrent") else 1}
    assert told.count(" yes") == len(calls) - 1


def test_batch_above_the_request_weight_fails(market: Path, tmp_path: Path) -> None:
    options = ("--set", "projection=all_traded", "--mode", "advised_ten", "--mode", "largest", "--mode", "one")
    told, numbers = run("batches", market, tmp_path, *options, code=5)
    assert re.search(r"! advised_ten: RuntimeError: a call for 10 markets was rejected: .*TOO_MUCH_DATA", told)
    assert {mode: samples[0]["calls"] for mode, samples in numbers.items() if samples} == {"one": 12, "largest": 2}


@pytest.mark.parametrize(
    ("scenario", "given", "text"),
    [
        ("batches", "projection=some", "projection=some markets=12: choose best, all, best_traded, all_traded"),
        ("reconnect", "traffic=midnight", "traffic=midnight: choose early, pre_off, last_minute, in_play, both"),
        ("reconnect", "cut_every=100000", "updates are too few for a reset; choose a smaller cut_every"),
        ("retries", "faults=many", "--faults many: not a share"),
        ("connections", "rtt_ms=-1", "--rtt -1.0ms: too short"),
    ],
)
def test_invalid_parameters_are_rejected(market: Path, tmp_path: Path, scenario: str, given: str, text: str) -> None:
    done = perfbench("run", scenario, *QUICK, "--data", market, "--set", given, folder=tmp_path, timeout=280)
    assert done.returncode == 5
    assert text in done.stdout + done.stderr


def test_resumed_subscription_receives_missed_updates_and_a_retry_loop_misses_more(
    market: Path, tmp_path: Path
) -> None:
    options = ("--set", "speed=300", "--set", "cut_every=25", "--set", "wait_s=20")
    _, numbers = run("reconnect", market, tmp_path, *options)
    for mode, samples in numbers.items():
        for sample in samples:
            assert sample["cuts"] >= 1
            assert 0 < sample["recovery_p50_ms"] <= sample["recovery_max_ms"]
            assert sample["recovery_p50_ms"] >= (20_000 if mode == "retry_loop" else 0), "its first wait, in full"
            assert sample["recovery_p50_ms"] < 60_000, "which is short where the market is fast"
    assert numbers["retry_loop"][0]["missed"] > numbers["resume"][0]["missed"] >= numbers["resume"][0]["cuts"]


def test_flumine_follows_the_same_stream_live(market: Path, tmp_path: Path) -> None:
    told, numbers = run("live", market, tmp_path, "--mode", "full", "--mode", "flumine")
    assert told.count(" yes") == 1
    assert numbers["flumine"][0]["latency_p50_ms"] > 0


def test_flumine_rejects_several_markets(tmp_path: Path) -> None:
    write_market(Recipe(seed=72, runners=3, updates=90, markets=2, in_play=True), tmp_path / "event")
    told, _ = run("live", tmp_path / "event", tmp_path, "--mode", "full", "--mode", "flumine")
    assert "not available here: flumine handles each market separately; choose a file of one market" in " ".join(
        told.split()
    )
