"""Levers that can only be named: nobody but the author of the program can apply them."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.levers import load, make_simulation, note_program, note_simulation, note_stream

from perfbench.kit.strategies import Idle


def test_processes_are_named_for_several_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    lever = load("processes")
    monkeypatch.setattr(lever.module, "count_cores", lambda: 4)
    streams = [note_stream(file=f"/data/{name}", own_file=f"/data/{name}") for name in ("1.1", "1.2")]
    (proposal,) = lever.propose(note_program(note_simulation(streams=streams), markets=2))
    assert not proposal.tried
    assert "ProcessPoolExecutor(4)" in proposal.write
    assert proposal.reason == "2 markets in one process; at most 2 times less wall time, and no less CPU time"


@pytest.mark.parametrize(
    ("markets", "processes", "cores"), [(1, 1, 4), (2, 2, 4), (2, 1, 1)], ids=["one market", "a pool", "one core"]
)
def test_processes_are_not_named_otherwise(
    monkeypatch: pytest.MonkeyPatch, markets: int, processes: int, cores: int
) -> None:
    lever = load("processes")
    monkeypatch.setattr(lever.module, "count_cores", lambda: cores)
    assert not lever.propose(note_program(note_simulation(), markets=markets, processes=processes))


@pytest.fixture(autouse=True)
def no_books() -> Iterator[None]:
    """What a test observes is forgotten: a lever is loaded once in a process."""
    gc.collect()  # the books of the last test
    yield
    vars(load("kept_books").module)["KEPT"].clear()


class Keeper(Idle):
    """Keeps every book, in a tuple with its time."""

    def start(self, flumine: Any) -> None:
        self.history: Any = self.context["kind"]()

    def process_market_book(self, market: Any, market_book: Any) -> None:
        self.history.append((market_book.publish_time, market_book))


@pytest.mark.parametrize("kind", [list, deque])
def test_strategy_that_keeps_books_is_named_with_its_attribute(
    race: Path, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    lever = load("kept_books")
    monkeypatch.setattr(lever.module, "LEAST_BOOKS", 500)
    with lever.observing():
        make_simulation(race, (Keeper, {"kind": kind})).run()
    (proposal,) = lever.propose(note_program(note_simulation(updates=700)))
    assert proposal.title == "no books kept in Keeper.history"
    assert not proposal.tried
    assert proposal.reason.endswith("books in memory at the end of a simulation of 700 updates")


def test_strategy_that_keeps_none_is_not_named(race: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lever = load("kept_books")
    monkeypatch.setattr(lever.module, "LEAST_BOOKS", 500)
    with lever.observing():
        make_simulation(race, Idle).run()
    assert not lever.propose(note_program(note_simulation()))


def test_books_are_counted_in_containers_of_containers() -> None:
    count: Any = load("kept_books").module.count_books_in
    book = type("MarketBook", (), {})()
    assert count([book, (1, book), {"last": book, "others": [book]}, "text", 3]) == 4
    assert count(book) == 1
    assert count(object()) == 0
