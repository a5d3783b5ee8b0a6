"""A client of betfairlightweight that follows the exchange of perfbench as it follows the real one, and what that took.

Nothing of betfairlightweight is changed but where it connects to: the hooks are the same from 2.11.2 to 2.24.0.
"""

from __future__ import annotations

import csv
import math
import os
import tempfile
import time
from contextlib import contextmanager
from statistics import fmean
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import betfairlightweight
from _bflw import NO_LATENCY_CHECK
from _exchange_process import ExchangeProcess, exchange_process
from betfairlightweight.exceptions import BetfairError
from betfairlightweight.streaming.betfairstream import BetfairStream

from perfbench import NotAvailable, setup
from perfbench.worker.scenario_api import ScenarioError

EVERYTHING = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
TRAFFIC = {
    "early": ("-1800s", "-300s"),
    "pre_off": ("-300s", "0s"),
    "in_play": ("0s", "300s"),
    "both": ("-300s", "300s"),
}
"""From and until when, by the announced start of the market."""

LOOK_EVERY = 20
"""Updates, of which one is looked into."""


class Frame(NamedTuple):
    """An update as the exchange sent it: seconds of the monotonic clock of this machine, and bytes."""

    sent: float
    size: int


class Exchange:
    """An exchange of its own process, which ends a connection after the last update. ``statement``: what it did, once closed."""

    def __init__(self, process: ExchangeProcess, log: str, late_ms: float) -> None:
        self._process, self._log, self._late_ms = process, log, late_ms
        self.said = process.said
        self.port: int = self.said["port"]
        self.updates: int = self.said["updates"]
        self.seconds: float = self.said["seconds"]

    def close(self) -> List[Frame]:
        """What it sent to the only client. Raises RuntimeError if it was late: then no number is the client's."""
        self.statement = self._process.close()
        late_ms = self.statement["lateness"]["p99"] * 1e3
        if late_ms > self._late_ms:
            raise RuntimeError(
                "the exchange itself was {:.1f} ms late at p99, {:g} are allowed: close other programs, or --set late_ms".format(
                    late_ms, self._late_ms
                )
            )
        with open(self._log, newline="") as rows:
            return [Frame(float(row["sent"]), int(row["bytes"])) for row in csv.DictReader(rows)]

    def own(self) -> Dict[str, float]:
        """What the exchange itself took while it sent, once closed: it shares this machine with its client."""
        return {
            "exchange_late_ms": self.statement["lateness"]["p99"] * 1e3,
            "exchange_share": self.statement["cpu_seconds"] / self.statement["wall_seconds"],
        }


@contextmanager
def exchange(market: str, speed: float, traffic: str, late_ms: float, *options: str) -> Iterator[Exchange]:
    """A window of the market file as a stream, with an exchange of its own.

    Raises ScenarioError for traffic that there is not, NotAvailable for a file of best offers only: its updates change nothing of
    the full depth, and a client that asks for that is told of few of them.
    """
    if traffic not in TRAFFIC:
        raise ScenarioError("traffic={}: choose {}".format(traffic, ", ".join(TRAFFIC)))
    if not _has_full_depth(market):
        raise NotAvailable(
            "{} has best offers and not the full depth: choose a PRO file".format(os.path.basename(market))
        )
    since, until = TRAFFIC[traffic]
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        log = os.path.join(folder, "log.csv")
        window = ("--data", market, "--speed", str(speed), "--from", since, "--until", until)
        with exchange_process("--hang-up", "--log", log, *window, *options) as process:
            yield Exchange(process, log, late_ms)


def _has_full_depth(market: str) -> bool:
    """Also where a file has no offers at all."""
    levels = False
    with open(market, "rb") as lines:
        for line in lines:
            if b'"atb"' in line or b'"atl"' in line:
                return True
            levels = levels or b'"batb"' in line or b'"batl"' in line
    return not levels


