"""The scenario gc_tuning: what the collector does in every mode, what it frees, its pauses, and that its settings are put back."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import QUICK, one_line, perfbench

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

MODES = ("default", "collect_at_close", "raised_thresholds", "frozen", "frozen_and_raised", "off_until_close")
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
    wanted = {"replays": MARKETS, "updates": UPDATES, **values}
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
    return run(market, tmp_path_factory.mktemp("knotted"), cycles="true")[1]


def test_every_mode_gets_the_same_books(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    same = dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", plain[0], re.MULTILINE))
    assert same == dict.fromkeys(MODES[1:], "yes")
    assert set(plain[1]) == set(MODES)


def test_modes_set_the_collector_as_their_names_announce(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    collections = {mode: numbers["collections"] for mode, numbers in plain[1].items()}
    assert collections["default"] > MARKETS
    assert collections["collect_at_close"] >= collections["default"] + MARKETS - 1
    assert collections["frozen"] == pytest.approx(collections["default"], rel=0.3)
    assert collections["off_until_close"] == MARKETS
    assert collections["raised_thresholds"] == collections["frozen_and_raised"] == 0
    closing = {mode for mode, numbers in plain[1].items() if numbers["close_pause_ms"]}
    assert closing == {"collect_at_close", "off_until_close"}


def test_disabled_collector_pauses_no_market(plain: tuple[str, dict[str, dict[str, float]]]) -> None:
    assert plain[1]["off_until_close"]["pause_ms"] == 0
    assert plain[1]["default"]["pause_ms"] > 0


def test_books_in_a_reference_cycle_are_freed_by_the_collector_only(
    plain: tuple[str, dict[str, dict[str, float]]], knotted: dict[str, dict[str, float]]
) -> None:
    for mode in ("collect_at_close", "off_until_close"):
        assert knotted[mode]["freed"] - plain[1][mode]["freed"] >= MARKETS * UPDATES, mode


def test_frozen_garbage_is_not_freed(knotted: dict[str, dict[str, float]]) -> None:
    assert knotted["frozen_and_raised"]["freed"] < knotted["off_until_close"]["freed"] / 2
    assert knotted["frozen_and_raised"]["rss_full_bytes"] - knotted["collect_at_close"]["rss_full_bytes"] > MIB


def test_kept_books_use_memory_until_they_are_dropped(
    market: Path, tmp_path: Path, plain: tuple[str, dict[str, dict[str, float]]]
) -> None:
    for mode, said in run(market, tmp_path / "kept", keep=UPDATES)[1].items():
        assert said["rss_full_bytes"] - plain[1][mode]["rss_full_bytes"] > MIB, mode
        assert said["rss_full_bytes"] > said["rss_collected_bytes"] >= said.get("rss_trimmed_bytes", 0), mode


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"keep": -1}, "keep=-1: the number of market books, at least 0"),
        ({"replays": 0}, "replays=0, updates=400: at least one of each"),
    ],
)
def test_a_session_that_cannot_be_is_refused(market: Path, tmp_path: Path, values: dict[str, int], said: str) -> None:
    given = [w for name, value in {"updates": UPDATES, **values}.items() for w in ("--set", f"{name}={value}")]
    done = perfbench("run", "gc_tuning", *QUICK, "--data", market, *given, folder=tmp_path)
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
