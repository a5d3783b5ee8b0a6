"""Scenarios live and subscriptions: stream client on the local exchange, latency, and the stall of older releases."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from support.command_line import QUICK, one_line, perfbench, variables
from support.deadline import wait_until
from support.exchange_client import serving, subscribed
from support.scenarios import import_shipped

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

FIELDS = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
GAP = 0.8
"""Seconds after the frame that stalls; nothing comes in them."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "1.100000051"
    write_market(Recipe(seed=51, runners=5, updates=400, in_play=True), path)
    return path


def run(
    market: Path, folder: Path, *options: str, scenario: str = "live"
) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """The table, and the samples of every mode."""
    done = perfbench(
        *("run", scenario, *QUICK, "--data", market, "--save", "live", *options), folder=folder, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((folder / "results" / "live.json").read_text())
    return done.stdout, {m["case"]["mode"]: m["samples"] for m in document["measurements"]}


def test_modes_receive_the_same_updates_and_report_latencies(market: Path, tmp_path: Path) -> None:
    table, samples = run(market, tmp_path, "--set", "traffic=both", "--set", "speed=600")
    assert [row.split()[0] for row in table.splitlines()[2:5]] == ["full", "lightweight", "flumine"]
    assert table.rstrip().count(" yes") == 2
    assert set(samples) == {"full", "lightweight", "flumine"}
    for mode in samples.values():
        assert len({sample["work"] for sample in mode}) == 1
        for sample in mode:
            numbers = sample["numbers"]
            assert 0 < numbers["latency_p50_ms"] <= numbers["latency_p99_ms"] <= numbers["latency_max_ms"]
            assert numbers["runners_changed"] > 0
            assert 0 < numbers["exchange_late_ms"] < 1000
            assert 0 < numbers["exchange_share"] < 2
            assert numbers["bookkeeping_ms"] > 0
            minutes = sample["metrics"]["reported_seconds"] * 1e3 / numbers["cpu_ms_per_minute"]
            assert minutes == pytest.approx(span(market) / 60)


def span(market: Path) -> float:
    """Seconds from the second update to the last; all of them are within five minutes of the start."""
    times = [json.loads(line)["pt"] for line in market.read_text().splitlines()]
    return float(times[-1] - times[1]) / 1000


KILLED = """
import os
import signal

from perfbench.kit.exchange import exchange_process
from perfbench import mode


@mode(baseline=True)
def killed(market):
    with exchange_process("--data", market, "--no-api") as process:
        os.kill(process._process.pid, signal.SIGKILL)
        process.close()
"""


def test_killed_exchange_is_reported(market: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "killed.py").write_text(KILLED)
    done = perfbench("run", "killed", *QUICK, "--data", market, "--scenarios", own, folder=tmp_path)
    assert done.returncode == 5
    assert "! killed: RuntimeError: the exchange failed: killed by signal 9 at" in done.stdout
    one_line(done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends children with their parent")
def test_run_that_is_killed_leaves_no_exchange_and_no_folder_of_it(market: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "perfbench", "run", "subscriptions", "--data", str(market), "--set", "speed=1"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**variables(tmp_path), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        served = wait_until(lambda: find_exchange(process.pid), "an exchange is started")
        assert served is not None
        log = Path(served.cmdline()[served.cmdline().index("--log") + 1])
        assert log.parent.is_dir()
        wait_until(lambda: [*temporary.rglob("client.pem")], "the exchange has made its keys")
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not served.is_running() and not log.parent.exists(), "the exchange and its folder are gone")
    wait_until(lambda: not [*temporary.rglob("*.pem")], "its keys are gone")


def find_exchange(pid: int) -> psutil.Process | None:
    """The exchange among the descendants of a process, once it has its command line."""
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if {"exchange", "--log"} <= set(child.cmdline()):
                return child
    return None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("traffic=midnight", "traffic=midnight: choose early, pre_off, last_minute, in_play, both"),
        ("speed=0", "--speed 0.0: not a speed"),
    ],
)
def test_unknown_values_are_rejected(market: Path, tmp_path: Path, given: str, text: str) -> None:
    done = perfbench("run", "live", *QUICK, "--data", market, "--set", given, folder=tmp_path)
    assert done.returncode == 5
    assert text in done.stdout + done.stderr
    one_line(done.stderr)


