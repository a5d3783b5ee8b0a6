"""Levers on how market files are read: listeners of betfairlightweight, and other readers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.levers import (
    list_orders,
    load,
    make_simulation,
    note_listener,
    note_program,
    note_replay,
    note_simulation,
    note_stream,
    propose,
)

from perfbench.kit.strategies import BestPrice


def read_books(market: Path, **settings: Any) -> Iterator[Any]:
    """The books of a market, as a program of betfairlightweight reads them."""
    import betfairlightweight
    from betfairlightweight import StreamListener

    client = betfairlightweight.APIClient("username", "password", app_key="key")
    stream = client.streaming.create_historical_generator_stream(str(market), StreamListener(**settings))
    for books in stream.get_generator()():
        yield from books


def registered_stream(**settings: Any) -> Any:
    """The stream of a new listener with these settings."""
    from betfairlightweight import StreamListener

    listener = StreamListener(**settings)
    listener.register_stream(0, "marketSubscription")
    return listener.stream


@pytest.mark.parametrize(
    ("name", "listener"),
    [
        ("max_latency", note_listener(max_latency=None)),
        ("max_latency", note_listener(max_latency=float("inf"))),
        ("update_clk", note_listener(update_clk=False)),
        ("traded_volume", note_listener()),
        ("lightweight", note_listener(lightweight=True)),
        ("betfair_data", note_listener(lightweight=True)),
        ("betfair_data", note_listener(generator=False)),
        ("generator", note_listener()),
    ],
)
def test_lever_is_not_proposed_to_a_listener_that_has_it(name: str, listener: Any) -> None:
    assert not propose(name, note_replay(listener))


@pytest.mark.parametrize("name", ["max_latency", "update_clk", "lightweight", "betfair_data", "generator"])
def test_levers_of_plain_listeners_are_not_proposed_to_simulations(name: str) -> None:
    listeners = [note_listener(generator=False)]
    assert not propose(name, note_program(note_simulation(), listeners=listeners))


def test_max_latency_is_infinite_before_2_2() -> None:
    (proposal,) = propose("max_latency", note_replay(note_listener()))
    assert proposal.write == "StreamListener(max_latency=None)"
    assert "max_latency is 0.5 s" in proposal.reason
    (proposal,) = propose("max_latency", note_replay(note_listener(), packages={"betfairlightweight": "2.1.0"}))
    assert proposal.write == 'StreamListener(max_latency=float("inf"))'


def test_no_latency_is_checked(race: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    expected = [book.publish_time for book in read_books(race)]
    assert "Latency high" in caplog.text
    caplog.clear()
    with load("max_latency").applied(""):
        assert registered_stream()._max_latency is None
        assert [book.publish_time for book in read_books(race)] == expected
    assert not caplog.text
    assert registered_stream()._max_latency == 0.5


def test_update_clk_needs_2_12() -> None:
    (proposal,) = propose("update_clk", note_replay(note_listener()))
    assert proposal.kind == "same"
    assert not propose("update_clk", note_replay(note_listener(), packages={"betfairlightweight": "2.11.2"}))


def test_clocks_are_not_stored(race: Path) -> None:
    with load("update_clk").applied(""):
        assert registered_stream(update_clk=True).update_clk is False
        assert len(list(read_books(race, max_latency=None))) > 600
    assert registered_stream().update_clk is True


def test_traded_volumes_change_the_answer() -> None:
    (proposal,) = propose("traded_volume", note_replay(note_listener(cumulative_runner_tv=True)))
    assert (proposal.kind, proposal.value) == ("changes", "cumulative_runner_tv")
    assert proposal.write == "StreamListener(cumulative_runner_tv=False)"
    settings = {"calculate_market_tv": True, "cumulative_runner_tv": True}
    (proposal,) = propose("traded_volume", note_program(note_simulation(streams=[note_stream(listener=settings)])))
    assert proposal.value == "calculate_market_tv,cumulative_runner_tv"
    assert proposal.write.endswith('listener_kwargs={"calculate_market_tv": False, "cumulative_runner_tv": False})')


def test_traded_volumes_are_not_computed() -> None:
    with load("traded_volume").applied("calculate_market_tv"):
        stream = registered_stream(calculate_market_tv=True, cumulative_runner_tv=True)
    assert (stream._calculate_market_tv, stream._cumulative_runner_tv) == (False, True)


def test_lightweight_books_are_dictionaries(race: Path) -> None:
    with load("lightweight").applied(""):
        book = next(read_books(race, max_latency=None))
    assert isinstance(book, dict)
    assert next(read_books(race, max_latency=None)).market_id == book["marketId"]


def test_slotted_classes_are_proposed_only_without_flumine() -> None:
    (proposal,) = propose("slotted_classes", note_replay(note_listener()))
    assert "from flumine.patching import EX, SP" in proposal.write
    assert not propose("slotted_classes", note_replay(note_listener(), packages={"flumine": "3.3.2"}))
    assert not propose("slotted_classes", note_replay(note_listener(lightweight=True)))


def test_prices_of_slotted_classes_are_dictionaries(race: Path) -> None:
    from betfairlightweight.resources import bettingresources

    before = bettingresources.RunnerBookEX
    with load("slotted_classes").applied(""):
        book = list(read_books(race, max_latency=None))[5]
        assert bettingresources.RunnerBookEX.__module__ == "flumine_patching"
    assert bettingresources.RunnerBookEX is before
    assert book.runners[0].ex.available_to_back[0]["price"] > 1


def test_generator_is_named_and_not_tried() -> None:
    (proposal,) = propose("generator", note_replay(note_listener(generator=False)))
    assert not proposal.tried
    assert not proposal.applies


# Other readers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def fake_betfair_data(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A module of that name, which yields two lines with three books of each file; its calls are noted."""
    calls: list[dict[str, Any]] = []

    def read_files(paths: list[str], **settings: Any) -> Iterator[Any]:
        calls.append({"paths": paths, **settings})
        for path in paths:
            yield iter([[path], [path, path]])

    module = ModuleType("betfair_data")
    module.bflw = SimpleNamespace(Files=read_files)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "betfair_data", module)
    return calls


