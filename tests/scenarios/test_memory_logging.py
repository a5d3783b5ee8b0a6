"""The scenario memory_logging: how often each mode calls, that all see the same memory, and what a call costs."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from support.command_line import QUICK, one_line, perfbench

from perfbench import NotAvailable
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

UPDATES = 300
EACH = ("advised_call", "psutil_read", "psutil_kept", "statm_kept_open")
SECONDS = ("advised_each_second", "statm_each_second")

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is Linux's")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("memory_logging") / "1.100000032"
    write_market(Recipe(seed=32, runners=8, updates=400, in_play=True), path)
    return path


@pytest.fixture(scope="module")
def run(market: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, dict[str, float]]]:
    """The table, and what every mode reported of its own in its first pass."""
    folder = tmp_path_factory.mktemp("logged")
    given = ("--set", f"updates={UPDATES}", "--save", "logged")
    done = perfbench("run", "memory_logging", *QUICK, "--data", market, *given, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((folder / "results" / "logged.json").read_text())
    return done.stdout, {m["case"]["mode"]: m["samples"][0]["numbers"] for m in document["measurements"]}


def times(market: Path) -> list[int]:
    """When the first updates of the market were published, in milliseconds since 1970."""
    return [json.loads(line)["pt"] for line in market.read_text().splitlines()][:UPDATES]


@linux
def test_every_mode_gets_the_same_books(run: tuple[str, dict[str, dict[str, float]]]) -> None:
    same = dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", run[0], re.MULTILINE))
    assert same == dict.fromkeys((*EACH, *SECONDS), "yes")


@linux
def test_a_mode_calls_at_every_update_or_once_a_second_of_the_market(
    market: Path, run: tuple[str, dict[str, dict[str, float]]]
) -> None:
    due, calls = 0, 0
    for published in times(market):
        if published >= due:
            calls, due = calls + 1, published + 1000
    assert 1 < calls < UPDATES
    assert {mode: run[1][mode]["calls"] for mode in EACH} == dict.fromkeys(EACH, UPDATES)
    assert {mode: run[1][mode]["calls"] for mode in SECONDS} == dict.fromkeys(SECONDS, calls)
    assert "calls" not in run[1]["off"]


@linux
def test_every_mode_says_what_a_call_costs_and_how_often_it_may_be_called(
    run: tuple[str, dict[str, dict[str, float]]],
) -> None:
    for mode, numbers in run[1].items():
        if mode != "off":
            assert 0 < numbers["logged_share"] < 1
            assert numbers["call_us"] > 0
            assert numbers["every_1_percent"] > 0
            assert numbers["every_0_1_percent"] / numbers["every_1_percent"] == pytest.approx(999 / 99)
            assert numbers["pause_1_percent_ms"] == pytest.approx(numbers["call_us"] * 99 / 1e3)
            assert numbers["pause_0_1_percent_ms"] == pytest.approx(numbers["call_us"] * 999 / 1e3)


def test_nothing_is_claimed_of_a_frequency_that_the_notes_do_not_give(shipped: Callable[[str], Any]) -> None:
    assert not hasattr(shipped("memory_logging"), "CLAIMS")


def test_advised_call_reads_psutil_and_logs_an_f_string_in_megabytes(shipped: Callable[[str], Any]) -> None:
    """By hand: 3.5 MB are 3,670,016 bytes."""
    log, lines = shipped("memory_logging"), io.StringIO()
    made: list[int] = []

    class Process:
        def __init__(self) -> None:
            made.append(1)

        def memory_info(self) -> SimpleNamespace:
            return SimpleNamespace(rss=3_670_016)

    logger = log.logging.Logger("advised")
    logger.addHandler(log.logging.StreamHandler(lines))
    call = log.advised(SimpleNamespace(Process=Process), logger)
    assert (call(), call()) == (3_670_016, 3_670_016)
    assert lines.getvalue() == "Memory usage: 3.50 MB\n" * 2
    assert len(made) == 2, "a Process for each call"


def test_log_of_the_advised_call_is_formatted_and_written(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, file = shipped("memory_logging"), io.StringIO()
    monkeypatch.setattr(module, "TemporaryFile", lambda *_, **__: contextlib.nullcontext(file))
    for logger in module.log():
        logger.info("Memory usage: 1.00 MB")
    assert re.fullmatch(r"[\d-]+ [\d:,]+ INFO Memory usage: 1\.00 MB\n", file.getvalue())
    assert not module.logging.getLogger("memory_logging").handlers


@linux
def test_open_statm_file_agrees_with_psutil_at_every_read(
    shipped: Callable[[str], Any],
) -> None:
    process = psutil.Process()
    with shipped("memory_logging").kept_open() as resident:
        assert resident() == pytest.approx(process.memory_info().rss, abs=1 << 20)
        before, more = resident(), b"x" * (32 << 20)
        assert resident() - before == pytest.approx(len(more), rel=0.1)


def test_system_without_proc_is_reported(shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    log = shipped("memory_logging")
    monkeypatch.setattr(log, "STATM", "/nowhere/statm")
    with pytest.raises(NotAvailable, match="this system has no /nowhere/statm: run it on Linux"), log.kept_open():
        pass


def test_intervals_are_computed_from_calls_of_known_length(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of our own: an update takes 98 µs and a call 2 µs."""
    log = shipped("memory_logging")
    now = iter(range(10**12))
    time = 0

    def clock() -> int:
        return time

    def books() -> Iterator[int]:
        nonlocal time
        for number in range(50):
            time += 98_000
            yield number

    def resident() -> int:
        nonlocal time
        time += 2_000
        return next(now)

    record = SimpleNamespace(note=lambda *_: None, published=float, items=lambda: iter(()))
    monkeypatch.setattr(log.time, "perf_counter_ns", clock)
    work = log.logged(SimpleNamespace(amount=50, books=books, record=record), resident)
    assert work.numbers["calls"] == 50
    assert work.numbers["call_us"] == pytest.approx(2)
    assert work.numbers["logged_share"] == pytest.approx(0.02)
    for name, share in (("1", 0.01), ("0_1", 0.001)):
        assert 2 / (2 + work.numbers[f"every_{name}_percent"] * 98) == pytest.approx(share)
        assert 2 / (2 + work.numbers[f"pause_{name}_percent_ms"] * 1e3) == pytest.approx(share)


def test_less_than_no_milliseconds_are_refused(market: Path, tmp_path: Path) -> None:
    given = ("--mode", "off", "--mode", "statm_each_second", "--set", "every_ms=-1")
    done = perfbench("run", "memory_logging", *QUICK, "--data", market, *given, folder=tmp_path)
    assert done.returncode == 5
    assert "every_ms=-1: milliseconds between two calls, at least 0" in done.stdout
    one_line(done.stderr)


def test_clock_that_goes_back_restarts_the_interval(shipped: Callable[[str], Any]) -> None:
    """As in a file of several markets."""
    published = [5_000, 5_400, 6_000, 1_000, 1_999, 2_000]
    record = SimpleNamespace(note=lambda *_: None, published=published.__getitem__, items=lambda: iter(()))
    session = SimpleNamespace(amount=len(published), books=lambda: iter(published), record=record)
    assert shipped("memory_logging").logged(session, lambda: 0, 1_000).numbers["calls"] == 4
