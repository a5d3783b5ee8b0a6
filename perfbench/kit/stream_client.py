"""betfairlightweight client of the local exchange, and its latency.

betfairlightweight is unmodified apart from the host it connects to: the hooks are the same from 2.11.2 to 2.24.0.
"""

from __future__ import annotations

import csv
import math
import os
import time
from contextlib import contextmanager
from statistics import fmean
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import betfairlightweight
from betfairlightweight.exceptions import BetfairError
from betfairlightweight.streaming.betfairstream import BetfairStream

from perfbench import NotAvailable
from perfbench.kit.bflw import NO_LATENCY_CHECK
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.exchange import ExchangeProcess, exchange_process
from perfbench.worker.scenario_api import ScenarioError

EVERYTHING = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
TRAFFIC = {
    "early": ("-1800s", "-300s"),
    "pre_off": ("-300s", "0s"),
    "last_minute": ("-60s", "0s"),
    "in_play": ("0s", "300s"),
    "both": ("-300s", "300s"),
}
"""Opening and closing time, relative to the announced start of the market."""

INSPECTION_INTERVAL = 20
"""Books are inspected for one in this many updates."""


class Frame(NamedTuple):
    """Update as sent by the exchange: seconds of this machine's monotonic clock, and bytes."""

    sent: float
    size: int


class Exchange:
    """Exchange in a process of its own that closes the connection after the last update. ``speed``: seconds of the market in one of
    this machine; ``statement``: its report, once closed.
    """

    def __init__(self, process: ExchangeProcess, log: str, speed: float, late_ms: float) -> None:
        self._process, self._log, self._late_ms = process, log, late_ms
        self.announcement = process.announcement
        self.speed = speed
        self.port: int = self.announcement["port"]
        self.updates: int = self.announcement["updates"]
        self.seconds: float = self.announcement["seconds"]

    def close(self) -> List[Frame]:
        """Return the frames sent to the only client. Raises RuntimeError if the exchange was late: latencies would
        then not be the client's.
        """
        self.statement = self._process.close()
        late_ms = self.statement["lateness"]["p99"] * 1e3
        if late_ms > self._late_ms:
            raise RuntimeError(
                "the exchange was {:.1f} ms late at p99; the limit is {:g}: close other programs or --set late_ms".format(
                    late_ms, self._late_ms
                )
            )
        with open(self._log, newline="") as rows:
            return [Frame(float(row["sent"]), int(row["bytes"])) for row in csv.DictReader(rows)]

    def own(self) -> Dict[str, float]:
        """Return the exchange's own delay and CPU use, once closed: it shares this machine with its client."""
        return {
            "exchange_late_ms": self.statement["lateness"]["p99"] * 1e3,
            "exchange_share": self.statement["cpu_seconds"] / self.statement["wall_seconds"],
        }


@contextmanager
def exchange(market: str, speed: float, traffic: str, late_ms: float, *options: str) -> Iterator[Exchange]:
    """Serve a window of the market file as a stream.

    Raises ScenarioError for unknown traffic, and NotAvailable for a file of best offers only: its updates hardly
    change the full depth, so that a client of the full depth receives few of them.
    """
    if traffic not in TRAFFIC:
        raise ScenarioError("traffic={}: choose {}".format(traffic, ", ".join(TRAFFIC)))
    if not _has_full_depth(market):
        raise NotAvailable(
            "{} has best offers only, not the full depth; choose a PRO file".format(os.path.basename(market))
        )
    since, until = TRAFFIC[traffic]
    with folder_until_the_end() as folder:
        log = os.path.join(folder, "log.csv")
        window = ("--data", market, "--speed", str(speed), "--from", since, "--until", until)
        with exchange_process("--hang-up", "--log", log, *window, *options) as process:
            yield Exchange(process, log, speed, late_ms)


def _has_full_depth(market: str) -> bool:
    """Return whether a file has full ladders; True as well for a file without any offers."""
    levels = False
    with open(market, "rb") as lines:
        for line in lines:
            if b'"atb"' in line or b'"atl"' in line:
                return True
            levels = levels or b'"batb"' in line or b'"batl"' in line
    return not levels


