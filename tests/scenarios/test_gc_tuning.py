"""The scenario gc_tuning: what the collector does in every mode, what it frees, its pauses, and that its settings are put back."""

from __future__ import annotations

import gc
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.command_line import QUICK, one_line, perfbench

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

MODES = (
    "default",
    "advised_collect",
    "never_cleared",
    "collect_only",
    "raised_thresholds",
    "frozen",
    "frozen_and_raised",
    "off_until_close",
)
COLLECTING = ("advised_collect", "collect_only", "off_until_close")
KEEP = 100
MARKETS, UPDATES = 3, 400
MIB = 1 << 20


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market of which a session takes the beginning."""
    path = tmp_path_factory.mktemp("gc_tuning") / "1.100000031"
    write_market(Recipe(seed=31, runners=8, updates=400, in_play=True), path)
    return path


def run(market: Path, folder: Path, **values: object) -> tuple[str, dict[str, dict[str, float]]]:
    """The table, and what every mode reported of its own in its first pass."""
    folder.mkdir(exist_ok=True)
    wanted = {"replays": MARKETS, "updates": UPDATES, "keep": KEEP, **values}
    given = [word for name, value in wanted.items() for word in ("--set", f"{name}={value}")]
    done = perfbench("run", "gc_tuning", *QUICK, "--data", market, "--save", "tuned", *given, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((folder / "results" / "tuned.json").read_text())
    assert {m["output"]["updates"] for m in document["measurements"]} == {MARKETS * UPDATES}
    return done.stdout, {m["case"]["mode"]: m["samples"][0]["numbers"] for m in document["measurements"]}


@pytest.fixture(scope="module")
def plain(market: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, dict[str, float]]]:
    """Books are let go."""
    return run(market, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def knotted(market: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Every book is held by a cycle."""
    return run(market, tmp_path_factory.mktemp("knotted"), cycles=100)[1]


