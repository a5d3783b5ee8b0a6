"""Does a trading program that restarts itself need less memory, what does its downtime cost, and which restart is the shortest?

A separate program replays the last ``updates`` of the market file, sent over a socket, and keeps its last ``retain`` market books.
It restarts three times, or every ``hours`` of the market's clock. It has one of three workloads: ``leak`` holds ``leak_kb`` more at
every update, ``fragmentation`` made many objects at the beginning of which few are left, ``steady`` has nothing that a restart
could cure. The modes without one in their name have the first one, or that of ``--set workload=``.

Memory is read at the end of every interval, when the program has filled its books again. ``end_rss_bytes`` is that of the last
whole interval, ``growth_bytes`` the growth from one interval's end to the next; below 1 MiB, in which Python takes memory from
the system, it is no growth. The curve is in the saved run (``rss_at_005`` … in thousandths of the updates). ``downtime_ms``, the
cost of a restart, is the longest time around one without a processed update; seconds run from the first connection to the last
update. All modes must see the same prices, place the same orders and end with the same state. ``--set imports=flumine`` makes the
program import more, ``--set save_every=1`` saves the state at every update: a ``kill -9`` then loses nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from bisect import bisect_right
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

from perfbench import Claim, Metric, NotAvailable, Work, mode, setup
from perfbench.kit import ScenarioError
from perfbench.kit.child_processes import adopt_orphans, folder_until_the_end, python_path, wait_for_children
from perfbench.kit.growth import ARENA
from perfbench.kit.memory import give_back, require_memory
from perfbench.kit.saved_state import load
from perfbench.kit.stream_server import Exchange
from perfbench.kit.trader import LOG, STATE
from perfbench.kit.workload import WORKLOADS

UNIT = "updates"
METRIC = "wall_seconds"
METRICS = {
    "end_rss_bytes": Metric("bytes"),
    "growth_bytes": Metric("bytes", floor=ARENA),
    "downtime_ms": Metric("ms"),
}
QUICK = {"updates": 200}
QUICK_LINES = 2_000
NOTES = "community notes"
TEXT = "restart after twelve hours"
CLAIMS = [
    Claim("never", "advised_exec", 1.0, NOTES, "growth_bytes", TEXT + " (program that leaks)", bounded=True),
    Claim("never_fragmented", "advised_exec_fragmented", 1.0, NOTES, "end_rss_bytes", TEXT + " (fragmented program)"),
    Claim("never_steady", "advised_exec_steady", 1.0, NOTES, "end_rss_bytes", TEXT + " (program with nothing to cure)"),
]

INTERVALS = 3.1
"""Whole intervals, and some updates after the last restart."""

SAMPLES = 20

PROGRAM_BYTES = 150_000_000
BYTES_PER_CHARACTER = 8
"""Memory of a market book per character of the markets' image as JSON; an upper estimate."""


TRADER = str(Path(__file__).with_name("_trader.py"))


