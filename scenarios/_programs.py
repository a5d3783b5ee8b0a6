"""A trading program in separate processes: start it, feed it from an exchange, wait for it, collect its results."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_right
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

from _exchange import Exchange
from _state import load
from _trading import LOG, STATE

from perfbench import NotAvailable, Work

TRADER = str(Path(__file__).with_name("_trader.py"))

REMOVE = 'cat >/dev/null; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }'


class Program(NamedTuple):
    """The exchange, folder and arguments of a trading program."""

    exchange: Exchange
    folder: str
    arguments: List[str]

    def run(self, restart: str, *more: str, **variables: str) -> Work:
        """Run it to the end with one way to restart. Raises RuntimeError with its last error line if it fails.

        :param variables: of its environment.
        """
        command = [sys.executable, TRADER, "--restart", restart, *self.arguments, *more]
        with open(os.path.join(self.folder, "errors.txt"), "w+") as errors:
            trader = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, env={**os.environ, **variables})
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
        wait_for(document["notes"]["processes"])
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


@contextmanager
def folder_until_the_end() -> Iterator[str]:
    """A temporary folder that is removed even if this process is killed: a shell at the other end of a pipe waits for that."""
    folder = tempfile.mkdtemp(prefix="perfbench-")
    quiet: Dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        ["/bin/sh", "-c", REMOVE, "sh", folder], stdin=subprocess.PIPE, start_new_session=True, **quiet
    ):
        yield folder


def adopt() -> None:
    """Become the parent of orphaned descendants, to wait for them (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait_for(processes: List[Dict[str, Any]]) -> None:
    """Wait until those that are children of this process, or have become its children, have ended."""
    for process in processes:
        try:
            os.waitpid(process["pid"], 0)
        except ChildProcessError:
            continue