class Taken:
    """Output queue that records when each update was ready, a few values of its book, and the number of changed
    runners. ``own_seconds``: CPU seconds that this took, which are not the client's.
    """

    def __init__(self) -> None:
        self.own_seconds = 0.0
        self.times: List[float] = []
        self.notes: List[Any] = []
        self.runners: List[int] = []
        self._levels: List[float] = []
        self._last: Dict[str, Any] = {}
        self._volumes: Dict[str, float] = {}

    def put(self, books: List[Any]) -> None:
        """Record the books of an update; called by betfairlightweight."""
        self.times.append(time.monotonic())
        start = time.thread_time()
        self._record(books)
        self.own_seconds += time.thread_time() - start

    def _record(self, books: List[Any]) -> None:
        self.notes.append([_summarize(book) for book in books])
        updates = (book["streaming_update"] if isinstance(book, dict) else book.streaming_update for book in books)
        self.runners.append(sum(len(update.get("rc", ())) for update in updates))
        if len(self.times) % INSPECTION_INTERVAL == 1:
            self._levels += map(_levels, books)
        for book in books:
            if isinstance(book, dict):
                volume = sum(float(runner["totalMatched"] or 0.0) for runner in book["runners"])
                self._volumes[book["marketId"]] = max(volume, self._volumes.get(book["marketId"], 0.0))
        self._last.update((summary[0], book) for summary, book in zip(self.notes[-1], books))  # noqa: B905 - equal lengths

    def latencies(self, frames: List[Frame]) -> List[Tuple[float, int]]:
        """Return, for each frame, the seconds from sending to its books, and its bytes. Raises RuntimeError unless
        each frame gave books.
        """
        ready = self.times[1:]  # without the image
        if len(frames) != len(ready):
            raise RuntimeError("{} frames sent, but {} updates received".format(len(frames), len(ready)))
        return [(seen - frame.sent, frame.size) for frame, seen in zip(frames, ready)]  # noqa: B905 - equal lengths

    def volume(self) -> float:
        """Return the largest volume that the client knew to be traded on all runners together; lightweight mode only.

        Not that of the last update: when a market is closed, the stream sets the volume of its runners to 0.
        """
        return sum(self._volumes.values())

    def last_prices(self) -> int:
        """Return the number of runners whose last traded price the client knows; lightweight mode only."""
        return sum(runner["lastPriceTraded"] is not None for book in self._last.values() for runner in book["runners"])

    def levels(self) -> float:
        """Return the prices in a runner's book, both sides, averaged over the inspected updates."""
        return fmean(self._levels)


def _summarize(book: Any) -> List[Any]:
    """Return market, status, matched volume and sum of last prices."""
    if isinstance(book, dict):
        prices = [runner["lastPriceTraded"] for runner in book["runners"]]
        return [book["marketId"], book["status"], book["totalMatched"], round(sum(filter(None, prices)), 2)]
    prices = [runner.last_price_traded for runner in book.runners]
    return [book.market_id, book.status, book.total_matched, round(sum(filter(None, prices)), 2)]


def _levels(book: Any) -> float:
    """Return the prices in the average runner's book; lightweight mode only."""
    ladders = [runner["ex"] for runner in book["runners"]] if isinstance(book, dict) else []
    return fmean(len(ex["availableToBack"]) + len(ex["availableToLay"]) for ex in ladders) if ladders else 0.0


def percentile(values: List[float], share: float) -> float:
    """Return the smallest value that is at least as large as ``share`` percent of all values."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def follow(
    port: int,
    lightweight: bool,
    taken: Taken,
    fields: Optional[Dict[str, Any]],
    conflate_ms: int = 0,
    market_filter: Optional[Dict[str, Any]] = None,
) -> float:
    """Subscribe to all markets and read to the end; return the CPU seconds of this process without those of ``taken``."""
    assert hasattr(BetfairStream, "_BetfairStream__port")
    BetfairStream._BetfairStream__port = port
    BetfairStream.HOSTS["perfbench"] = "127.0.0.1"
    client = betfairlightweight.APIClient("perfbench", "perfbench", "perfbench", lightweight=lightweight)
    client.session_token = "any"  # noqa: S105 - not checked
    listener = betfairlightweight.StreamListener(
        output_queue=taken, max_latency=NO_LATENCY_CHECK, lightweight=lightweight
    )
    stream = client.streaming.create_stream(listener=listener, host="perfbench")
    start = time.process_time()
    stream.subscribe_to_markets(market_filter or {}, fields, conflate_ms=conflate_ms)
    try:
        stream.start()
    except BetfairError as error:
        if "closed by server" not in str(error).lower():
            raise
    return time.process_time() - start - taken.own_seconds
