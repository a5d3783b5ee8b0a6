"""What lever files share: the proposal, the notes about a program, and hooks into betfairlightweight and flumine.

A lever is a file with one thing that could make a program faster. It has a docstring, whose first line is its title, and

* ``KIND``: ``same`` (the same orders and profit, to be proved), ``less`` (it asks for fewer updates), ``changes`` (another answer);
* ``SOURCE``: address of the documentation that describes it;
* ``propose(noted)``: yields a ``Proposal`` for each value that may help the program;
* ``apply(value)``, unless the environment alone makes it faster: a context manager, inside of which the program runs;
* ``observe()``, optional: a context manager around the pass before ``propose``, in which the lever looks for itself.

A lever runs in the interpreter of the program, with any release of betfairlightweight and flumine. Its hooks are entered before the
program imports them, and hold in child processes that are forked.
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import math
import os
import time
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from perfbench.kit.import_hooks import when_imported
from perfbench.kit.program.noted import ListenerNote, Noted, SimulationNote, StrategyNote, StreamNote
from perfbench.kit.program.streams import set_stream_file
from perfbench.worker.program_messages import CHANGES, LESS, SAME, Proposal

FLUMINE_PERFORMANCE = "https://betcode-org.github.io/flumine/performance/"
FLUMINE_QUICKSTART = "https://betcode-org.github.io/flumine/quickstart/"
STREAMING = "https://betcode-org.github.io/betfair/streaming/"
"""Documentation of flumine and of betfairlightweight."""

Hook = Callable[[Any], None]
"""A function of a framework: a ``FlumineSimulation``, or a ``FlumineBacktest`` before flumine 2.0."""


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Inside the context, the attribute of a class or a module has this value."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def is_importable(package: str) -> bool:
    """Whether a package is installed in this interpreter; it is not imported."""
    return importlib.util.find_spec(package) is not None


def release_of(package: str) -> Tuple[int, ...]:
    """The version of a package of betcode-org as numbers, such as ``(3, 3, 2)``. Raises ImportError where it is missing."""
    return parse_release(importlib.import_module(package).__version__)


def parse_release(version: str) -> Tuple[int, ...]:
    """A version as numbers; a part that is not a number ends it."""
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


# Flumine ---------------------------------------------------------------------------------------------------------------


def simulation_class() -> Any:
    """flumine's simulation, in any release. Raises ImportError where flumine is missing."""
    flumine = importlib.import_module("flumine")
    return flumine.FlumineSimulation if hasattr(flumine, "FlumineSimulation") else flumine.FlumineBacktest


def historical_module() -> Any:
    """The module of flumine's historical stream and its listener, in any release. Raises ImportError where flumine is missing."""
    name = "betfairhistoricalstream" if release_of("flumine") >= (3,) else "historicalstream"
    return importlib.import_module("flumine.streams." + name)


def historical_stream_class() -> Any:
    """The class of the streams that read a market file in a simulation. Raises ImportError where flumine is missing."""
    module = historical_module()
    return module.BetfairHistoricalStream if hasattr(module, "BetfairHistoricalStream") else module.HistoricalStream


def market_streams(framework: Any) -> List[Any]:
    """The streams of a simulation that read a market file."""
    kind = historical_stream_class()
    return [stream for stream in framework.streams if isinstance(stream, kind)]


def stream_file(stream: Any) -> str:
    """The market file of a stream."""
    return str(stream.file_path if hasattr(stream, "file_path") else stream.market_filter)


@contextmanager
def around_run(before: Optional[Hook] = None, after: Optional[Hook] = None) -> Iterator[None]:
    """Inside the context, call these functions with each simulation, before and after it runs.

    flumine is not imported for it: importing flumine changes the books of betfairlightweight.
    """
    with ExitStack() as patches:

        def patch_run() -> None:
            kind = simulation_class()
            patches.enter_context(patched(kind, "run", _run_with_hooks(kind.run, before, after)))

        patches.enter_context(when_imported("flumine", patch_run))
        yield


def _run_with_hooks(run: Callable[..., Any], before: Optional[Hook], after: Optional[Hook]) -> Callable[..., Any]:
    @functools.wraps(run)
    def run_with_hooks(framework: Any, *args: Any, **keywords: Any) -> Any:
        if before is not None:
            before(framework)
        outcome = run(framework, *args, **keywords)
        if after is not None:
            after(framework)
        return outcome

    return run_with_hooks


def listener_kwargs_lines(release: str, text: str) -> str:
    """The line to write for ``listener_kwargs``.

    :param release: of flumine, such as ``2.13.11``.
    :param text: the items of the dictionary, such as ``"inplay": False``.
    """
    if parse_release(release) >= (3,):
        return "BetfairHistoricalStream(file_path=…, listener_kwargs={%s})" % text
    return 'market_filter={"markets": […], "listener_kwargs": {%s}}' % text


# Listeners -------------------------------------------------------------------------------------------------------------


@contextmanager
def listener_fields(kind: Any, **values: Any) -> Iterator[None]:
    """Inside the context, each new listener of this class, or of a derived one, has these values of its attributes."""
    make = kind.__init__

    @functools.wraps(make)
    def make_with_values(listener: Any, *args: Any, **keywords: Any) -> None:
        make(listener, *args, **keywords)
        for name, value in values.items():
            setattr(listener, name, value)

    with patched(kind, "__init__", make_with_values):
        yield


