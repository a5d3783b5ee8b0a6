"""Does a trading program that restarts itself need less memory, how long is its downtime, and which restart is the shortest?

A separate program replays the last ``updates`` of the market file, sent over a socket, and keeps its market books. It restarts
every ``hours`` of the market's clock, by default two fifths of the time span of those updates, hence twice. ``downtime_ms`` is
the longest time around a restart without a processed update, ``rss_before_bytes`` and ``rss_after_bytes`` are the maximum
memory just before and just after a restart; seconds run from the first connection to the last update. All modes must see the
same prices, place the same orders and end with the same state. ``--set imports=flumine`` makes the program import more, ``--set
save_every=1`` saves the state at every update: a ``kill -9`` then loses nothing.
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
from perfbench.kit.child_processes import adopt_orphans, folder_until_the_end, python_path, wait_for_children
from perfbench.kit.memory import give_back, require_memory
from perfbench.kit.saved_state import load
from perfbench.kit.stream_server import Exchange
from perfbench.kit.trader import LOG, MS_PER_HOUR, STATE

UNIT = "updates"
METRIC = "wall_seconds"
METRICS = {"downtime_ms": Metric("ms"), "rss_before_bytes": Metric("bytes"), "rss_after_bytes": Metric("bytes")}
QUICK = {"updates": 200}
NOTES = "community notes"
TEXT = "restart every twelve hours"
CLAIMS = [
    Claim("never", "exec_itself", 1.0, NOTES, "rss_after_bytes", TEXT, "hand_over"),
    Claim("never", "exec_itself", 1.0, NOTES, "downtime_ms", TEXT, "hand_over"),
]

INTERVAL = 0.4
"""Share of the time span of the updates; some updates follow the last restart."""

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
        return Work(
            self.exchange.amount,
            seconds=(notes["ended"] - notes["began"]) / 1e9,
            output=self._output(state),
            downtime_ms=max(length for _, length in notes["downtimes"]) / 1e6,
            late_updates=max(self._published_within(*downtime) for downtime in notes["downtimes"]),
            rss_before_bytes=max(notes["before"]),
            rss_after_bytes=max(notes["after"]),
            peak_rss_bytes=notes["peak"],
            restarts=len(notes["downtimes"]),
            orders=len(state["orders"]),
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
    retain: int = 1_000,
    imports: str = "",
    save_every: int = 0,
) -> Iterator[Program]:
    """An exchange, a folder, and the arguments of the program. Raises NotAvailable for too few updates or too little memory."""
    for name in filter(None, imports.split(",")):
        if importlib.util.find_spec(name) is None:
            raise NotAvailable("{} is not installed in this environment: pip install {}".format(name, name))
    with closing(Exchange(market, updates)) as exchange, folder_until_the_end() as folder:
        books = min(retain, exchange.amount)
        bytes_needed = 2 * PROGRAM_BYTES + books * exchange.image_bytes * BYTES_PER_CHARACTER
        require_memory(bytes_needed, "a program and its successor with {:,} market books".format(books))
        span = (max(exchange.published) - min(exchange.published)) / MS_PER_HOUR
        arguments = {"exchange": exchange.port, "folder": folder, "hours": hours or INTERVAL * span, "retain": retain}
        arguments.update({"save-every": save_every, "imports": imports})
        os.mkdir(os.path.join(folder, "importable"))
        variables = {"PYTHONPATH": python_path(os.path.join(folder, "importable"))}
        named = ["--{}={}".format(name, value) for name, value in arguments.items()]
        yield Program(exchange, folder, named, variables)


@mode(baseline=True)
def never(program: Program) -> Work:
    """No restart: measured when one would be due."""
    return program.run("never")


@mode
def exec_itself(program: Program) -> Work:
    """As advised: save the state, close everything, exec the same interpreter with the same arguments."""
    _require_arguments()
    return program.run("exec")


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
