"""Run the strategies of several simulations in one.

Each simulation reads and decodes its files again. In one framework the strategies share the streams, and their orders are
matched apart (``simulated_strategy_isolation``, flumine's default).

Only the last simulation of a group runs: the strategies of the others are added to it, and afterwards its markets are theirs. A
program that needs the result of one simulation before it makes the next cannot be tried this way.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Tuple

from perfbench.kit.lever import (
    FLUMINE_QUICKSTART,
    SAME,
    Noted,
    Proposal,
    SimulationNote,
    market_streams,
    parse_release,
    patched,
    simulation_class,
    stream_file,
)

KIND = SAME
SOURCE = FLUMINE_QUICKSTART

Key = Tuple[Any, ...]
CLIENT_SETTINGS = (
    "transaction_limit",
    "commission_base",
    "best_price_execution",
    "min_bet_validation",
    "simulated_full_match",
)
"""Attributes of a client that change the orders."""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For several simulations over the same files, all in one process."""
    groups = Counter(_note_key(simulation) for simulation in noted.simulations if simulation.streams)
    size = max(groups.values(), default=0)
    if size < 2 or noted.processes > 1:
        return
    yield Proposal(
        title="{} simulations in one".format(size),
        value=str(size),
        write=_write_lines(noted.packages.get("flumine", "")),
        reason="{} simulations read the same {}".format(size, "file" if noted.markets == 1 else "files"),
    )


def _note_key(simulation: SimulationNote) -> Key:
    streams = tuple(
        (stream.own_file, stream.file, repr(sorted(stream.listener.items(), key=str))) for stream in simulation.streams
    )
    return streams, tuple(simulation.middleware), tuple(simulation.controls), tuple(simulation.logging_controls)


def _write_lines(release: str) -> str:
    """The lines that make one simulation of several, in a release of flumine."""
    if parse_release(release) >= (3,):
        made = "MyStrategy(streams=streams, context=context)"
        first = "streams = [BetfairHistoricalStream(file_path=market) for market in markets]"
    else:
        made = 'MyStrategy(market_filter={"markets": markets}, context=context)'
        first = ""
    lines = [
        "framework = {}(client)".format("FlumineSimulation" if parse_release(release) >= (2,) else "FlumineBacktest"),
        first,
        "for context in contexts:",
        "    framework.add_strategy({})".format(made),
        "framework.run()  # once",
    ]
    return "\n".join(line for line in lines if line)


@contextmanager
def apply(value: str) -> Iterator[None]:
    """Of this many simulations over the same streams only the last one runs, with the strategies of all."""
    kind = simulation_class()
    groups = _Groups(int(value), kind.run)

    @functools.wraps(kind.run)
    def run(framework: Any) -> None:
        groups.run(framework)

    with patched(kind, "run", run):
        yield
        groups.run_rest()


class _Groups:
    """Simulations that wait for the last one of their group."""

    def __init__(self, size: int, run: Callable[[Any], None]) -> None:
        self._size = size
        self._run = run
        self._process = os.getpid()
        self._waiting: Dict[Key, List[Any]] = {}

    def run(self, framework: Any) -> None:
        """Run the simulation if it completes its group, else keep it; in a child process each one runs at once."""
        if os.getpid() != self._process:
            self._run(framework)
            return
        waiting = self._waiting.setdefault(_framework_key(framework), [])
        waiting.append(framework)
        if len(waiting) == self._size:
            del self._waiting[_framework_key(framework)]
            self._run_group(waiting)

    def run_rest(self) -> None:
        """Run the groups that are not complete, at the end of the program."""
        for waiting in self._waiting.values():
            self._run_group(waiting)

    def _run_group(self, group: List[Any]) -> None:
        *others, last = group
        own = list(last.strategies)
        last.strategies._strategies.clear()
        for framework in others:
            for strategy in framework.strategies:
                _move_strategy(strategy, last)
        last.strategies._strategies.extend(own)
        self._run(last)
        for framework in others:
            framework.markets = last.markets


def _framework_key(framework: Any) -> Key:
    """What simulations have in common that can be one."""
    clients = framework.clients if hasattr(framework, "clients") else [framework.client]
    return (
        tuple(_stream_key(stream) for stream in market_streams(framework)),
        tuple((type(client), *(getattr(client, name, None) for name in CLIENT_SETTINGS)) for client in clients),
        tuple(type(middleware) for middleware in framework._market_middleware),
        tuple(type(control) for control in (*framework.trading_controls, *framework._logging_controls)),
    )


def _stream_key(stream: Any) -> Key:
    listener = stream._listener
    settings = {name: value for name, value in vars(listener).items() if isinstance(value, (str, int, float, list))}
    events = tuple(getattr(stream, name, None) for name in ("event_processing", "event_group", "operation"))
    return type(stream), type(listener), stream_file(stream), events, repr(sorted(settings.items()))


def _move_strategy(strategy: Any, framework: Any) -> None:
    """Add a strategy to another framework, whose streams of the same files it shares."""
    streams = {_stream_key(stream): stream for stream in market_streams(framework)}
    strategy.streams = [streams.get(_stream_key(stream), stream) for stream in strategy.streams]
    if strategy.historic_stream_ids:
        strategy.historic_stream_ids = type(strategy.historic_stream_ids)(
            stream.stream_id for stream in strategy.streams
        )
    if hasattr(strategy, "clients"):
        strategy.clients = framework.clients
    if hasattr(strategy, "client"):
        strategy.client = framework.client
    framework.strategies._strategies.append(strategy)