def test_betfair_data_and_its_fork_are_environments_with_another_reader() -> None:
    proposals = propose("betfair_data", note_replay(note_listener(cumulative_runner_tv=True)))
    assert [proposal.environment for proposal in proposals] == ["betfair-data==0.3.4", "betfair-data-smoothcinf==0.3.5"]
    assert all(proposal.applies and "cumulative_runner_tv=True" in proposal.write for proposal in proposals)
    assert proposals[1].source == "https://pypi.org/project/betfair-data-smoothcinf/"


def test_generator_reads_with_betfair_data_and_counts_its_updates(fake_betfair_data: list[dict[str, Any]]) -> None:
    import betfairlightweight
    from betfairlightweight import StreamListener

    client = betfairlightweight.APIClient("username", "password", app_key="key")
    listener = StreamListener(cumulative_runner_tv=True)
    with load("betfair_data").applied(""):
        stream = client.streaming.create_historical_generator_stream("/data/1.1", listener)
        assert list(stream.get_generator()()) == [["/data/1.1"], ["/data/1.1", "/data/1.1"]]
    assert listener.stream._updates_processed == 3
    assert fake_betfair_data == [{"paths": ["/data/1.1"], "cumulative_runner_tv": True}]


def test_lever_whose_package_is_missing_fails_in_the_program(race: Path) -> None:
    with load("betfair_data").applied(""), pytest.raises(ModuleNotFoundError):
        next(read_books(race))


class FakeBook:
    """A book with the attributes that tickrush's books have, of one of flumine."""

    def __init__(self, book: Any) -> None:
        names = [*vars(book), "market_definition"]
        self.__dict__.update({name: getattr(book, name) for name in names if name != "streaming_unique_id"})


@pytest.fixture
def fake_tickrush(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of that name, which yields the books of flumine, one for every update and not filtered."""
    module = ModuleType("tickrush")

    def iter_prices_file(path: str) -> Iterator[FakeBook]:
        from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

        stream = BetfairHistoricalStream(file_path=path)
        stream.create_generator = original(stream)
        for books in stream.create_generator()():
            yield from map(FakeBook, books)

    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

    create = BetfairHistoricalStream.create_generator

    def original(stream: Any) -> Any:
        return lambda: create(stream)

    module.iter_prices_file = iter_prices_file  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tickrush", module)


def test_tickrush_is_an_environment_with_another_reader() -> None:
    (proposal,) = propose("tickrush", note_program(note_simulation()))
    assert (proposal.environment, proposal.applies) == ("tickrush==0.1.0", True)
    assert "BetfairHistoricalStream.create_generator = create_generator" in proposal.write
    (proposal,) = propose("tickrush", note_program(note_simulation(), packages={"flumine": "2.13.11"}))
    assert "tickrush.iter_prices_file(stream.market_filter)" in proposal.write


def test_tickrush_is_named_only_where_no_order_shows_that_its_books_are_enough() -> None:
    (proposal,) = propose("tickrush", note_program(note_simulation(orders=0)))
    assert not proposal.tried
    assert proposal.reason.startswith("no order shows")


@pytest.mark.parametrize(
    ("simulation", "release"),
    [
        (note_simulation(), "1.17.8"),
        (note_simulation(streams=[note_stream(packed=True)]), "3.3.2"),
        (note_simulation(streams=[note_stream(listener={"max_inplay_seconds": 60})]), "3.3.2"),
    ],
)
def test_tickrush_is_not_proposed_otherwise(simulation: Any, release: str) -> None:
    assert not propose("tickrush", note_program(simulation, packages={"flumine": release}))


@pytest.mark.usefixtures("fake_tickrush")
@pytest.mark.parametrize(
    "settings", [{}, {"inplay": False}, {"inplay": True}, {"seconds_to_start": 60, "inplay": False}]
)
def test_simulation_reads_with_tickrush_and_its_filters_hold(race: Path, settings: dict[str, Any]) -> None:
    strategy = (BestPrice, {"inplay": True, "within": 200, "every": 10})
    plain = make_simulation(race, strategy, **settings)
    plain.run()
    with load("tickrush").applied(""):
        framework = make_simulation(race, strategy, **settings)
        framework.run()
    assert list_orders([plain])
    assert list_orders([framework]) == list_orders([plain])


@pytest.mark.usefixtures("fake_tickrush")
def test_lines_to_write_for_tickrush_do_what_the_lever_does(race: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

    (proposal,) = propose("tickrush", note_program(note_simulation()))
    monkeypatch.setattr(BetfairHistoricalStream, "create_generator", BetfairHistoricalStream.create_generator)
    plain = make_simulation(race, BestPrice, inplay=False)
    plain.run()
    exec(proposal.write.partition("\n\n")[2], {})
    framework = make_simulation(race, BestPrice, inplay=False)
    framework.run()
    assert BetfairHistoricalStream.create_generator.__name__ == "create_generator"
    assert list_orders([framework]) == list_orders([plain])