def test_every_mode_gets_the_same_books(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    same = dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", plain[0], re.MULTILINE))
    assert same == dict.fromkeys(MODES[1:], "yes")
    assert set(plain[1]) == set(MODES)


def test_modes_set_the_collector_as_their_names_announce(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    collections = {mode: numbers["collections"] for mode, numbers in plain[1].items()}
    assert collections["default"] > MARKETS
    assert collections["advised_collect"] >= collections["default"] + MARKETS - 1
    assert collections["frozen"] == pytest.approx(collections["default"], rel=0.3)
    assert collections["off_until_close"] == MARKETS
    assert collections["raised_thresholds"] == collections["frozen_and_raised"] == 0
    closing = {mode for mode, numbers in plain[1].items() if numbers["close_pause_ms"]}
    assert closing == set(COLLECTING)


class Session:
    """Two markets of three books: numbers in lists, so that they can be in a reference cycle."""

    markets, amount = 2, 3

    def __init__(self) -> None:
        self.record = SimpleNamespace(note=lambda *_: None, items=lambda: iter(()))

    def books(self) -> Iterator[list[int]]:
        return iter([[1], [2], [3]])


def test_advised_mode_clears_the_cache_then_collects_and_logs_what_was_freed(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: each market's cache holds its last two books, and is empty when garbage is collected."""
    collector, seen = shipped("gc_tuning"), []

    class Cache(deque):  # type: ignore[type-arg]
        def clear(self) -> None:
            seen.append(f"clear {list(self)}")
            super().clear()

    monkeypatch.setattr(collector, "deque", Cache)
    trading = collector.Trading(Session(), 2, 0)
    monkeypatch.setattr(collector.Trading, "run", spied(collector.Trading.run, monkeypatch, collector, seen))
    log = SimpleNamespace(info=lambda text, freed: seen.append(text % freed))
    collector.advised_collect(trading, log)
    assert seen == ["clear [[2], [3]]", "collect", "garbage collection freed 7 objects"] * 2


def spied(run: Any, monkeypatch: pytest.MonkeyPatch, collector: Any, seen: list[str]) -> Any:
    """The run of a session with a collector that frees seven objects."""

    def collect() -> int:
        seen.append("collect")
        return 7

    def spied_run(trading: Any, at_start: Any, at_close: Any) -> Any:
        def close(cache: Any) -> None:
            with monkeypatch.context() as patched:
                patched.setattr(collector.gc, "collect", collect)
                at_close(cache)

        return run(trading, at_start, close)

    return spied_run


def test_claims_compare_sessions_that_both_clear_their_caches(shipped: Callable[[str], Any]) -> None:
    collector = shipped("gc_tuning")
    assert {(claim.before, claim.after) for claim in collector.CLAIMS} == {("default", "advised_collect")}
    assert [(claim.metric, claim.bounded, claim.source) for claim in collector.CLAIMS] == [
        ("end_rss_bytes", False, "community notes"),
        ("growth_bytes", True, "community notes"),
        ("pause_ms", False, "perfbench"),
    ]


def test_growth_is_that_of_the_markets_after_the_first(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = shipped("gc_tuning")
    resident = iter([100, 150, 190, 90, 80, 70])
    monkeypatch.setattr(collector, "resident_bytes", lambda: next(resident))
    monkeypatch.setattr(collector, "give_back", lambda: True)
    numbers = collector.default(collector.Trading(Session(), 2, 0)).numbers
    assert (numbers["rss_market_01"], numbers["rss_market_02"]) == (150, 190)
    assert (numbers["end_rss_bytes"], numbers["growth_bytes"], numbers["left_bytes"]) == (190, 40, 0)


def test_disabled_collector_pauses_no_market(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    assert plain[1]["off_until_close"]["pause_ms"] == 0
    assert plain[1]["default"]["pause_ms"] > 0


def test_books_in_a_reference_cycle_are_freed_by_the_collector_only(
    plain: tuple[str, dict[str, dict[str, float]]], knotted: dict[str, dict[str, float]]
) -> None:
    for mode in ("advised_collect", "off_until_close"):
        assert knotted[mode]["freed"] - plain[1][mode]["freed"] >= MARKETS * UPDATES, mode


def test_frozen_garbage_is_not_freed(knotted: dict[str, dict[str, float]]) -> None:
    assert knotted["frozen_and_raised"]["freed"] < knotted["off_until_close"]["freed"] / 2
    assert knotted["frozen_and_raised"]["end_rss_bytes"] - knotted["advised_collect"]["end_rss_bytes"] > MIB


def test_caches_that_nobody_clears_grow_with_every_market_collected_or_not(market: Path, tmp_path: Path) -> None:
    numbers = run(market, tmp_path / "kept", keep=UPDATES)[1]
    for mode, said in numbers.items():
        grows = mode in ("never_cleared", "collect_only")
        assert (said["growth_bytes"] > MIB) == grows, mode
        assert said["end_rss_bytes"] == said[f"rss_market_{MARKETS:02d}"], mode
        assert said["end_rss_bytes"] >= said["rss_cleared_bytes"] >= said.get("rss_trimmed_bytes", 0), mode


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"keep": -1}, "keep=-1: the number of market books, at least 0"),
        ({"cycles": 101}, "cycles=101: of every 100 market books, 0 to 100"),
        ({"replays": 0}, "replays=0, updates=400: at least one of each"),
    ],
)
def test_a_session_that_cannot_be_is_refused(market: Path, tmp_path: Path, values: dict[str, int], said: str) -> None:
    given = [w for name, value in {"updates": UPDATES, **values}.items() for w in ("--set", f"{name}={value}")]
    modes = ("--mode", "default", "--mode", "frozen")
    done = perfbench("run", "gc_tuning", *modes, *QUICK, "--data", market, *given, folder=tmp_path)
    assert done.returncode == 5
    assert said in done.stdout
    one_line(done.stderr)


def test_the_collector_is_afterwards_as_it_was_before(shipped: Callable[[str], Any]) -> None:
    collector = shipped("gc_tuning")
    before = gc.get_threshold(), gc.isenabled(), gc.get_freeze_count(), len(gc.callbacks)

    def tuned() -> None:
        with collector.watched() as watch:
            gc.set_threshold(9, 9, 9)
            gc.freeze()
            gc.disable()
            gc.collect()
            assert watch.collections == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tuned()
    assert (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count(), len(gc.callbacks)) == before


def test_a_pause_is_noted_where_it_happened(shipped: Callable[[str], Any]) -> None:
    with shipped("gc_tuning").watched() as watch:
        gc.disable()
        gc.collect()
        first = watch.longest
        watch.closing = True
        gc.collect()
    assert first > 0
    assert watch.longest == first
    assert watch.longest_at_close > 0
    assert watch.paused == pytest.approx(first + watch.longest_at_close)