@contextmanager
def market_listener_fields(**values: Any) -> Iterator[None]:
    """Inside the context, the listeners of flumine's historical streams have these values.

    Those that are made in the context, and those of a simulation that runs in it, which a module may have made at its import.
    """

    def set_fields(framework: Any) -> None:
        for stream in market_streams(framework):
            for name, value in values.items():
                setattr(stream._listener, name, value)

    with listener_fields(historical_module().HistoricListener, **values), around_run(before=set_fields):
        yield


def plain_listener_class() -> Any:
    """betfairlightweight's ``StreamListener``. Raises ImportError where betfairlightweight is missing."""
    return importlib.import_module("betfairlightweight.streaming.listener").StreamListener


# Garbage collection ----------------------------------------------------------------------------------------------------


class CollectionTimes:
    """The time that garbage collection takes in a pass: ``seconds`` of each generation, and the ``duration`` of the pass."""

    def __init__(self) -> None:
        self.seconds: Dict[int, float] = {}
        self.duration = 0.0
        self._started = 0.0

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Measure again inside the context."""
        self.seconds.clear()
        start = time.perf_counter()
        gc.callbacks.append(self._note_phase)
        try:
            yield
        finally:
            gc.callbacks.remove(self._note_phase)
            self.duration = time.perf_counter() - start

    def _note_phase(self, phase: str, details: Dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._started = now
            return
        generation = details["generation"]
        self.seconds[generation] = self.seconds.get(generation, 0.0) + now - self._started

    def share(self, *generations: int) -> float:
        """The share of the pass that collections of these generations took; 0 for a pass that was not measured."""
        return sum(self.seconds.get(generation, 0.0) for generation in generations) / (self.duration or 1.0)


def runs_here(noted: Noted) -> bool:
    """Whether the program works in this process, where a lever can observe it, and not in the processes of a pool."""
    return not noted.simulations or any(simulation.process == os.getpid() for simulation in noted.simulations)


# Notes -----------------------------------------------------------------------------------------------------------------


def sum_orders(noted: Noted) -> int:
    """The orders that all simulations placed."""
    return sum(simulation.orders for simulation in noted.simulations)


def sum_actions(noted: Noted) -> int:
    """The orders that the strategies of all simulations placed, cancelled, updated or replaced, refused ones included."""
    return sum(strategy.actions for simulation in noted.simulations for strategy in simulation.strategies)


def market_streams_noted(noted: Noted) -> List[StreamNote]:
    """The streams of all simulations."""
    return [stream for simulation in noted.simulations for stream in simulation.streams]


def plain_listeners(noted: Noted) -> List[ListenerNote]:
    """The listeners of a program that reads market files with betfairlightweight alone; empty if it runs a simulation."""
    return [] if noted.simulations else list(noted.listeners)


def checks_latency(listener: ListenerNote) -> bool:
    """Whether a listener computes the latency of every update, and logs a warning where it is high."""
    return bool(listener.max_latency) and listener.max_latency != math.inf


def listener_values(noted: Noted, name: str) -> List[Any]:
    """The values of a setting of the listeners of all streams, None where it is not set."""
    return [stream.listener.get(name) for stream in market_streams_noted(noted)]


def flumine_release(noted: Noted) -> str:
    """The version of flumine that the program uses; empty without."""
    return noted.packages.get("flumine", "")


def describe_risk(markets: int) -> str:
    """How sure a limit is that was read off some markets: the next one exceeds the largest of n with probability 1/(n + 1)."""
    seen = "1 market" if markets == 1 else "{:,} markets".format(markets)
    return "read off {}: the next one goes beyond with probability {}".format(seen, format_share(1 / (markets + 1)))


def format_share(share: float) -> str:
    """A share as a percentage with at most two digits, such as ``33 %`` or ``0.5 %``."""
    return "{:.2g} %".format(100 * share) if share < 0.995 else "100 %"


def round_up(number: float, step: int) -> int:
    """The smallest multiple of a step that is not below a number."""
    return math.ceil(number / step) * step


def count_noun(number: int, noun: str) -> str:
    """A number with its noun: ``1 order``, ``1,200 orders``."""
    return "{:,} {}{}".format(number, noun, "" if number == 1 else "s")


__all__ = [
    "CHANGES",
    "FLUMINE_PERFORMANCE",
    "FLUMINE_QUICKSTART",
    "LESS",
    "SAME",
    "STREAMING",
    "CollectionTimes",
    "ListenerNote",
    "Noted",
    "Proposal",
    "SimulationNote",
    "StrategyNote",
    "StreamNote",
    "around_run",
    "checks_latency",
    "count_noun",
    "describe_risk",
    "flumine_release",
    "format_share",
    "historical_module",
    "historical_stream_class",
    "is_importable",
    "listener_fields",
    "listener_kwargs_lines",
    "listener_values",
    "market_listener_fields",
    "market_streams",
    "market_streams_noted",
    "parse_release",
    "patched",
    "plain_listener_class",
    "plain_listeners",
    "release_of",
    "round_up",
    "runs_here",
    "set_stream_file",
    "simulation_class",
    "stream_file",
    "sum_actions",
    "sum_orders",
    "when_imported",
]
