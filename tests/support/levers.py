"""The shipped levers, notes about programs, and simulations with flumine in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perfbench.kit.program.lever_files import Lever, load_lever
from perfbench.kit.program.noted import ListenerNote, Noted, SimulationNote, StrategyNote, StreamNote
from perfbench.kit.simulation_record import in_order, order_fields
from perfbench.util import paths
from perfbench.worker.program_messages import Proposal

FOLDER = paths.PACKAGE_FOLDER / "advise" / "levers"


def list_lever_files() -> list[Path]:
    """The files of the shipped levers, by name."""
    return sorted(FOLDER.glob("[!_]*.py"))


def load(name: str) -> Lever:
    """A shipped lever."""
    return load_lever(str(FOLDER / f"{name}.py"))


def propose(name: str, noted: Noted) -> list[Proposal]:
    """The proposals of a shipped lever."""
    return load(name).propose(noted)


def note_stream(**changes: Any) -> StreamNote:
    """A stream of flumine without filters."""
    listener = {"inplay": None, "seconds_to_start": None, "max_inplay_seconds": None, **changes.pop("listener", {})}
    fields: dict[str, Any] = {
        "kind": "BetfairHistoricalStream",
        "file": "/data/1.1",
        "own_file": "/data/1.1",
        "packed": False,
        "listener_kwargs": {},
        "event_processing": False,
        "operation": "marketSubscription",
    }
    return StreamNote(**{**fields, **changes, "listener": listener})


def note_simulation(**changes: Any) -> SimulationNote:
    """A simulation of one market with 10 orders, the first 100 s before the off and none in-play."""
    orders = changes.get("orders", 10)
    fields: dict[str, Any] = {
        "strategies": [StrategyNote("Mine", "Mine", ["process_market_book"], orders, orders, [0])],
        "streams": [note_stream()],
        "middleware": ["SimulatedMiddleware"],
        "logging_controls": [],
        "controls": ["OrderValidation"],
        "workers": 0,
        "updates": 1000,
        "in_play_updates": 300,
        "orders": orders,
        "in_play_orders": 0,
        "in_play_actions": 0,
        "earliest_action_seconds": 100.0,
        "latest_action_seconds": 5.0,
        "latest_in_play_seconds": None,
        "earliest_update_seconds": 7200.0,
        "markets": 1,
        "event_types": {"7": 1},
        "acted_event_types": ["7"],
        "cpu_seconds": 1.0,
        "isolation": True,
        "simulated_full_match": False,
        "process": 1,
    }
    return SimulationNote(**{**fields, **changes})


def note_listener(**changes: Any) -> ListenerNote:
    """A listener of betfairlightweight with its defaults."""
    fields: dict[str, Any] = {
        "kind": "StreamListener",
        "lightweight": False,
        "max_latency": 0.5,
        "update_clk": True,
        "calculate_market_tv": False,
        "cumulative_runner_tv": False,
        "generator": True,
    }
    return ListenerNote(**{**fields, **changes})


def note_program(*simulations: SimulationNote, **changes: Any) -> Noted:
    """A program with these simulations on one market, with flumine 3.3.2."""
    fields: dict[str, Any] = {
        "simulations": list(simulations),
        "listeners": [],
        "packages": {"flumine": "3.3.2", "betfairlightweight": "2.24.0"},
        "python": "3.11.4",
        "json_module": "json",
        "logging_level": 30,
        "file_handlers": 0,
        "log_records": 0,
        "markets": 1,
        "packed_files": [],
        "processes": 1,
    }
    return Noted(**{**fields, **changes})


def note_replay(*listeners: ListenerNote, **changes: Any) -> Noted:
    """A program that reads one market with betfairlightweight alone."""
    packages = {"betfairlightweight": "2.24.0"}
    return note_program(**{"listeners": list(listeners), "packages": packages, **changes})


# Simulations -----------------------------------------------------------------------------------------------------------


def make_simulation(market: Path | str, *strategies: Any, **listener_kwargs: Any) -> Any:
    """A simulation of one market file with these strategies (of ``BestPrice`` or alike: a class, or a class and its context)."""
    from flumine import FlumineSimulation, clients
    from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream

    framework = FlumineSimulation(client=clients.SimulatedClient())
    for strategy in strategies:
        kind, context = strategy if isinstance(strategy, tuple) else (strategy, {})
        stream = BetfairHistoricalStream(file_path=str(market), listener_kwargs=dict(listener_kwargs))
        framework.add_strategy(kind(streams=[stream], context=context))
    return framework


def list_orders(frameworks: Sequence[Any]) -> list[dict[str, Any]]:
    """The orders of all strategies in their final state, in a total order; a market that frameworks share counts once."""
    markets = {id(market): market for framework in frameworks for market in framework.markets}
    orders = (order for market in markets.values() for order in market.blotter)
    return in_order({"strategy": type(order.trade.strategy).__name__, **order_fields(order)} for order in orders)


def count_updates(framework: Any) -> list[int]:
    """The updates of the streams of a framework, counted while it runs: the only item of the list grows."""
    counted = [0]
    for stream in framework.streams:
        stream.create_generator = _count(stream.create_generator, counted)
    return counted


def _count(create: Any, counted: list[int]) -> Any:
    def books() -> Any:
        for update in create()():
            counted[0] += 1
            yield update

    return lambda: books
