"""Does it pay to call or to tune Python's garbage collector while markets are replayed?

A session of several markets, each the first ``updates`` books of the market file. ``--set keep=1000`` keeps that many books of
every market until the session ends, like a list of them; ``--set cycles=true`` wraps each book in an object that refers to
itself, as strategies do that store their markets on themselves: only the collector frees those. Seconds are CPU seconds of the
session.

``pause_ms`` is the longest collection while a market runs, ``close_pause_ms`` the longest one when a market closes, where
nothing waits; ``freed`` counts the objects that only the collector could free. After the session the books are dropped, garbage
is collected and malloc_trim is called; ``left_bytes`` is the memory then still in use above the start, which only a restart
frees. The steps between are in the saved run (``rss_full_bytes``, ``rss_cleared_bytes``, ``rss_collected_bytes``,
``rss_trimmed_bytes``).
"""

from __future__ import annotations

import gc

from _books import session as session_of
from _collector import Trading
from _room import require_memory

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.worker.scenario_api import ScenarioError

UNIT = "updates"
METRICS = {
    "pause_ms": Metric("ms"),
    "close_pause_ms": Metric("ms"),
    "collections": Metric("", better="neither"),
    "freed": Metric("objects", better="neither"),
    "left_bytes": Metric("bytes"),
}
QUICK = {"replays": 2, "updates": 100, "keep": 20}
NOTES = "performance notes of the community"
TEXT = "collect garbage when a market closes"
CLAIMS = [
    Claim("default", "collect_at_close", 1.0, NOTES, "peak_rss_bytes", TEXT, "off_until_close"),
    Claim("default", "collect_at_close", 1.0, NOTES, "pause_ms", TEXT, "off_until_close"),
    Claim("default", "collect_at_close", 1.0, NOTES, "", TEXT, "frozen_and_raised"),
]
HELD_OFF = 2
"""Markets whose garbage may be in memory at once if nothing is collected before a market closes."""


@setup
def trading(
    market: str,
    *,
    replays: int = 4,
    updates: int = 3_000,
    keep: int = 0,
    cycles: bool = False,
    lightweight: bool = False,
) -> Trading:
    """A session of ``replays`` markets of ``updates`` books. Raises NotAvailable if memory is insufficient."""
    if keep < 0:
        raise ScenarioError("keep={}: the number of market books, at least 0".format(keep))
    session = session_of(market, replays, updates, lightweight)
    books = replays * min(keep, session.amount) + HELD_OFF * session.amount
    require_memory(books * session.bytes_per_book, "{:,} market books".format(books))
    return Trading(session, keep, cycles)


def _nothing() -> None:
    """Leave the collector unchanged."""


@mode(baseline=True)
def default(trading: Trading) -> Work:
    """Python's default settings."""
    return trading.run(_nothing, _nothing)


@mode
def collect_at_close(trading: Trading) -> Work:
    """As advised: gc.collect() when a market closes."""
    return trading.run(_nothing, gc.collect)


@mode
def raised_thresholds(trading: Trading, *, young: int = 50_000, middle: int = 20, old: int = 100) -> Work:
    """gc.set_threshold(50_000, 20, 100)."""
    return trading.run(lambda: gc.set_threshold(young, middle, old), _nothing)


@mode
def frozen(trading: Trading) -> Work:
    """gc.freeze() at the start and when a market closes: kept objects are never scanned again."""
    return trading.run(gc.freeze, gc.freeze)


@mode
def frozen_and_raised(trading: Trading, *, young: int = 50_000, middle: int = 20, old: int = 100) -> Work:
    """gc.freeze() and gc.set_threshold(50_000, 20, 100) together."""

    def start() -> None:
        gc.freeze()
        gc.set_threshold(young, middle, old)

    return trading.run(start, gc.freeze)


@mode
def off_until_close(trading: Trading) -> Work:
    """gc.disable(), and gc.collect() when a market closes: no pause while one runs."""
    return trading.run(gc.disable, gc.collect)
