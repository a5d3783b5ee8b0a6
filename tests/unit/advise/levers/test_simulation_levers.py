"""Levers on the framework of a simulation: middleware, packed files, matching, controls, logging."""

from __future__ import annotations

import bz2
import logging
import shutil
from pathlib import Path
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
    propose,
)

from perfbench.kit.market_copies import copy_file
from perfbench.kit.strategies import BestPrice, Idle


class Refused(BestPrice):
    """Orders beyond its limits of exposure, which flumine's controls refuse."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{**keywords, "max_order_exposure": 1.0})


class Hopeful(Idle):
    """Backs the first runner once, at a price that nobody lays."""

    def process_market_book(self, market: Any, market_book: Any) -> None:
        from flumine.order.ordertype import LimitOrder
        from flumine.order.trade import Trade

        runner = market_book.runners[0]
        if market_book.status == "OPEN" and not len(market.blotter):
            trade = Trade(market_book.market_id, runner.selection_id, runner.handicap, self)
            market.place_order(trade.create_order(side="BACK", order_type=LimitOrder(900, 2.0)))


def test_middleware_is_needless_without_orders() -> None:
    strategies = note_simulation(orders=0).strategies
    (proposal,) = propose("no_simulated_middleware", note_program(note_simulation(orders=0, strategies=strategies)))
    assert (proposal.kind, proposal.applies) == ("same", True)
    assert proposal.reason == "no order was placed in 1 market"


@pytest.mark.parametrize("simulation", [note_simulation(), note_simulation(orders=0, middleware=["Mine"])])
def test_middleware_is_kept_where_there_are_orders_or_none_to_remove(simulation: Any) -> None:
    assert not propose("no_simulated_middleware", note_program(simulation))


def test_simulation_runs_without_its_simulated_middleware(race: Path) -> None:
    from flumine.markets.middleware import Middleware, SimulatedMiddleware

    with load("no_simulated_middleware").applied(""):
        framework = make_simulation(race, Idle)
        framework.add_market_middleware(own := Middleware())
        assert len(framework._market_middleware) == 2
        framework.run()
    assert framework._market_middleware == [own]
    (market,) = framework.markets
    assert market.closed
    assert market.context["simulated"] == {}
    assert not any(isinstance(middleware, SimulatedMiddleware) for middleware in framework._market_middleware)


def test_packed_files_are_named() -> None:
    noted = note_program(note_simulation(), packed_files=["/data/1.1.bz2", "/data/1.2.bz2"])
    (proposal,) = propose("unpacked", noted)
    assert proposal.write.startswith("bunzip2 --keep FILE…")
    assert proposal.reason == "2 files are decompressed in every run, such as 1.1.bz2"
    assert not propose("unpacked", note_program(note_simulation()))
    assert not propose("unpacked", note_program(packed_files=["/data/1.1.bz2"]))


def test_simulation_reads_an_unpacked_copy_of_its_file(race: Path, packed_race: Path) -> None:
    plain = make_simulation(race, BestPrice)
    plain.run()
    packed = make_simulation(packed_race, BestPrice)
    with load("unpacked").applied(""):
        packed.run()
        (stream,) = packed.streams
        copy = Path(stream.file_path)
        assert copy.read_bytes() == race.read_bytes()
        assert copy.name == "1.100000011"
    assert not copy.exists()
    assert list_orders([packed]) == list_orders([plain])


def unpack(path: Path, folder: Path) -> str:
    return copy_file(str(path), str(folder), shutil.copyfileobj, packed_only=True)


def test_file_is_unpacked_once_and_a_plain_one_stays(race: Path, tmp_path: Path) -> None:
    packed = tmp_path / "1.1.bz2"
    packed.write_bytes(bz2.compress(b"market"))
    (folder := tmp_path / "copies").mkdir()
    copy = unpack(packed, folder)
    modified = Path(copy).stat().st_mtime_ns
    assert Path(copy).read_bytes() == b"market"
    assert unpack(packed, folder) == copy
    assert Path(copy).stat().st_mtime_ns == modified
    assert unpack(race, folder) == str(race)
    assert unpack(Path("/no/such/file"), folder) == "/no/such/file"


def test_files_of_one_name_in_two_folders_are_two_copies(tmp_path: Path) -> None:
    files = [tmp_path / name / "1.1.bz2" for name in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(bz2.compress(file.parent.name.encode()))
    copies = [Path(unpack(file, tmp_path)) for file in files]
    assert [copy.read_bytes() for copy in copies] == [b"one", b"two"]


def test_full_match_changes_what_is_matched(race: Path) -> None:
    assert propose("simulated_full_match", note_program(note_simulation()))[0].kind == "changes"
    assert not propose("simulated_full_match", note_program(note_simulation(simulated_full_match=True)))
    plain, full = (make_simulation(race, Hopeful) for _ in range(2))
    plain.run()
    with load("simulated_full_match").applied(""):
        full.run()
    assert [order["matched"] for order in list_orders([plain])] == [0.0]
    assert [order["matched"] for order in list_orders([full])] == [2.0]


def test_isolation_is_off_in_the_run_and_on_afterwards(race: Path) -> None:
    from flumine import config

    one = note_simulation()
    assert not propose("isolation_off", note_program(one))
    two = note_simulation(strategies=[*one.strategies, *one.strategies])
    assert propose("isolation_off", note_program(two))[0].kind == "changes"
    seen = []

    class Watching(Idle):
        def start(self, flumine: Any) -> None:
            seen.append(config.simulated_strategy_isolation)

    with load("isolation_off").applied(""):
        config.simulated_strategy_isolation = True  # as a program may set it
        make_simulation(race, Watching).run()
    assert seen == [False]
    assert config.simulated_strategy_isolation is True


def test_orders_are_accepted_without_controls(race: Path) -> None:
    (proposal,) = propose("fewer_controls", note_program(note_simulation()))
    assert (proposal.kind, proposal.reason) == ("changes", "OrderValidation check every order")
    refused = make_simulation(race, Refused)
    refused.run()
    accepted = make_simulation(race, Refused)
    with load("fewer_controls").applied(""):
        accepted.run()
    assert {order["matched"] for order in list_orders([refused])} <= {0.0}
    assert any(order["matched"] for order in list_orders([accepted]))


def test_log_level_is_proposed_to_a_program_that_logs() -> None:
    noted = note_program(note_simulation(), log_records=1200, file_handlers=1, logging_level=logging.INFO)
    (proposal,) = propose("log_level", noted)
    assert proposal.reason == "1,200 messages logged to 1 file, at INFO and above; the log is lost"
    assert not propose("log_level", note_program(note_simulation()))


def test_warnings_of_a_high_latency_are_for_another_lever() -> None:
    listener = note_listener(updates=1000)
    assert not propose("log_level", note_replay(listener, log_records=1000))
    assert propose("log_level", note_replay(listener, log_records=3000))
    assert propose("log_level", note_replay(note_listener(updates=1000, max_latency=None), log_records=1000))


def test_no_message_below_critical_passes_whatever_the_program_sets(
    race: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    class Talking(Idle):
        def process_market_book(self, market: Any, market_book: Any) -> None:
            logging.getLogger("made_up.levels").info("a book")

    with load("log_level").applied(""):
        logging.getLogger("made_up.levels").setLevel(logging.DEBUG)
        logging.disable(logging.NOTSET)  # a program may have its own idea
        make_simulation(race, Talking).run()
        logging.getLogger("made_up.levels").critical("at last")
    assert [record.getMessage() for record in caplog.records if record.name == "made_up.levels"] == ["at last"]
    logging.getLogger("made_up.levels").info("as before")
    assert caplog.records[-1].getMessage() == "as before"