class Program(NamedTuple):
    """The exchange, folder, arguments and environment variables of a trading program."""

    exchange: Exchange
    folder: str
    arguments: List[str]
    variables: Dict[str, str]

    def run(self, restart: str, *more: str, **variables: str) -> Work:
        """Run it to the end with one way to restart. Raises RuntimeError with its last error line if it fails.

        :param variables: of its environment.
        """
        command = [sys.executable, TRADER, "--restart", restart, *self.arguments, *more]
        with open(os.path.join(self.folder, "errors.txt"), "w+") as errors:
            trader = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=errors, env={**os.environ, **self.variables, **variables}
            )
            try:
                self.exchange.serve(trader)
                failed = trader.wait()
            except RuntimeError:
                failed = trader.returncode
            errors.seek(0)
            if failed:
                raise RuntimeError("the trader failed: " + (errors.read().strip().splitlines() or ["no reason"])[-1])
        document = load(os.path.join(self.folder, STATE))
        assert document is not None
        wait_for_children(process["pid"] for process in document["notes"]["processes"])
        return self._work(document)

    def _work(self, document: Dict[str, Any]) -> Work:
        notes, state = document["notes"], document["state"]
        if not notes["downtimes"]:
            raise NotAvailable("these updates span less than `hours`: no restart takes place, ask for fewer hours")
        ends, amount = notes["intervals"], self.exchange.amount
        return Work(
            amount,
            seconds=(notes["ended"] - notes["began"]) / 1e9,
            output=self._output(state),
            downtime_ms=max(length for _, length in notes["downtimes"]) / 1e6,
            late_updates=max(self._published_within(*downtime) for downtime in notes["downtimes"]),
            end_rss_bytes=ends[-1],
            growth_bytes=max(0, ends[-1] - ends[0]) / max(1, len(ends) - 1),
            peak_rss_bytes=notes["peak"],
            restarts=len(notes["downtimes"]),
            orders=len(state["orders"]),
            **{"rss_interval_{}".format(number): resident for number, resident in enumerate(ends, 1)},
            **{"rss_at_{:03d}".format(at * 1000 // amount): resident for at, resident in notes["curve"]},
        )

    def _published_within(self, position: int, length: int) -> int:
        """The number of updates that a market at its own speed would have published in ``length`` nanoseconds, up to this one."""
        times = self.exchange.published
        start = times[max(0, position - 2)]
        return max(0, bisect_right(times, start + length / 1e6) - position + 1)

    def _output(self, state: Dict[str, Any]) -> Iterator[Any]:
        """Input and decisions of the program at every update, and its final state."""
        with open(os.path.join(self.folder, LOG), "rb") as lines:
            for line in lines:
                entry = json.loads(line)
                yield entry if entry[0][0] < self.exchange.amount else [entry, state]


@setup
def program(
    market: str,
    *,
    updates: int = 1_000,
    hours: float = 0.0,
    retain: int = 20,
    workload: str = "leak",
    leak_kb: int = 100,
    imports: str = "",
    save_every: int = 0,
) -> Iterator[Program]:
    """An exchange, a folder, and the arguments of the program. Raises NotAvailable for too few updates or too little memory."""
    if workload not in WORKLOADS:
        raise ScenarioError("workload={}: use {}".format(workload, ", ".join(WORKLOADS)))
    if leak_kb < 0:
        raise ScenarioError("leak_kb={}: at least 0".format(leak_kb))
    for name in filter(None, imports.split(",")):
        if importlib.util.find_spec(name) is None:
            raise NotAvailable("{} is not installed in this environment: pip install {}".format(name, name))
    with closing(Exchange(market, updates)) as exchange, folder_until_the_end() as folder:
        books = min(retain, exchange.amount)
        bytes_needed = (
            2 * PROGRAM_BYTES + exchange.amount * leak_kb * 1024 + books * exchange.image_bytes * BYTES_PER_CHARACTER
        )
        require_memory(bytes_needed, "a program and its successor with {:,} market books".format(books))
        arguments: Dict[str, Any] = {"exchange": exchange.port, "folder": folder, "retain": retain, "leak-kb": leak_kb}
        interval = max(1, int(exchange.amount / INTERVALS))
        if not hours and retain > interval:
            reason = "retain={}: an interval has {} updates, in which the program cannot fill its books again"
            raise ScenarioError(reason.format(retain, interval))
        every = {"hours": hours} if hours else {"every": interval}
        samples = max(1, exchange.amount // SAMPLES)
        arguments.update({"workload": workload, "sample-every": samples, **every})
        arguments.update({"save-every": save_every, "imports": imports})
        os.mkdir(os.path.join(folder, "importable"))
        variables = {"PYTHONPATH": python_path(os.path.join(folder, "importable"))}
        named = ["--{}={}".format(name, value) for name, value in arguments.items()]
        yield Program(exchange, folder, named, variables)


@mode(baseline=True)
def never(program: Program) -> Work:
    """No restart."""
    return program.run("never")


@mode
def advised_exec(program: Program) -> Work:
    """As advised: release resources, save the state, os.execv of the interpreter with the same arguments."""
    _require_arguments()
    return program.run("exec")


@mode
def never_fragmented(program: Program) -> Work:
    """No restart of a program with fragmented memory."""
    return program.run("never", "--workload=fragmentation")


@mode
def advised_exec_fragmented(program: Program) -> Work:
    """The advised restart of a program with fragmented memory."""
    _require_arguments()
    return program.run("exec", "--workload=fragmentation")


@mode
def never_steady(program: Program) -> Work:
    """No restart of a program that neither leaks nor has fragmented memory."""
    return program.run("never", "--workload=steady")


@mode
def advised_exec_steady(program: Program) -> Work:
    """The advised restart of a program that neither leaks nor has fragmented memory."""
    _require_arguments()
    return program.run("exec", "--workload=steady")


@mode
def hand_over(program: Program) -> Work:
    """Start a child, trade on until it has imported everything, then give it the state and end."""
    _require_arguments()
    adopt_orphans()
    return program.run("hand_over")


@mode
def pool(program: Program, *, context: str = "spawn") -> Work:
    """A ProcessPoolExecutor whose process ends after every interval (max_tasks_per_child=1; --set context=forkserver)."""
    if sys.version_info < (3, 11):
        raise NotAvailable("max_tasks_per_child came with Python 3.11: choose that or a later one")
    return program.run("pool", "--context=" + context)


@mode
def trim(program: Program, *, free: str = "trim") -> Work:
    """No restart: drop the books, collect garbage, malloc_trim (--set free=clear or collect does only the first one or two)."""
    if free == "trim":
        _require_trim()
    return program.run("trim", "--free=" + free)


@mode
def malloc_and_trim(program: Program) -> Work:
    """The same without Python's own allocator (PYTHONMALLOC=malloc), which holds memory that malloc_trim would return."""
    _require_trim()
    return program.run("trim", PYTHONMALLOC="malloc")


def _require_trim() -> None:
    if not give_back():
        raise NotAvailable("the C library has no malloc_trim: run it on Linux with glibc, or --set free=collect")


def _require_arguments() -> None:
    if not hasattr(sys, "orig_argv"):
        raise NotAvailable("sys.orig_argv came with Python 3.10: choose that or a later one")
