"""A trading program of its own processes: started, fed by an exchange, waited for, and what came of it."""

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
    """What the trading program connects to, its folder, and its arguments."""

    exchange: Exchange
    folder: str
    arguments: List[str]

    def run(self, restart: str, *more: str, **variables: str) -> Work:
        """Have it trade to the end, with this way to restart. Raises RuntimeError with its last words if it fails.

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
        """How many updates a market at its own speed would have published in so many nanoseconds, up to this one."""
        times = self.exchange.published
        start = times[max(0, position - 2)]
        return max(0, bisect_right(times, start + length / 1e6) - position + 1)

    def _output(self, state: Dict[str, Any]) -> Iterator[Any]:
        """What the program saw and did at every update, and its state at the end."""
        with open(os.path.join(self.folder, LOG), "rb") as lines:
            for line in lines:
                said = json.loads(line)
                yield said if said[0][0] < self.exchange.amount else [said, state]


@contextmanager
def folder_until_the_end() -> Iterator[str]:
    """A temporary folder that is removed even if this process is killed: somebody waits at the other end of a pipe for that."""
    folder = tempfile.mkdtemp(prefix="perfbench-")
    quiet: Dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        ["/bin/sh", "-c", REMOVE, "sh", folder], stdin=subprocess.PIPE, start_new_session=True, **quiet
    ):
        yield folder


def adopt() -> None:
    """Become the parent of processes whose own ends before them, to wait for their end (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait_for(processes: List[Dict[str, Any]]) -> None:
    """Wait until all of these have ended that are children of this process, or have become it."""
    for process in processes:
        try:
            os.waitpid(process["pid"], 0)
        except ChildProcessError:
            continue
