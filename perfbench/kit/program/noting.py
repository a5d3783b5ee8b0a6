"""Note what levers need to know, while a program runs once."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator as AnyIterator
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional, Sequence, Set, Tuple

from perfbench.kit.import_hooks import when_imported
from perfbench.kit.program.noted import ListenerNote, Noted
from perfbench.kit.program.results import SimulationResult
from perfbench.kit.program.simulation_notes import LogCounter
from perfbench.worker.server import list_imported_packages

_collecting: List[Notes] = []
"""What takes the notes of the programs that run, if they are wanted."""


class Notes:
    """Collects the notes of all calls of a program: of simulations, and of listeners outside of them."""

    def __init__(self) -> None:
        self._results: List[SimulationResult] = []
        self._listeners: List[Tuple[Any, Any]] = []
        self._generators: Set[int] = set()
        self._log = LogCounter()

    def add_listener(self, listener: Any) -> None:
        """Note a listener of betfairlightweight that has registered its stream."""
        self._listeners.append((listener, listener.stream))

    def add_results(self, results: Sequence[SimulationResult]) -> None:
        """Note the simulations of one call."""
        self._results += results

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect inside the context."""
        _collecting.append(self)
        try:
            with when_imported("betfairlightweight", self._watch_generators), self._log.counting():
                yield
        finally:
            _collecting.pop()

    def _watch_generators(self) -> None:
        from betfairlightweight.streaming import HistoricalGeneratorStream  # noqa: PLC0415 - imported by the program

        get_generator = HistoricalGeneratorStream.get_generator

        def noted(stream: Any) -> Any:
            self._generators.add(id(stream.listener))
            return get_generator(stream)

        HistoricalGeneratorStream.get_generator = noted

    def build(self) -> Noted:
        """All that was noted."""
        notes = [result.note for result in self._results if result.note is not None]
        files = {stream.file for note in notes for stream in note.streams if stream.packed}
        return Noted(
            simulations=notes,
            listeners=[self._note_listener(listener, stream) for listener, stream in self._listeners],
            packages={package.name: package.version for package in list_imported_packages()},
            python=platform.python_version(),
            json_module=read_json_module(),
            logging_level=min((note.logging_level for note in notes), default=self._log.level),
            file_handlers=max((note.file_handlers for note in notes), default=self._log.file_handlers),
            log_records=sum(note.log_records for note in notes) if notes else self._log.records,
            markets=len(self._list_markets()),
            packed_files=sorted(files),
            processes=len({note.process for note in notes}),
        )

    def _list_markets(self) -> Set[str]:
        simulated = {str(market["market"]) for result in self._results for market in result.markets}
        read = {str(market) for _, stream in self._listeners for market in getattr(stream, "_caches", ())}
        return simulated or read

    def _note_listener(self, listener: Any, stream: Any) -> ListenerNote:
        return ListenerNote(
            kind=type(listener).__name__,
            lightweight=bool(getattr(listener, "lightweight", False)),
            max_latency=getattr(listener, "max_latency", None),
            update_clk=bool(getattr(listener, "update_clk", True)),
            calculate_market_tv=bool(getattr(listener, "calculate_market_tv", False)),
            cumulative_runner_tv=bool(getattr(listener, "cumulative_runner_tv", False)),
            generator=id(listener) in self._generators,
            updates=int(getattr(stream, "_updates_processed", 0) or 0),
        )


def find_notes() -> Optional[Notes]:
    """The collector of notes, if notes are wanted."""
    return _collecting[-1] if _collecting else None


def read_json_module() -> str:
    """The name of the module that betfairlightweight decodes with; empty if it is not imported."""
    compat = sys.modules.get("betfairlightweight.compat")
    return str(getattr(getattr(compat, "json", None), "__name__", ""))


def collect_notes(call: Callable[[], Any]) -> Noted:
    """Run a program once to its end and return what was noted. Raises what the program raises."""
    notes = Notes()
    with notes.collecting():
        outcome = call()
        if isinstance(outcome, AnyIterator):
            for _ in outcome:
                pass
    return notes.build()