@pytest.mark.parametrize(("release", "stalls"), [("2.22.1", True), ("2.24.0", False)])
def test_frame_one_byte_longer_than_a_buffer_stalls_in_older_releases(
    tmp_path: Path, release: str, stalls: bool
) -> None:
    """A frame of a length of 1 mod 1024 waits there for whatever comes next."""
    market = tmp_path / "1.100000052"
    padded(market, 0)
    size = longest_frame(market, tmp_path)
    padded(market, (1025 - size) % 1024)
    assert longest_frame(market, tmp_path) % 1024 == 1
    _, samples = run(
        market,
        tmp_path,
        "--env",
        f"betfairlightweight=={release}",
        "--mode",
        "full",
        "--set",
        "speed=1",
        "--set",
        "traffic=both",
    )
    for sample in samples["full"]:
        assert (sample["numbers"]["latency_max_ms"] > GAP * 900) == stalls
        assert not stalls or sample["numbers"]["slowest_bytes"] % 1024 == 1


def padded(path: Path, more: int) -> None:
    """A market of a few updates around its start, of which one is long, with so many bytes more, and then nothing for a while."""
    whole = path.with_name("whole")
    write_market(Recipe(seed=52, runners=12, updates=60), whole)
    lines = [json.loads(line) for line in whole.read_text().splitlines()[:4]]
    definition = lines[0]["mc"][0]["marketDefinition"]
    start = lines[0]["pt"]
    definition["marketTime"] = "2026-01-01T12:00:00.000Z"
    origin = 1_767_268_800_000 - start
    for line, at in zip(lines, (0.0, 0.2, 0.4, 0.4 + GAP), strict=True):
        line["pt"] = start + origin + round(at * 1000)
    lines[2]["mc"][0]["marketDefinition"] = {**definition, "name": "x" * (1200 + more)}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def longest_frame(market: Path, folder: Path) -> int:
    """Bytes of the longest frame after the image."""
    log = folder / "log.csv"
    options = ("--data", market, "--speed", "max", "--from", "-300s", "--until", "300s", "--hang-up", "--log", log)
    with serving(*options, folder=folder) as served:
        client, message = subscribed(served.port, marketFilter={}, marketDataFilter={"fields": FIELDS})
        with client:
            while message:
                message = client.changes()
    with log.open(newline="") as rows:
        return max(int(row["bytes"]) for row in csv.DictReader(rows))


def test_smaller_subscription_receives_less_and_lacks_the_rest(market: Path, tmp_path: Path) -> None:
    chosen = ("everything", "advised_best_3", "as_written", "flumine_defaults", "all_offers", "best_1", "conflated")
    modes = (f"--mode={mode}" for mode in chosen)
    table, samples = run(market, tmp_path, "--set", "conflate_ms=24000", *modes, scenario="subscriptions")
    said = {mode: found[0]["numbers"] for mode, found in samples.items()}
    whole, least = said["everything"], said["advised_best_3"]
    assert said["as_written"]["sent_bytes"] == whole["sent_bytes"], "the stream ignores what belongs elsewhere"
    assert said["as_written"]["levels"] == whole["levels"]
    assert 2 < least["levels"] <= 6 < whole["levels"]
    assert (least["volume"], least["last_prices"]) == (0, 0), "nothing of what was traded"
    assert whole["last_prices"] > 0
    assert least["frames"] < whole["frames"]
    assert least["sent_bytes"] < whole["sent_bytes"]
    assert said["all_offers"]["levels"] == pytest.approx(whole["levels"], rel=0.05)
    assert 0 < said["best_1"]["levels"] <= 2
    assert (
        said["all_offers"]["volume"] == 0 < whole["volume"] == said["best_1"]["volume"] == said["conflated"]["volume"]
    )
    assert said["best_1"]["frames"] < whole["frames"]
    assert said["conflated"]["frames"] < whole["frames"] / 2
    assert said["all_offers"]["sent_bytes"] < said["flumine_defaults"]["sent_bytes"] < whole["sent_bytes"]
    assert {sample["work"] for found in samples.values() for sample in found} == {int(whole["frames"])}
    assert table.count(" floor") == 6


