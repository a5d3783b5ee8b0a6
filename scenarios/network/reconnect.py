"""How long is a client without good books after its stream was cut, and what does it miss?

The exchange of perfbench cuts the stream after every ``cut_every`` frames, in the middle of the next one, while it sends the market
file ``speed`` times as fast, as in ``live``. ``recovery_p50_ms`` and ``recovery_max_ms`` are from the moment at which the client
sees the cut to its next book, which the exchange has to make, too. ``wait_s`` are seconds of the market: a client waits less as the
market is faster, so that it misses what it would miss, and its wait counts in full in the recovery. ``missed`` are updates that it
never got one by one, ``read_bytes`` what was sent to it, ``growth_bytes_per_cut`` memory of the client that stays. Seconds are CPU
seconds of the client. Its memory is read after the first book of a connection, which is in none of these times.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any, Iterator, List

import betfairlightweight
from betfairlightweight.exceptions import BetfairError
from betfairlightweight.streaming.betfairstream import BetfairStream

from perfbench import Claim, Metric, NotAvailable, Work, mode, setup
from perfbench.kit.bflw import NO_LATENCY_CHECK
from perfbench.kit.memory import give_back, resident_bytes
from perfbench.kit.stream_client import EVERYTHING, Exchange, exchange, percentile

UNIT = "updates"
METRICS = {
    "recovery_p50_ms": Metric("ms"),
    "recovery_max_ms": Metric("ms"),
    "missed": Metric("updates"),
    "read_bytes": Metric("bytes"),
    "growth_bytes_per_cut": Metric("bytes"),
    "cuts": Metric("cuts", better="neither"),
}
QUICK = {"traffic": "last_minute", "speed": 240.0, "late_ms": 1000.0, "cut_every": 40}
OURS = "perfbench"
CLAIMS = [
    Claim("full_image", "resume", 1.0, OURS, "recovery_p50_ms", "resubscribe with initialClk and clk"),
    Claim("full_image", "resume", 1.0, OURS, "read_bytes", "resubscribe with initialClk and clk"),
]
WARM = 5
"""Connections at either end over which the memory is averaged."""


@setup
def stream(
    market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 200.0, cut_every: int = 20
) -> Iterator[Exchange]:
    """Exchange that resets its clients after every ``cut_every`` frames."""
    with exchange(market, speed, traffic, late_ms, "--no-api", "--cut-every", str(cut_every)) as opened:
        yield opened


class Followed:
    """What a client saw: the time of each book by connection, the time of each reset, and its memory after each return.

    ``own_seconds``: CPU seconds that the readings of memory took.
    """

    def __init__(self) -> None:
        self.connections: List[List[float]] = []
        self.cuts: List[float] = []
        self.resident: List[int] = []
        self.own_seconds = 0.0

    def put(self, books: List[Any]) -> None:
        """Record a book; after the first of a connection also the memory, when the client has recovered."""
        self.connections[-1].append(time.monotonic())
        if len(self.connections[-1]) == 1:
            start = time.thread_time()
            give_back()
            self.resident.append(resident_bytes())
            self.own_seconds += time.thread_time() - start

    def cut(self) -> None:
        """Record the end of the connection."""
        self.cuts.append(time.monotonic())

    def recoveries(self, shortened: float = 0.0) -> List[float]:
        """Return milliseconds from each reset to the next book. The last connection received only the end of the
        stream.

        :param shortened: seconds that each wait was shorter than it is where the market is not accelerated.
        """
        return [
            1e3 * (books[0] - cut + shortened)
            for cut, books in zip(self.cuts[:-2], self.connections[1:-1])  # noqa: B905
        ]

    def growth(self) -> float:
        """Return the memory growth per reset in bytes, from the first few to the last few; 0 if it shrank."""
        count = max(1, min(WARM, len(self.resident) // 2))
        grown = median(self.resident[-count:]) - median(self.resident[:count])
        return max(0.0, grown / max(1, len(self.resident) - count))


def followed(stream: Exchange, resumes: bool, wait: float) -> Work:
    """Follow the stream to its end, and reconnect after this many seconds of the market."""
    BetfairStream._BetfairStream__port = stream.port  # type: ignore[attr-defined]
    BetfairStream.HOSTS["perfbench"] = "127.0.0.1"
    client = betfairlightweight.APIClient("perfbench", "perfbench", "perfbench", lightweight=True)
    client.session_token = "any"  # noqa: S105 - not checked
    seen, pause = Followed(), wait / stream.speed
    listener = betfairlightweight.StreamListener(output_queue=seen, max_latency=NO_LATENCY_CHECK, lightweight=True)
    cpu = time.process_time()
    while not seen.connections or len(seen.connections[-1]) > 1:
        if seen.cuts:
            time.sleep(pause)
        seen.connections.append([])
        _until_cut(client, listener, resumes)
        seen.cut()
    seconds, recoveries = time.process_time() - cpu - seen.own_seconds, seen.recoveries(wait - pause)
    if not recoveries:
        raise NotAvailable("{} updates are too few for a reset; choose a smaller cut_every".format(stream.updates))
    sent = len(stream.close())
    return Work(
        stream.updates,
        seconds,
        recovery_p50_ms=percentile(recoveries, 50),
        recovery_max_ms=max(recoveries),
        missed=stream.updates - sent,
        read_bytes=sum(connection["size"] for connection in stream.statement["connections"]),
        growth_bytes_per_cut=seen.growth(),
        cuts=len(recoveries),
    )


def _until_cut(client: Any, listener: Any, resumes: bool) -> None:
    stream = client.streaming.create_stream(listener=listener, host="perfbench")
    position = {"initial_clk": listener.initial_clk, "clk": listener.clk} if resumes else {}
    try:
        stream.subscribe_to_markets({}, {"fields": EVERYTHING}, **position)
        stream.start()
    except BetfairError:
        return
    finally:
        stream.stop()


@mode(baseline=True)
def full_image(stream: Exchange) -> Work:
    """Reconnect immediately and subscribe again."""
    return followed(stream, False, 0.0)


@mode
def resume(stream: Exchange) -> Work:
    """Come back at once, with initialClk and clk of the listener: what was missed comes as one change."""
    return followed(stream, True, 0.0)


@mode
def retry_loop(stream: Exchange, *, wait_s: float = 2.0) -> Work:
    """The same by the retry loop of the library's examples and of flumine, which first waits two seconds (of the market)."""
    return followed(stream, True, wait_s)
