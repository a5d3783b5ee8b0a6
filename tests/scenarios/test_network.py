"""Scenarios connections, retries, batches and reconnect on the local exchange."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.command_line import QUICK, perfbench

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe


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


def test_new_connections_pay_for_extra_round_trips(market: Path, tmp_path: Path) -> None:
    told, numbers = run(
        "connections", market, tmp_path, "--set", "rtt_ms=20", "--mode", "new_connection", "--mode", "session",
        "--mode", "keep_alive_off",
    )  # fmt: skip
    assert told.count(" yes") == 2, "all get the same books"
    for mode, trips in (("new_connection", 3), ("keep_alive_off", 3), ("session", 1)):
        for sample in numbers[mode]:
            assert sample["measured_rtt_ms"] >= 20
            assert sample["call_ms"] >= 20 * trips
            assert sample["slowest_ms"] >= 20 * 3, "the first call of all connects"


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
    assert "with urllib3's Retry”: makes no difference" in told


@pytest.mark.parametrize(
    ("projection", "calls"),
    [
        ("best", {"one": 25, "ten": 3, "largest": 1, "concurrent": 3}),
        ("best_traded", {"one": 25, "ten": 3, "largest": 3}),
    ],
)
def test_batches_make_the_expected_number_of_calls(
    market: Path, tmp_path: Path, projection: str, calls: dict[str, int]
) -> None:
    modes = [option for mode in calls for option in ("--mode", mode)]
    told, numbers = run("batches", market, tmp_path, "--set", "markets=25", "--set", f"projection={projection}", *modes)
    assert {mode: samples[0]["calls"] for mode, samples in numbers.items()} == calls
    assert told.count(" yes") == len(calls) - 1


def test_batch_above_the_request_weight_fails(market: Path, tmp_path: Path) -> None:
    options = ("--set", "projection=all_traded", "--mode", "ten", "--mode", "largest", "--mode", "one")
    told, numbers = run("batches", market, tmp_path, *options, code=5)
    assert re.search(r"! ten: RuntimeError: a call for 10 markets was rejected: .*TOO_MUCH_DATA", told)
    assert {mode: samples[0]["calls"] for mode, samples in numbers.items() if samples} == {"one": 12, "largest": 2}


@pytest.mark.parametrize(
    ("scenario", "given", "text"),
    [
        ("batches", "projection=some", "projection=some markets=12: choose best, all, best_traded, all_traded"),
        ("reconnect", "traffic=midnight", "traffic=midnight: choose early, pre_off, in_play, both"),
        ("reconnect", "cut_every=100000", "updates are too few for a reset; choose a smaller cut_every"),
        ("retries", "faults=many", "--faults many: expected a share such as 10% or 0.1"),
        ("connections", "rtt_ms=-1", "--rtt -1.0ms: expected a duration such as 20ms or 1.5s"),
    ],
)
def test_invalid_parameters_are_rejected(market: Path, tmp_path: Path, scenario: str, given: str, text: str) -> None:
    done = perfbench("run", scenario, *QUICK, "--data", market, "--set", given, folder=tmp_path, timeout=280)
    assert done.returncode == 5
    assert text in done.stdout + done.stderr


def test_resumed_subscription_receives_missed_updates_and_a_retry_loop_misses_more(
    market: Path, tmp_path: Path
) -> None:
    _, numbers = run("reconnect", market, tmp_path, "--set", "speed=300", "--set", "cut_every=25")
    for mode, samples in numbers.items():
        for sample in samples:
            assert sample["cuts"] >= 1
            assert 0 < sample["recovery_p50_ms"] <= sample["recovery_max_ms"]
            assert sample["recovery_p50_ms"] >= (200 if mode == "retry_loop" else 0), "its first wait"
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