SUBSCRIPTIONS = import_shipped("subscriptions")


def test_advised_subscription_is_valid_on_the_stream_and_as_written_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    filters: list[Any] = []
    monkeypatch.setattr(SUBSCRIPTIONS, "subscribed", lambda _, *chosen, **more: filters.append((*chosen, more)))
    for mode in ("everything", "advised_best_3", "as_written"):
        getattr(SUBSCRIPTIONS, mode)(None)
    whole, advised, written = filters
    assert whole == ({}, {})
    assert advised == ({"fields": ["EX_MARKET_DEF", "EX_BEST_OFFERS"], "ladderLevels": 3}, {})
    assert written[1] == {"market_filter": {"ladderLevels": 3}}
    assert written[0]["priceData"] == ["EX_BEST_OFFERS"]
    assert written[0]["virtualise"] is False
    assert written[0]["exBestOffersOverrides"]["rollupModel"] == "STAKE"
    claims = SUBSCRIPTIONS.CLAIMS
    assert {(claim.before, claim.after) for claim in claims} == {("everything", "advised_best_3")}
    assert [claim.metric for claim in claims] == ["latency_p50_ms", "sent_bytes", ""]


@pytest.mark.parametrize(("speed", "asked", "sent"), [(1.0, 200, 200), (20.0, 200, 10), (1200.0, 200, 1), (20.0, 0, 0)])
def test_conflation_is_in_milliseconds_of_the_market(
    monkeypatch: pytest.MonkeyPatch, speed: float, asked: int, sent: int
) -> None:
    monkeypatch.setattr(SUBSCRIPTIONS, "subscribed", lambda _, data_filter, conflate_ms: conflate_ms)
    assert SUBSCRIPTIONS.conflated(SimpleNamespace(speed=speed), conflate_ms=asked) == sent


STREAM_CLIENT = import_shipped("perfbench.kit.stream_client")


class Books:
    """A stream that gives two updates, each for 1 s of CPU; a clock that the note of a book sets 10 s ahead."""

    def __init__(self, taken: Any) -> None:
        self.now, self._taken = 0.0, taken
        self.streaming = self

    def create_stream(self, **_: Any) -> Books:
        return self

    def subscribe_to_markets(self, *_: Any, **__: Any) -> None:
        return

    def start(self) -> None:
        for _ in range(2):
            self.now += 1.0
            self._taken.put([self])

    def __getitem__(self, name: str) -> Any:
        raise AssertionError(name)

    @property
    def streaming_update(self) -> dict[str, Any]:
        self.now += 10.0
        return {"rc": [1, 2]}

    market_id, status, total_matched, runners = "1.1", "OPEN", 5.0, ()


def test_cpu_seconds_of_a_client_are_without_those_of_what_takes_note_of_its_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = STREAM_CLIENT.Taken()
    books = Books(taken)
    clock = SimpleNamespace(**dict.fromkeys(("monotonic", "thread_time", "process_time"), lambda: books.now))
    monkeypatch.setattr(STREAM_CLIENT, "time", clock)
    monkeypatch.setattr(STREAM_CLIENT.betfairlightweight, "APIClient", lambda *_, **__: books)
    assert STREAM_CLIENT.follow(1, False, taken, {}) == 2.0
    assert taken.own_seconds == 20.0
    assert taken.times == [1.0, 12.0], "a book is ready before it is noted"
    assert taken.runners == [2, 2]


@pytest.mark.parametrize("scenario", ["live", "subscriptions", "reconnect"])
def test_file_of_best_offers_is_rejected_with_advice(scenario: str, tmp_path: Path) -> None:
    """Most of its updates change nothing that a client of the full depth asks for."""
    levels = tmp_path / "1.100000053"
    write_market(Recipe(seed=53, runners=3, updates=300, in_play=True, ladder="levels"), levels)
    done = perfbench("run", scenario, *QUICK, "--data", levels, folder=tmp_path)
    assert done.returncode == 5
    assert "1.100000053 has best offers only, not the full depth; choose a PRO file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
