"""Levers that ask for fewer updates: their values, when they apply, and that flumine then gives fewer of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.levers import (
    count_updates,
    list_orders,
    load,
    make_simulation,
    note_program,
    note_simulation,
    note_stream,
    propose,
)

from perfbench.kit.strategies import BestPrice


def test_inplay_is_proposed_to_strategies_that_do_nothing_in_play() -> None:
    (proposal,) = propose("inplay", note_program(note_simulation()))
    assert proposal.kind == "less"
    assert proposal.value == "False"
    assert proposal.write == 'BetfairHistoricalStream(file_path=…, listener_kwargs={"inplay": False})'
    assert proposal.reason == (
        "30 % of the updates are in-play and none of 10 orders; read off 1 market: the next one goes beyond with probability 50 %"
    )


def test_inplay_before_flumine_3_is_written_into_the_market_filter() -> None:
    (proposal,) = propose("inplay", note_program(note_simulation(), packages={"flumine": "2.13.11"}))
    assert proposal.write == 'market_filter={"markets": […], "listener_kwargs": {"inplay": False}}'


@pytest.mark.parametrize(
    "simulation",
    [
        note_simulation(in_play_actions=1),
        note_simulation(in_play_updates=0),
        note_simulation(orders=0),
        note_simulation(streams=[note_stream(listener={"inplay": True})]),
        note_simulation(streams=[note_stream(listener={"inplay": False})]),
    ],
)
def test_inplay_is_not_proposed_otherwise(simulation: object) -> None:
    assert not propose("inplay", note_program(simulation))  # type: ignore[arg-type]


def test_inplay_leaves_updates_out_and_keeps_the_orders(race: Path) -> None:
    plain = make_simulation(race, BestPrice)
    all_updates = count_updates(plain)
    plain.run()
    with load("inplay").applied("False"):
        filtered = make_simulation(race, BestPrice)
    assert [stream._listener.inplay for stream in filtered.streams] == [False]
    fewer_updates = count_updates(filtered)
    filtered.run()
    assert fewer_updates[0] < 0.9 * all_updates[0]
    assert list_orders([plain])
    assert list_orders([filtered]) == list_orders([plain])
    assert make_simulation(race, BestPrice).streams._streams[0]._listener.inplay is None


@pytest.mark.parametrize(
    ("earliest", "seconds"),
    [(600.0, 660), (601.0, 670), (100.0, 130), (299.9, 330), (301.0, 340), (0.0, 30), (-120.0, 30), (3600.0, 3960)],
)
def test_seconds_to_start_has_a_margin_of_a_tenth_and_of_thirty_seconds(earliest: float, seconds: int) -> None:
    (proposal,) = propose("seconds_to_start", note_program(note_simulation(earliest_action_seconds=earliest)))
    assert proposal.value == str(seconds)
    assert f'"seconds_to_start": {seconds}' in proposal.write


def test_seconds_to_start_is_that_of_the_earliest_action_of_all_markets() -> None:
    simulations = [note_simulation(earliest_action_seconds=seconds) for seconds in (100.0, None, 580.0)]
    (proposal,) = propose("seconds_to_start", note_program(*simulations, markets=3))
    assert proposal.value == "640"
    assert proposal.reason == (
        "the first order is placed or changed 580 s before the scheduled off; read off 3 markets: the next one goes beyond with "
        "probability 25 %"
    )


def test_seconds_to_start_far_too_large_is_lowered() -> None:
    simulation = note_simulation(streams=[note_stream(listener={"seconds_to_start": 86400})])
    (proposal,) = propose("seconds_to_start", note_program(simulation))
    assert proposal.value == "130"
    assert "seconds_to_start is 86400;" in proposal.reason


@pytest.mark.parametrize(
    "simulation",
    [
        note_simulation(orders=0),
        note_simulation(earliest_action_seconds=None),
        note_simulation(earliest_update_seconds=120.0),
        note_simulation(streams=[note_stream(listener={"seconds_to_start": 130})]),
        note_simulation(streams=[note_stream(listener={"inplay": True})]),
    ],
)
def test_seconds_to_start_is_not_proposed_otherwise(simulation: object) -> None:
    assert not propose("seconds_to_start", note_program(simulation))  # type: ignore[arg-type]


def test_seconds_to_start_leaves_updates_out_and_keeps_the_orders(race: Path) -> None:
    late = (BestPrice, {"within": 60, "every": 10})
    plain = make_simulation(race, late)
    all_updates = count_updates(plain)
    plain.run()
    with load("seconds_to_start").applied("90"):
        filtered = make_simulation(race, late)
    fewer_updates = count_updates(filtered)
    filtered.run()
    assert fewer_updates[0] < 0.9 * all_updates[0]
    assert list_orders([plain])
    assert list_orders([filtered]) == list_orders([plain])


def test_files_are_cut_where_seconds_to_start_would_be_set() -> None:
    (proposal,) = propose("cut_files", note_program(note_simulation(earliest_action_seconds=600.0)))
    assert (proposal.kind, proposal.value) == ("less", "660")
    assert proposal.write.startswith("perfbench data cut FILE… --seconds-to-start 660 --output FOLDER")
    assert not propose("cut_files", note_program(note_simulation(orders=0)))


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_cut_have_fewer_updates_and_keep_the_orders(race: Path, packed_race: Path, packed: bool) -> None:
    late = (BestPrice, {"within": 60, "every": 10})
    plain = make_simulation(race, late)
    all_updates = count_updates(plain)
    plain.run()
    market = packed_race if packed else race
    simulation = make_simulation(market, late)
    fewer_updates = count_updates(simulation)
    with load("cut_files").applied("90"):
        simulation.run()
        (stream,) = simulation.streams
        copy = Path(stream.file_path)
        assert 10 < len(copy.read_bytes().splitlines()) < 0.9 * len(race.read_bytes().splitlines())
    assert not copy.exists()
    assert market.exists()
    assert fewer_updates[0] < 0.9 * all_updates[0]
    assert list_orders([plain])
    assert list_orders([simulation]) == list_orders([plain])


def test_max_inplay_seconds_has_a_margin() -> None:
    simulation = note_simulation(in_play_actions=2, latest_in_play_seconds=400.0)
    (proposal,) = propose("max_inplay_seconds", note_program(simulation))
    assert proposal.value == "440"
    assert "400 s after its start" in proposal.reason


@pytest.mark.parametrize(
    ("latest", "release", "limit"), [(None, "3.3.2", None), (400.0, "1.17.8", None), (400.0, "3.3.2", 500)]
)
def test_max_inplay_seconds_is_not_proposed_otherwise(latest: float | None, release: str, limit: int | None) -> None:
    streams = [note_stream(listener={"max_inplay_seconds": limit})]
    simulation = note_simulation(latest_in_play_seconds=latest, streams=streams)
    assert not propose("max_inplay_seconds", note_program(simulation, packages={"flumine": release}))


def test_max_inplay_seconds_leaves_updates_out(race: Path) -> None:
    plain = make_simulation(race, BestPrice)
    all_updates = count_updates(plain)
    plain.run()
    with load("max_inplay_seconds").applied("1"):
        filtered = make_simulation(race, BestPrice)
    fewer_updates = count_updates(filtered)
    filtered.run()
    assert fewer_updates[0] < all_updates[0]


def test_event_type_ids_are_those_with_an_action() -> None:
    simulation = note_simulation(event_types={"7": 4, "1": 2}, acted_event_types=["7"])
    (proposal,) = propose("event_type_ids", note_program(simulation))
    assert proposal.value == "7"
    assert '"event_type_ids": ["7"]' in proposal.write
    assert proposal.reason.startswith("no order in 2 markets of other sports; read off 2 markets")


@pytest.mark.parametrize(
    "simulation",
    [
        note_simulation(),
        note_simulation(event_types={"7": 4, "1": 2}, acted_event_types=[]),
        note_simulation(event_types={"7": 4, "1": 2}, acted_event_types=["7", "1"]),
        note_simulation(event_types={"7": 1, "1": 1}, streams=[note_stream(listener={"event_type_ids": ["7"]})]),
    ],
)
def test_event_type_ids_are_not_proposed_otherwise(simulation: object) -> None:
    assert not propose("event_type_ids", note_program(simulation))  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "updates"), [("7", True), ("1,2", False)])
def test_event_type_ids_leave_markets_out(race: Path, value: str, updates: bool) -> None:
    with load("event_type_ids").applied(value):
        framework = make_simulation(race, BestPrice)
    counted = count_updates(framework)
    framework.run()
    assert bool(counted[0]) is updates
