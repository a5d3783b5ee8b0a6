"""What does a live stream cost when less of it is asked for, and what is then missing?

The same market, sent by the exchange of perfbench as in ``live``, to clients that ask for other fields, fewer levels or conflated
updates: their output differs, and is not compared. Seconds are CPU seconds of a client in lightweight mode. ``frames`` and
``sent_bytes`` are what was sent for the same updates of the market, ``levels`` the prices in the average runner's book, both sides
together, ``volume`` the most that the client knew to be traded, and ``last_prices`` the runners with a last price at the end.

The advice gives its options in a price projection, and ``ladderLevels`` in the filter of *markets*. Neither is valid on the stream,
which ignores both and sends everything (``as_written``). They belong in the market *data* filter, as ``fields`` and
``ladderLevels``: ``EX_BEST_OFFERS`` has no virtual prices and rolls stakes up. A book needs ``EX_MARKET_DEF``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional

from betfairlightweight import filters

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.stream_client import EVERYTHING, Exchange, Taken, exchange, follow, percentile

UNIT = "updates"
METRICS = {
    "frames": Metric("frames"),
    "sent_bytes": Metric("bytes"),
    "latency_p50_ms": Metric("ms"),
    "levels": Metric("prices", better="higher"),
    "volume": Metric("", better="higher"),
    "last_prices": Metric("runners", better="higher"),
}
QUICK = {"traffic": "last_minute", "speed": 240.0, "late_ms": 1000.0}
NOTES = "community notes"
ADVICE = "subscribe to the three best offers only"
CLAIMS = [
    Claim("everything", "advised_best_3", 1.0, NOTES, "latency_p50_ms", ADVICE + ": minimal latency"),
    Claim("everything", "advised_best_3", 1.0, NOTES, "sent_bytes", ADVICE),
    Claim("everything", "advised_best_3", 1.0, NOTES, text=ADVICE),
]
WITHOUT_OFFERS = [field for field in EVERYTHING if field != "EX_ALL_OFFERS"]


@setup
def stream(market: str, *, traffic: str = "both", speed: float = 20.0, late_ms: float = 5.0) -> Iterator[Exchange]:
    """Exchange that waits for its client; ``late_ms`` is the largest delay accepted at its 99th percentile."""
    with exchange(market, speed, traffic, late_ms, "--no-api") as opened:
        yield opened


def subscribed(
    stream: Exchange,
    data_filter: Dict[str, Any],
    conflate_ms: int = 0,
    market_filter: Optional[Dict[str, Any]] = None,
) -> Work:
    """Follow the stream to its end with these filters."""
    taken = Taken()
    seconds = follow(stream.port, True, taken, data_filter, conflate_ms, market_filter)
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
        last_prices=taken.last_prices(),
    )


def with_fields(*fields: str, ladder_levels: Optional[int] = None) -> Dict[str, Any]:
    """Market data filter for these fields."""
    data_filter: Dict[str, Any] = filters.streaming_market_data_filter(list(fields), ladder_levels)
    return data_filter


@mode(baseline=True)
def everything(stream: Exchange) -> Work:
    """No data filter: all there is, best offers on top of the full depth."""
    return subscribed(stream, {})


@mode(floor=True)
def advised_best_3(stream: Exchange) -> Work:
    """As advised, made valid: best offers only, three levels, not virtual, stakes rolled up; nothing of what was traded."""
    return subscribed(stream, with_fields("EX_MARKET_DEF", "EX_BEST_OFFERS", ladder_levels=3))


@mode(floor=True)
def as_written(stream: Exchange) -> Work:
    """The same as the notes write it, where the stream ignores it: everything is sent."""
    projection = filters.price_projection(
        price_data=["EX_BEST_OFFERS"],
        ex_best_offers_overrides=filters.ex_best_offers_overrides(rollup_model="STAKE"),
        virtualise=False,
    )
    return subscribed(stream, projection, market_filter={"ladderLevels": 3})


@mode(floor=True)
def flumine_defaults(stream: Exchange) -> Work:
    """What flumine asks for by default: full depth, and all there is of what was traded."""
    return subscribed(stream, with_fields(*EVERYTHING))


@mode(floor=True)
def all_offers(stream: Exchange) -> Work:
    """The full depth, and nothing of what was traded."""
    return subscribed(stream, with_fields("EX_MARKET_DEF", "EX_ALL_OFFERS"))


@mode(floor=True)
def best_10(stream: Exchange) -> Work:
    """The best ten levels, and all there is of what was traded."""
    return subscribed(stream, with_fields(*WITHOUT_OFFERS, "EX_BEST_OFFERS", ladder_levels=10))


@mode(floor=True)
def best_3(stream: Exchange) -> Work:
    """The best three levels, and all there is of what was traded."""
    return subscribed(stream, with_fields(*WITHOUT_OFFERS, "EX_BEST_OFFERS", ladder_levels=3))


@mode(floor=True)
def best_1(stream: Exchange) -> Work:
    """The best level, and all there is of what was traded."""
    return subscribed(stream, with_fields(*WITHOUT_OFFERS, "EX_BEST_OFFERS", ladder_levels=1))


@mode(floor=True)
def conflated(stream: Exchange, *, conflate_ms: int = 200) -> Work:
    """flumine's fields, in one frame for all updates of ``conflate_ms`` milliseconds of the market (of real time at least one)."""
    scaled = max(1, round(conflate_ms / stream.speed)) if conflate_ms else 0
    return subscribed(stream, with_fields(*EVERYTHING), scaled)
