"""Notes about a simulation: how it is set up, what its strategies do, and what it logs."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import contextmanager
from typing import Any, Iterator, List

from perfbench.kit.program.actions import ActionNoter, read_event_type
from perfbench.kit.program.noted import SimulationNote, StrategyNote, StreamNote
from perfbench.kit.program.streams import list_market_streams, read_listener_settings, read_stream_file

CALLBACKS = (
    "process_new_market",
    "process_market_catalogue",
    "check_market_book",
    "process_market_book",
    "check_sports_data",
    "process_sports_data",
    "process_raw_data",
    "process_orders",
    "process_closed_market",
)
"""Methods of flumine's BaseStrategy that flumine calls while it simulates."""

PACKED_STARTS = (b"\x1f\x8b", b"BZ")
"""First bytes of gzip and bz2 files."""


class SimulationNoter:
    """Notes one simulation. Make it before its markets are replaced, with ``noting`` around its run."""

    def __init__(self, framework: Any) -> None:
        self._framework = framework
        self._own_files = {id(stream): read_own_file(stream) for stream in list_market_streams(framework)}
        self._actions = ActionNoter()
        self._log = LogCounter()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note all that happens inside the context."""
        for stream in list_market_streams(self._framework):
            self._watch(stream)
        with self._actions.noting(), self._log.counting():
            yield

    def _watch(self, stream: Any) -> None:
        create, note = stream.create_generator, self._actions.note_books

        def books() -> Iterator[List[Any]]:
            is_first = True
            for update in create()():
                note(update, is_first)
                is_first = False
                yield update

        stream.create_generator = lambda: books

    def build_note(self, updates: int, placed: List[Any], cpu_seconds: float) -> SimulationNote:
        """The note of the simulation, which has ended.

        :param placed: its orders. :param cpu_seconds: of its run.
        """
        framework, actions = self._framework, self._actions
        markets = [market for market in framework.markets if market.market_book is not None]
        streams = list_market_streams(framework)
        return SimulationNote(
            strategies=[self._note_strategy(strategy, streams, placed) for strategy in framework.strategies],
            streams=[self._note_stream(stream) for stream in streams],
            middleware=[type(middleware).__name__ for middleware in framework._market_middleware],
            logging_controls=[type(control).__name__ for control in framework._logging_controls],
            controls=[type(control).__name__ for control in framework.trading_controls],
            workers=len(framework._workers),
            updates=updates,
            in_play_updates=actions.in_play_updates,
            orders=len(placed),
            in_play_orders=actions.in_play_orders,
            in_play_actions=actions.in_play,
            earliest_action_seconds=actions.earliest,
            latest_action_seconds=actions.latest,
            latest_in_play_seconds=actions.latest_in_play,
            earliest_update_seconds=actions.earliest_update,
            markets=len(markets),
            event_types=dict(Counter(read_event_type(market.market_book) for market in markets)),
            acted_event_types=sorted(actions.event_types),
            cpu_seconds=cpu_seconds,
            isolation=read_isolation(),
            simulated_full_match=any(
                bool(getattr(client, "simulated_full_match", False)) for client in list_clients(framework)
            ),
            process=os.getpid(),
            log_records=self._log.records,
            logging_level=self._log.level,
            file_handlers=self._log.file_handlers,
        )

    def _note_stream(self, stream: Any) -> StreamNote:
        file = read_own_file(stream)
        return StreamNote(
            kind=type(stream).__name__,
            file=file,
            own_file=self._own_files.get(id(stream), file),
            packed=is_packed(file),
            listener=read_listener_settings(stream),
            listener_kwargs=dict(getattr(stream, "listener_kwargs", None) or {}),
            event_processing=bool(getattr(stream, "event_processing", False)),
            operation=str(getattr(stream, "operation", "")),
        )

    def _note_strategy(self, strategy: Any, streams: List[Any], placed: List[Any]) -> StrategyNote:
        from flumine import BaseStrategy  # noqa: PLC0415 - a program without flumine must not import it

        kind = type(strategy)
        return StrategyNote(
            kind=kind.__name__,
            name=str(strategy.name),
            callbacks=[
                name for name in CALLBACKS if getattr(kind, name, None) is not getattr(BaseStrategy, name, None)
            ],
            orders=sum(order.order.trade.strategy is strategy for order in placed),
            actions=self._actions.strategies[id(strategy)],
            streams=[number for number, stream in enumerate(streams) if any(own is stream for own in strategy.streams)],
        )


class LogCounter:
    """Counts the messages that are logged, and the handlers that write to files."""

    def __init__(self) -> None:
        self.records = 0
        self.level = logging.getLogger().getEffectiveLevel()
        self.file_handlers = count_file_handlers()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the messages inside the context."""
        make = logging.getLogRecordFactory()

        def counted(*arguments: Any, **keywords: Any) -> logging.LogRecord:
            self.records += 1
            return make(*arguments, **keywords)

        self.level, self.file_handlers = logging.getLogger().getEffectiveLevel(), count_file_handlers()
        logging.setLogRecordFactory(counted)
        try:
            yield
        finally:
            logging.setLogRecordFactory(make)


def count_file_handlers() -> int:
    """The handlers of all loggers that write to files."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = {id(handler): handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    return sum(isinstance(handler, logging.FileHandler) for handler in handlers.values())


def read_own_file(stream: Any) -> str:
    """The market file of a stream; empty for a stream of the user's own that shows none."""
    try:
        return read_stream_file(stream)
    except Exception:
        return ""


def is_packed(file: str) -> bool:
    """Whether a file is compressed; False for one that cannot be read."""
    try:
        with open(file, "rb") as content:
            return content.read(2) in PACKED_STARTS
    except OSError:
        return False


def list_clients(framework: Any) -> List[Any]:
    """The clients of a framework, which is one before flumine 2.0."""
    return list(framework.clients) if hasattr(framework, "clients") else [framework.client]


def read_isolation() -> bool:
    """Whether the orders of strategies are matched apart, as flumine does where nobody changes it."""
    from flumine import config  # noqa: PLC0415 - a program without flumine must not import it

    return bool(getattr(config, "simulated_strategy_isolation", True))
