"""A trader on a market stream with persistent state and log, which survives restarts without losing either.

It keeps a number of market books, as programs do for their models, and has a workload. Runners and orders are its state; ``notes``
are about the program (times, memory) and not part of the state.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import re
import select
import socket
import sys
import time
import zlib
from argparse import Namespace
from collections import deque
from typing import Any, Deque, Dict, List, Optional

from perfbench.kit.memory import resident_bytes
from perfbench.kit.saved_state import load, save
from perfbench.kit.workload import Workload

STATE = "state.json"
LOG = "updates.log"
PORT = "127.0.0.1"
STREAM = 2
FALLS = 3
"""Consecutive price falls after which a runner is backed."""

PUBLISHED = re.compile(rb'"pt": ?(\d+)')
MS_PER_HOUR = 3_600_000


def fresh() -> Dict[str, Any]:
    """The document of a trader that has not yet traded. Prices and sizes are whole hundredths, times ms since 1970."""
    state = {
        "position": 0,
        "clock": 0,
        "chain": 0,
        "log_bytes": 0,
        "traded": {},
        "prices": {},
        "falls": {},
        "orders": [],
    }
    notes: Dict[str, Any] = {
        "due": None,
        "stopped": None,
        "began": None,
        "ended": None,
        "downtimes": [],
        "intervals": [],
        "curve": [],
    }
    return {"state": state, "notes": {**notes, "peak": 0, "processes": []}}


class Trader:
    """Restores the state, connects, and trades. Raises ConnectionError when the exchange is gone."""

    def __init__(self, options: Namespace, document: Optional[Dict[str, Any]] = None, beside: int = 0) -> None:
        """:param beside: resident bytes of another process of this program."""
        self._options, self._beside = options, beside
        self.document: Dict[str, Any] = document or load(STATE) or fresh()
        self.state, self.notes = self.document["state"], self.document["notes"]
        self._books: Deque[Any] = deque(maxlen=options.retain)
        self._workload = Workload(options.workload, options.leak_kb, self.state["position"])
        self._log = _opened(LOG, self.state["log_bytes"])
        self._made: queue.Queue[List[Any]] = queue.Queue()
        self._listener = _listener(self._made)
        self._pending = b""
        self.notes["processes"].append(about_process())
        self._socket = socket.create_connection((PORT, options.exchange))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        request = {"op": "marketSubscription", "id": STREAM, "clk": self.state["position"]}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        self._listener.on_data(self._next().decode())  # the image: everything in it is known already
        self._made.get_nowait()
        self.notes["began"] = self.notes["began"] or time.monotonic_ns()

    def trade(self) -> bool:
        """Process updates until a restart is due, by number or by the market's clock. False at the end of the stream."""
        while self._trade_one():
            every = self._options.every
            if self.state["position"] % every == 0 if every else self.state["clock"] >= self.notes["due"]:
                return True
        return False

    def trade_at_market_speed(self, until: Any) -> bool:
        """Process updates when they were published, from now on, until a file can be read. False at the end of the stream.

        The replay is thousands of times faster than a market: concurrent work would be hours late in market time.
        """
        lead = time.monotonic() - self.state["clock"] / 1000
        while True:
            self._pending = self._pending or self._next()
            match = PUBLISHED.search(self._pending)
            wait = max(0.0, int(match.group(1)) / 1000 + lead - time.monotonic()) if match else 0.0
            if select.select([until], [], [], wait)[0]:
                return True
            if not self._trade_one():
                return False

    def _trade_one(self) -> bool:
        line, self._pending = self._pending or self._next(), b""
        if line.startswith(b'{"op":"end"'):
            self._went_on()
            self.notes["ended"] = time.monotonic_ns()
            return False
        self._listener.on_data(line.decode())
        books = self._made.get_nowait()
        self._books.extend(books)
        self._write_down([self._looked_at(book) for book in books], books[-1].publish_time_epoch)
        self._workload.update(self.state["position"])
        if self.notes["stopped"] is not None:
            self._went_on()
        if self._options.sample_every and self.state["position"] % self._options.sample_every == 0:
            self.notes["curve"].append([self.state["position"], self.resident()])
        if self._options.save_every and self.state["position"] % self._options.save_every == 0:
            self.save()
        return True

    def _next(self) -> bytes:
        line: bytes = self._lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the exchange is gone")
        return line

    def _looked_at(self, book: Any) -> List[Any]:
        """Record new prices and back falling runners. Returns the changes in a fixed order, which an image lacks."""
        state, new = self.state, []
        for runner in sorted(book.runners, key=lambda runner: (runner.selection_id, runner.handicap)):
            key = "{}/{}/{:g}".format(book.market_id, runner.selection_id, runner.handicap)
            price = round(100 * (runner.last_price_traded or 0))
            before = state["prices"].get(key, 0)
            if price == before:
                continue
            state["prices"][key] = price
            state["traded"][key] = sum(round(100 * traded.size) for traded in runner.ex.traded_volume)
            state["falls"][key] = state["falls"].get(key, 0) + 1 if price < before else 0
            if state["falls"][key] == FALLS:
                state["falls"][key] = 0
                state["orders"].append([state["position"], key, price])
            best = [[level.price, level.size] for side in _sides(runner) for level in side[:1]]
            new.append([key, price, state["traded"][key], best])
        return [book.market_id, book.total_matched, new]

    def _write_down(self, seen: List[Any], published: int) -> None:
        state = self.state
        state["position"] += 1
        state["clock"] = published
        line = json.dumps([state["position"], published, seen, len(state["orders"])]).encode()
        state["chain"] = zlib.crc32(line, state["chain"])
        state["log_bytes"] += self._log.write(b"[%s, %d]\n" % (line, state["chain"]))
        if self._options.every:
            return
        if self.notes["due"] is None or published < self.notes["due"] - self._interval:  # the file starts another day
            self.notes["due"] = published + self._interval

    @property
    def _interval(self) -> float:
        return float(self._options.hours) * MS_PER_HOUR

    def pause(self) -> None:
        """Record the time at the start of a restart, and the memory at the end of the interval."""
        self.notes["stopped"] = time.monotonic_ns()
        if not self._options.every:
            intervals = 1 + (self.state["clock"] - self.notes["due"]) // self._interval
            self.notes["due"] += intervals * self._interval
        self.notes["intervals"].append(self.resident())

    def _went_on(self) -> None:
        if self.notes["stopped"] is not None:
            downtime = time.monotonic_ns() - self.notes["stopped"]
            self.notes["stopped"] = None
            self.notes["downtimes"].append([self.state["position"], downtime])
        self.resident()

    def resident(self, beside: int = 0) -> int:
        """Resident bytes of this program and its other processes; the peak is recorded."""
        now = resident_bytes() + self._beside + beside
        self.notes["peak"] = max(self.notes["peak"], now)
        return now

    def save(self) -> None:
        """Write the log lines to disk, then state and notes."""
        self._log.flush()
        os.fsync(self._log.fileno())
        save(STATE, self.document)

    def close(self) -> None:
        """Save, and close the log and the connection."""
        self.save()
        self._log.close()
        self._hang_up()

    def finish(self) -> None:
        """Close at the end of the stream, and notify the exchange."""
        self.resident()
        self.save()
        self._log.close()
        self._socket.sendall(b"done\n")
        self._hang_up()

    def _hang_up(self) -> None:
        self._lines.close()
        self._socket.close()

    def forget(self) -> None:
        """Let go of the market books."""
        self._books.clear()


def _sides(runner: Any) -> List[List[Any]]:
    return [runner.ex.available_to_back, runner.ex.available_to_lay]


def _opened(path: str, length: int) -> Any:
    """The log, truncated to ``length`` bytes: a killed program may have written more than it saved."""
    file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")  # noqa: SIM115 - closed with the trader
    file.truncate(length)
    file.seek(length)
    return file


def _listener(made: queue.Queue[List[Any]]) -> Any:
    library: Any = importlib.import_module("betfairlightweight")
    # Replayed updates are never too late.
    listener = library.StreamListener(output_queue=made, max_latency=float("inf"))
    listener.register_stream(STREAM, "marketSubscription")
    return listener


def about_process() -> Dict[str, Any]:
    """Facts that must survive a restart (arguments, interpreter options, working directory) or must not accumulate (open files)."""
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    facts = {"pid": os.getpid(), "argv": sys.argv, "options": sorted(map(str, sys._xoptions.items())), "files": files}
    return {**facts, "interpreter": sys.executable, "optimize": sys.flags.optimize, "cwd": os.getcwd()}