@setup
def stream(market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 5.0) -> Iterator[Exchange]:
    """An exchange that waits for its client, and may be so late itself at its 99th percentile."""
    with exchange(market, speed, traffic, late_ms, "--no-api") as opened:
        yield opened


class Taken:
    """In place of the queue of a listener: when every update was ready, a few numbers of its book, and how many runners changed."""

    def __init__(self) -> None:
        self.times: List[float] = []
        self.notes: List[Any] = []
        self.runners: List[int] = []
        self._levels: List[float] = []
        self._last: Dict[str, Any] = {}

    def put(self, books: List[Any]) -> None:
        """Called by betfairlightweight with the books of an update."""
        self.times.append(time.monotonic())
        self.notes.append([_noted(book) for book in books])
        updates = (book["streaming_update"] if isinstance(book, dict) else book.streaming_update for book in books)
        self.runners.append(sum(len(update.get("rc", ())) for update in updates))
        if len(self.times) % LOOK_EVERY == 1:
            self._levels += map(_levels, books)
        self._last.update((noted[0], book) for noted, book in zip(self.notes[-1], books))  # noqa: B905 - of the same

    def latencies(self, frames: List[Frame]) -> List[Tuple[float, int]]:
        """Seconds from the send of each frame to its books, and its bytes. Raises RuntimeError unless one came for each."""
        ready = self.times[1:]  # after the image
        if len(frames) != len(ready):
            raise RuntimeError("{} frames were sent, and {} updates seen".format(len(frames), len(ready)))
        return [(seen - frame.sent, frame.size) for frame, seen in zip(frames, ready)]  # noqa: B905 - as many

    def volume(self) -> float:
        """What was traded on all runners, as far as the client knows; of dicts only."""
        return sum(float(runner["totalMatched"] or 0.0) for book in self._last.values() for runner in book["runners"])

    def levels(self) -> float:
        """Prices in a runner's book, both sides together, at the average of the updates that were looked at."""
        return fmean(self._levels)


def _noted(book: Any) -> List[Any]:
    """Market, status, volume matched, and the sum of last prices."""
    if isinstance(book, dict):
        prices = [runner["lastPriceTraded"] for runner in book["runners"]]
        return [book["marketId"], book["status"], book["totalMatched"], round(sum(filter(None, prices)), 2)]
    prices = [runner.last_price_traded for runner in book.runners]
    return [book.market_id, book.status, book.total_matched, round(sum(filter(None, prices)), 2)]


def _levels(book: Any) -> float:
    """Prices in the average runner's book; of dicts only."""
    ladders = [runner["ex"] for runner in book["runners"]] if isinstance(book, dict) else []
    return fmean(len(ex["availableToBack"]) + len(ex["availableToLay"]) for ex in ladders) if ladders else 0.0


def percentile(values: List[float], share: float) -> float:
    """The least value that so many in a hundred do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def follow(port: int, lightweight: bool, taken: Taken, fields: Dict[str, Any], conflate_ms: int = 0) -> float:
    """Subscribe to all markets and read up to the end; the CPU seconds of this process for that."""
    assert hasattr(BetfairStream, "_BetfairStream__port")
    BetfairStream._BetfairStream__port = port  # type: ignore[attr-defined]
    BetfairStream.HOSTS["perfbench"] = "127.0.0.1"
    client = betfairlightweight.APIClient("perfbench", "perfbench", "perfbench", lightweight=lightweight)
    client.session_token = "any"  # noqa: S105 - nobody asks for it
    listener = betfairlightweight.StreamListener(
        output_queue=taken, max_latency=NO_LATENCY_CHECK, lightweight=lightweight
    )
    stream = client.streaming.create_stream(listener=listener, host="perfbench")
    start = time.process_time()
    stream.subscribe_to_markets({}, fields, conflate_ms=conflate_ms)
    try:
        stream.start()
    except BetfairError as error:
        if "closed by server" not in str(error).lower():
            raise
    return time.process_time() - start
