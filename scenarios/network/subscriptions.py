"""What does a live stream cost when less of it is asked for, and what is then missing?

The same market, sent by the exchange of perfbench as in ``live``, to clients that ask for other fields, fewer levels or conflated
updates: their output differs, and is not compared. Seconds are CPU seconds of a client in lightweight mode. ``frames`` and
``sent_bytes`` are what was sent for the same updates of the market, ``levels`` the prices in the average runner's book, both sides
together, and ``volume`` what the client knows to have been traded by the end.
"""

from __future__ import annotations

from typing import Any, Iterator

from betfairlightweight import filters

from perfbench import Metric, Work, mode, setup
from perfbench.kit.stream_client import EVERYTHING, Exchange, Taken, exchange, follow, percentile

UNIT = "updates"
METRICS = {
    "frames": Metric("frames"),
    "sent_bytes": Metric("bytes"),
    "latency_p50_ms": Metric("ms"),
    "levels": Metric("prices", better="higher"),
    "volume": Metric("", better="higher"),
}
QUICK = {"speed": 1200.0, "late_ms": 1000.0}
WITHOUT_OFFERS = [field for field in EVERYTHING if field != "EX_ALL_OFFERS"]


@setup
def stream(market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 5.0) -> Iterator[Exchange]:
    """Exchange that waits for its client; ``late_ms`` is the largest delay accepted at its 99th percentile."""
    with exchange(market, speed, traffic, late_ms, "--no-api") as opened:
        yield opened


def asked(stream: Exchange, conflate_ms: int = 0, **data_filter: Any) -> Work:
    """Follow the stream to its end with a data filter."""
    taken = Taken()
    seconds = follow(stream.port, True, taken, filters.streaming_market_data_filter(**data_filter), conflate_ms)
    frames = stream.close()
    late = taken.latencies(frames)
    return Work(
        stream.updates,
        seconds,
        frames=len(frames),
        sent_bytes=sum(frame.size for frame in frames),
        latency_p50_ms=percentile([delay * 1e3 for delay, _ in late], 50),
        levels=taken.levels(),
        volume=taken.volume(),
    )


@mode(baseline=True)
def flumine_defaults(stream: Exchange) -> Work:
    """What flumine asks for by default: full depth, and all there is of what was traded."""
    return asked(stream, fields=EVERYTHING)


@mode(floor=True)
def everything(stream: Exchange) -> Work:
    """No data filter: best offers on top of the full depth."""
    return asked(stream)


@mode(floor=True)
def all_offers(stream: Exchange) -> Work:
    """The full depth, and nothing of what was traded."""
    return asked(stream, fields=["EX_MARKET_DEF", "EX_ALL_OFFERS"])


@mode(floor=True)
def best_10(stream: Exchange) -> Work:
    """The best ten levels."""
    return asked(stream, fields=[*WITHOUT_OFFERS, "EX_BEST_OFFERS"], ladder_levels=10)


@mode(floor=True)
def best_3(stream: Exchange) -> Work:
    """The best three levels."""
    return asked(stream, fields=[*WITHOUT_OFFERS, "EX_BEST_OFFERS"], ladder_levels=3)


@mode(floor=True)
def best_1(stream: Exchange) -> Work:
    """The best level."""
    return asked(stream, fields=[*WITHOUT_OFFERS, "EX_BEST_OFFERS"], ladder_levels=1)


@mode(floor=True)
def conflated(stream: Exchange, *, conflate_ms: int = 200) -> Work:
    """The full depth, in one frame for all updates of ``conflate_ms`` milliseconds of real time."""
    return asked(stream, conflate_ms, fields=EVERYTHING)
