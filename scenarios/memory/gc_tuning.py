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
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List

from perfbench import Claim, Metric, Work, mode, observed, setup
from perfbench.kit import ScenarioError
from perfbench.kit.books import Session
from perfbench.kit.books import session as session_of
from perfbench.kit.memory import give_back, require_memory, resident_bytes

UNIT = "updates"
METRICS = {
    "pause_ms": Metric("ms"),
    "close_pause_ms": Metric("ms"),
    "collections": Metric("", better="neither"),
    "freed": Metric("objects", better="neither"),
    "left_bytes": Metric("bytes"),
}
QUICK = {"replays": 2, "updates": 100, "keep": 20}
NOTES = "community notes"
TEXT = "collect garbage when a market closes"
CLAIMS = [
    Claim("default", "collect_at_close", 1.0, NOTES, "peak_rss_bytes", TEXT, "off_until_close"),
    Claim("default", "collect_at_close", 1.0, NOTES, "pause_ms", TEXT, "off_until_close"),
    Claim("default", "collect_at_close", 1.0, NOTES, "", TEXT, "frozen_and_raised"),
]
HELD_OFF = 2
"""Markets whose garbage may be in memory at once if nothing is collected before a market closes."""


class Watch:
    """Work of the collector: ``collections``, objects ``freed``, and the pauses in CPU seconds.

    Seconds of this thread, so that other load on the core does not lengthen a pause. On a free core they equal the time that the
    program waited. The callback costs well under a microsecond per collection.
    """

    def __init__(self) -> None:
        self.collections = 0
        self.freed = 0
        self.paused = 0.0
        self.longest = 0.0
        self.longest_at_close = 0.0
        self.closing = False
        self._began = 0.0

    def note(self, phase: str, info: Dict[str, Any]) -> None:
        """A callback of the collector, see ``gc.callbacks``."""
        now = time.thread_time()
        if phase == "start":
            self._began = now
            return
        pause = now - self._began
        self.collections += 1
        self.freed += info["collected"]
        self.paused += pause
        if self.closing:
            self.longest_at_close = max(self.longest_at_close, pause)
        else:
            self.longest = max(self.longest, pause)


@contextmanager
def watched() -> Iterator[Watch]:
    """Observe the collector, then restore its settings: thresholds, frozen objects, enabled or not."""
    watch = Watch()
    before, enabled = gc.get_threshold(), gc.isenabled()
    gc.callbacks.append(watch.note)
    try:
        yield watch
    finally:
        gc.callbacks.remove(watch.note)
        gc.unfreeze()
        gc.set_threshold(*before)
        (gc.enable if enabled else gc.disable)()


class Note:
    """A reference cycle that holds a market book."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.note = self


class Trading:
    """A session, the number of books of each market that it keeps, and whether each is held by a cycle."""

    def __init__(self, session: Session, keep: int, cycles: bool) -> None:
        self.session, self.keep, self.cycles = session, keep, cycles

    def run(self, at_start: Callable[[], Any], at_close: Callable[[], Any]) -> Work:
        """Configure the collector, replay all markets, and report collections and memory."""
        kept: List[Any] = []
        begun = resident_bytes()
        with watched() as watch:
            start = time.process_time()
            at_start()
            for number in range(self.session.markets):
                self._market(number, kept)
                watch.closing = True
                at_close()
                watch.closing = False
            seconds = time.process_time() - start
        numbers = {
            "pause_ms": watch.longest * 1e3,
            "close_pause_ms": watch.longest_at_close * 1e3,
            "paused_share": watch.paused / seconds,
            "collections": float(watch.collections),
            "freed": float(watch.freed),
            "rss_full_bytes": float(resident_bytes()),
        }
        kept.clear()
        numbers["rss_cleared_bytes"] = float(resident_bytes())
        gc.collect()
        numbers["rss_collected_bytes"] = left = float(resident_bytes())
        if give_back():
            numbers["rss_trimmed_bytes"] = left = float(resident_bytes())
        numbers["left_bytes"] = max(left - begun, 0.0)
        record = self.session.record
        return Work(self.session.markets * self.session.amount, seconds, record.items(), **numbers)

    def _market(self, number: int, kept: List[Any]) -> None:
        first = number * self.session.amount
        for place, book in enumerate(observed(self.session.books())):
            self.session.record.note(first + place, book)
            held = Note(book) if self.cycles else book
            if place < self.keep:
                kept.append(held)


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
