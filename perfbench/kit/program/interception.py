"""Intercept what a program runs: simulations of flumine, and listeners of betfairlightweight.

``FlumineSimulation.run`` (``FlumineBacktest.run`` before flumine 2.0) is replaced once in a process, when flumine is imported: it
counts the updates, notes the orders, and times the framework's own ``run`` only. Without a program that runs it does nothing.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Iterator, List, Optional

from perfbench.kit.import_hooks import when_imported
from perfbench.kit.program.errors import describe_error
from perfbench.kit.program.markets import MarketReplacement
from perfbench.kit.program.noting import Notes
from perfbench.kit.program.processes import RecordFolder
from perfbench.kit.program.refusals import refuse
from perfbench.kit.program.results import SimulationResult, read_markets, read_orders
from perfbench.kit.program.simulation_notes import SimulationNoter
from perfbench.kit.program.streams import list_market_streams
from perfbench.kit.simulation_record import SimulationRecord, errors_raised, real_datetime_afterwards
from perfbench.worker.cpu_usage import child_cpu_seconds
from perfbench.worker.scenario_api import ProgramError
from perfbench.worker.update_hooks import counts_handled

_running: List[Interception] = []
"""That of the program that runs."""

MARK = "__perfbench_intercepted__"


class CpuClock:
    """CPU seconds of this process, and of the children that it waited for, since it was made."""

    def __init__(self) -> None:
        self._children = child_cpu_seconds()
        self._own = time.process_time()

    def read(self) -> float:
        """The seconds since then."""
        return time.process_time() - self._own + self.read_children()

    def read_children(self) -> float:
        """Those of children alone."""
        return child_cpu_seconds() - self._children


class Interception:
    """What one run of a program simulates and reads. ``streams`` are those of betfairlightweight's listeners."""

    def __init__(
        self, folder: str, records: RecordFolder, market: Optional[str] = None, notes: Optional[Notes] = None
    ) -> None:
        """:param folder: the program's own, for the places of errors.
        :param market: takes the place of the program's own market files.
        """
        self._folder = folder
        self._records = records
        self._replacement = None if market is None else MarketReplacement(market, records)
        self.notes = notes
        self.streams: List[Any] = []
        self._thread: Optional[int] = None

    @property
    def market(self) -> Optional[str]:
        """The market file that takes the place of the program's own."""
        return None if self._replacement is None else self._replacement.market

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside the context, this is the program that runs."""
        _running.append(self)
        try:
            yield
        finally:
            _running.pop()

    def simulate(self, framework: Any, run: Callable[[], None]) -> None:
        """Run a simulation with its markets replaced, and note its result; nothing is run of one that keeps no stream.

        Raises ProgramError where a strategy fails, with its place and the number of the update.
        """
        if self._thread == threading.get_ident():  # a subclass that calls the run() of its base
            run()
            return
        if self._thread is not None:
            raise refuse(
                ProgramError(
                    "runs two simulations at the same time in threads", "flumine's clock is that of the process"
                )
            )
        self._thread = threading.get_ident()
        try:
            noter = None if self.notes is None else SimulationNoter(framework)
            if self._replacement is None or self._replacement.replace_in(framework):
                self._simulate(framework, run, noter)
        except ProgramError as error:
            raise refuse(error) from error.__cause__
        finally:
            self._thread = None

    def _simulate(self, framework: Any, run: Callable[[], None], noter: Optional[SimulationNoter]) -> None:
        record = SimulationRecord(framework)
        for stream in list_market_streams(framework):
            record.watch(stream)
        with ExitStack() as ends:
            ends.callback(record.release_streams)
            for context in (errors_raised(), real_datetime_afterwards(), record.noting_orders()):
                ends.enter_context(context)
            if counts_handled():
                ends.enter_context(record.counting_handled())
            if noter is not None:
                ends.enter_context(noter.noting())
            started, clock = time.time(), CpuClock()
            try:
                run()
            except ProgramError:
                raise
            except (Exception, SystemExit) as error:
                raise describe_error(error, self._folder, record.updates or None) from error
            seconds = clock.read()
        result = SimulationResult(
            updates=record.updates,
            seconds=seconds,
            started=started,
            ended=time.time(),
            orders=read_orders(record),
            markets=read_markets(record),
            process=os.getpid(),
            handled=record.handled if counts_handled() else None,
        )
        if noter is not None:
            result.note = noter.build_note(record.updates, record.orders, seconds)
        self._records.add(result)

    def collect_results(self) -> List[SimulationResult]:
        """The results of the simulations of this process and of its children."""
        return [record for record in self._records.collect() if isinstance(record, SimulationResult)]

    def count_listener_updates(self) -> int:
        """The updates that betfairlightweight's listeners processed in this process."""
        return sum(int(getattr(stream, "_updates_processed", 0) or 0) for stream in self.streams)


@contextmanager
def install_interception() -> Iterator[None]:
    """Inside the context, flumine and betfairlightweight are patched as soon as they are imported."""
    with when_imported("flumine", _patch_flumine), when_imported("betfairlightweight", _patch_listeners):
        yield


def _patch_flumine() -> None:
    import flumine  # noqa: PLC0415 - imported by the program

    kind = getattr(flumine, "FlumineSimulation", None) or getattr(flumine, "FlumineBacktest", None)
    if kind is None or hasattr(kind.run, MARK):
        return
    _replace(kind, "run", _intercept_run)
    _replace(flumine.Flumine, "run", _refuse_live)
    from flumine import utils  # noqa: PLC0415
    from flumine.streams import streams  # noqa: PLC0415

    for module in (utils, streams):
        if hasattr(module, "get_file_md"):
            _replace(module, "get_file_md", _read_replaced_definition)


def _patch_listeners() -> None:
    from betfairlightweight.streaming.listener import BaseListener  # noqa: PLC0415 - imported by the program

    if not hasattr(BaseListener.register_stream, MARK):
        _replace(BaseListener, "register_stream", _note_stream)


def _replace(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    function = make(getattr(owner, name))
    setattr(function, MARK, True)
    setattr(owner, name, function)


def _intercept_run(run: Callable[..., Any]) -> Callable[..., Any]:
    def intercepted(framework: Any, *args: Any, **keywords: Any) -> None:
        if not _running:
            run(framework, *args, **keywords)
        else:
            _running[-1].simulate(framework, lambda: run(framework, *args, **keywords))

    return intercepted


def _refuse_live(run: Callable[..., Any]) -> Callable[..., Any]:
    def refused(framework: Any, *args: Any, **keywords: Any) -> None:
        if _running:
            raise refuse(
                ProgramError("runs flumine live, on an exchange", "perfbench measures simulations: FlumineSimulation")
            )
        run(framework, *args, **keywords)

    return refused


def _read_replaced_definition(read: Callable[..., Any]) -> Callable[..., Any]:
    """flumine 2 reads the definition of each market before it runs, of files that need not be there if they are replaced."""

    def read_definition(path: Any) -> Any:
        market = _running[-1].market if _running else None
        return read(path if market is None else market)

    return read_definition


def _note_stream(register: Callable[..., Any]) -> Callable[..., Any]:
    def registered(listener: Any, *args: Any, **keywords: Any) -> None:
        register(listener, *args, **keywords)
        if _running and _running[-1]._thread is None:
            _running[-1].streams.append(listener.stream)
            if _running[-1].notes is not None:
                _running[-1].notes.add_listener(listener)

    return registered
