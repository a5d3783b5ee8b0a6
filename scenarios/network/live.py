"""What does it take to follow a live stream, and how late is a book?

The exchange of perfbench, a process of its own, sends the market file over TLS as it was published, ``speed`` times as fast: the
half hour before the announced start without its last five minutes, these, five minutes after it, or the last two together
(``--sweep traffic=early,pre_off,in_play``). Seconds are CPU seconds of the client without those of what takes note of its books,
which are ``bookkeeping_ms``. A client that waits is woken up for every frame, at 60 times the speed 60 times as often: what a
release saves in live use is measured at that speed, in five minutes a pass (``--set speed=1 --set traffic=pre_off``).
``latency_p50_ms`` is from the send of a frame to its book, by one clock, ``latency_p99_ms`` that of the slowest 1 %, and
``slowest_bytes`` the length of the slowest frame.
``exchange_late_ms`` is how late the exchange itself sent its slowest 1 %, and ``exchange_share`` how much of a core that
took. Passes run one at a time: two would share what they measure.
"""

from __future__ import annotations

from statistics import fmean
from typing import Iterator

from _flumine_live import Followed, flumine_connected, flumine_followed

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.pins import BETCONNECT, BETDAQ_RETAIL, FLUMINE_ALONE, PYTHON_JSON_LOGGER, TENACITY
from perfbench.kit.stream_client import EVERYTHING, Exchange, Taken, exchange, follow, percentile

UNIT = "updates"
METRICS = {
    "latency_p50_ms": Metric("ms"),
    "latency_p99_ms": Metric("ms"),
    "latency_max_ms": Metric("ms"),
    "slowest_bytes": Metric("bytes", better="neither"),
    "runners_changed": Metric("", better="neither"),
    "cpu_ms_per_minute": Metric("ms"),
    "cpu_ms_per_1000_frames": Metric("ms"),
    "bookkeeping_ms": Metric("ms", better="neither"),
    "exchange_late_ms": Metric("ms", better="neither"),
    "exchange_share": Metric("share", better="neither"),
}
QUICK = {"traffic": "last_minute", "speed": 240.0, "late_ms": 1000.0}
RELEASE = "betfairlightweight 2.12.0 release notes: CPU halved in live trading"
CLAIMS = [
    Claim("lightweight@betfairlightweight==2.11.2", "lightweight@betfairlightweight==2.12.0", 2.0, RELEASE),
    Claim("full@betfairlightweight==2.11.2", "full@betfairlightweight==2.12.0", 2.0, RELEASE),
]


FLUMINE = [FLUMINE_ALONE, TENACITY, PYTHON_JSON_LOGGER, BETCONNECT, BETDAQ_RETAIL]
"""flumine without its dependencies: it pins a release of betfairlightweight, and another one is under test."""


@setup
def stream(market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 5.0) -> Iterator[Exchange]:
    """Exchange that waits for its client; ``late_ms`` is the largest delay accepted at its 99th percentile."""
    with exchange(market, speed, traffic, late_ms, "--no-api") as opened:
        yield opened


@setup
def trading(market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 5.0) -> Iterator[Followed]:
    """Exchange with an API, and flumine ready to run."""
    with flumine_connected(market, traffic, speed, late_ms) as connected:
        yield connected


def followed(stream: Exchange, lightweight: bool) -> Work:
    """Follow the stream to its end."""
    taken = Taken()
    return joined(stream, taken, follow(stream.port, lightweight, taken, {"fields": EVERYTHING}))


def joined(stream: Exchange, taken: Taken, seconds: float) -> Work:
    """Join the sent frames with the received books."""
    late = taken.latencies(stream.close())
    slowest, size = max(late)
    delays = [seconds * 1e3 for seconds, _ in late]
    return Work(
        stream.updates,
        seconds,
        taken.notes[1:],
        latency_p50_ms=percentile(delays, 50),
        latency_p99_ms=percentile(delays, 99),
        latency_max_ms=slowest * 1e3,
        slowest_bytes=size,
        runners_changed=fmean(taken.runners[1:]),
        cpu_ms_per_minute=seconds * 1e3 / (stream.seconds / 60),
        cpu_ms_per_1000_frames=seconds * 1e6 / len(late),
        bookkeeping_ms=taken.own_seconds * 1e3,
        **stream.own(),
    )


@mode(baseline=True)
def full(stream: Exchange) -> Work:
    """Market books as objects."""
    return followed(stream, False)


@mode
def lightweight(stream: Exchange) -> Work:
    """Market books as dicts."""
    return followed(stream, True)


@mode(needs=FLUMINE)
def flumine(trading: Followed) -> Work:
    """flumine in live mode, logged in, with its order stream and a strategy that does nothing."""
    return joined(trading.stream, trading.taken, flumine_followed(trading))
