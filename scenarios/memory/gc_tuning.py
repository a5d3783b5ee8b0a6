"""Does it prevent growth to clear a market's caches and collect garbage when it closes, and what does tuning the collector do?

A session of several markets, each the first ``updates`` books of the market file. Every market has a cache of its last ``keep``
books; when the market closes, all modes but ``never_cleared`` clear it. ``cycles`` of every 100 books are wrapped in an object
that refers to itself, as strategies do that store their markets on themselves: only the collector frees those (``--sweep
cycles=0,100``). Seconds are CPU seconds of the session.

``end_rss_bytes`` is the memory after the last market has closed, ``growth_bytes`` its growth for each market since the first
one closed; below 1 MiB, in which Python takes memory from the system, it is no growth. ``pause_ms`` is the longest collection
while a market runs, ``close_pause_ms`` the longest one when a market closes; ``freed`` counts the objects that only the
collector could free. After the session all books are dropped, garbage is collected and malloc_trim is called; ``left_bytes`` is
the memory then still in use above the start, which only a restart frees. The memory after every market is in the saved run
(``rss_market_01`` …), and so are the steps at the end (``rss_cleared_bytes``, ``rss_collected_bytes``, ``rss_trimmed_bytes``).
"""

from __future__ import annotations

import gc
import logging
import time
from collections import deque
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, Callable, Deque, Dict, Iterator, List

from perfbench import Claim, Metric, Work, mode, observed, setup
from perfbench.kit import ScenarioError
from perfbench.kit.books import Session
from perfbench.kit.books import session as session_of
from perfbench.kit.growth import ARENA
from perfbench.kit.memory import give_back, require_memory, resident_bytes

UNIT = "updates"
METRICS = {
    "end_rss_bytes": Metric("bytes"),
    "growth_bytes": Metric("bytes", floor=ARENA),
    "pause_ms": Metric("ms"),
    "close_pause_ms": Metric("ms"),
    "collections": Metric("", better="neither"),
    "freed": Metric("objects", better="neither"),
    "left_bytes": Metric("bytes"),
}
QUICK = {"replays": 2, "updates": 100, "keep": 20}
QUICK_LINES = 2_000
NOTES = "community notes"
TEXT = "clear a market's caches and collect garbage when it closes"
CLAIMS = [
    Claim("default", "advised_collect", 1.0, NOTES, "end_rss_bytes", TEXT + ": less memory", "off_until_close"),
    Claim("default", "advised_collect", 1.0, NOTES, "growth_bytes", TEXT + ": no growth", bounded=True),
    Claim("default", "advised_collect", 1.0, "perfbench", "pause_ms", TEXT + ": shorter pauses", "off_until_close"),
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


Cache = Deque[Any]
Close = Callable[[Cache], Any]
"""What a mode does when a market closes, given the market's cache."""


class Trading:
    """A session, the number of books that each market's cache holds, and how many of every 100 are held by a cycle."""

    def __init__(self, session: Session, keep: int, cycles: int) -> None:
        self.session, self.keep, self.cycles = session, keep, cycles

    def run(self, at_start: Callable[[], Any], at_close: Close) -> Work:
        """Configure the collector, replay all markets, and report collections and memory."""
        caches: List[Cache] = []
        curve: List[float] = []
        begun = resident_bytes()
        with watched() as watch:
            start = time.process_time()
            at_start()
            for number in range(self.session.markets):
                cache: Cache = deque(maxlen=self.keep)
                caches.append(cache)
                self._market(number, cache)
                watch.closing = True
                at_close(cache)
                watch.closing = False
                curve.append(float(resident_bytes()))
            seconds = time.process_time() - start
        numbers = {
            "end_rss_bytes": curve[-1],
            **{"rss_market_{:02d}".format(number): resident for number, resident in enumerate(curve, 1)},
            "pause_ms": watch.longest * 1e3,
            "close_pause_ms": watch.longest_at_close * 1e3,
            "paused_share": watch.paused / seconds,
            "collections": float(watch.collections),
            "freed": float(watch.freed),
        }
        if len(curve) > 1:
            numbers["growth_bytes"] = max(0.0, curve[-1] - curve[0]) / (len(curve) - 1)
        caches.clear()
        numbers.update(_free_everything(begun))
        record = self.session.record
        return Work(self.session.markets * self.session.amount, seconds, record.items(), **numbers)

    def _market(self, number: int, cache: Cache) -> None:
        first = number * self.session.amount
        for place, book in enumerate(observed(self.session.books())):
            self.session.record.note(first + place, book)
            cache.append(Note(book) if place % 100 < self.cycles else book)


def _free_everything(begun: int) -> Dict[str, float]:
    """The memory without caches, after a collection, and after malloc_trim; what is left above ``begun``."""
    numbers = {"rss_cleared_bytes": float(resident_bytes())}
    gc.collect()
    numbers["rss_collected_bytes"] = left = float(resident_bytes())
    if give_back():
        numbers["rss_trimmed_bytes"] = left = float(resident_bytes())
    return {**numbers, "left_bytes": max(left - begun, 0.0)}


@setup
def trading(
    market: str,
    *,
    replays: int = 4,
    updates: int = 3_000,
    keep: int = 1_000,
    cycles: int = 0,
    lightweight: bool = False,
) -> Trading:
    """A session of ``replays`` markets of ``updates`` books. Raises NotAvailable if memory is insufficient."""
    if keep < 0:
        raise ScenarioError("keep={}: the number of market books, at least 0".format(keep))
    if not 0 <= cycles <= 100:
        raise ScenarioError("cycles={}: of every 100 market books, 0 to 100".format(cycles))
    session = session_of(market, replays, updates, lightweight)
    books = replays * min(keep, session.amount) + HELD_OFF * session.amount
    require_memory(books * session.bytes_per_book, "{:,} market books".format(books))
    return Trading(session, keep, cycles)


@setup
def log() -> Iterator[logging.Logger]:
    """A logger that writes its lines to a file."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        handler, logger = logging.StreamHandler(file), logging.getLogger("gc_tuning")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        yield logger
        logger.removeHandler(handler)


def _nothing() -> None:
    """Leave the collector unchanged."""


def _clear(cache: Cache) -> None:
    cache.clear()


def _clear_and_freeze(cache: Cache) -> None:
    cache.clear()
    gc.freeze()


@mode(baseline=True)
def default(trading: Trading) -> Work:
    """Caches are cleared when a market closes; Python's default collector."""
    return trading.run(_nothing, _clear)


@mode
def advised_collect(trading: Trading, log: logging.Logger) -> Work:
    """As advised: clear the market's cache, then gc.collect(), and log how many objects it freed."""

    def close(cache: Cache) -> None:
        cache.clear()
        freed = gc.collect()
        log.info("garbage collection freed %d objects", freed)

    return trading.run(_nothing, close)


@mode
def never_cleared(trading: Trading) -> Work:
    """Nothing is cleared and nothing collected when a market closes."""
    return trading.run(_nothing, lambda cache: None)


@mode
def collect_only(trading: Trading) -> Work:
    """gc.collect() when a market closes, with all caches left."""
    return trading.run(_nothing, lambda cache: gc.collect())


@mode
def raised_thresholds(trading: Trading, *, young: int = 50_000, middle: int = 20, old: int = 100) -> Work:
    """Caches cleared; gc.set_threshold(50_000, 20, 100)."""
    return trading.run(lambda: gc.set_threshold(young, middle, old), _clear)


@mode
def frozen(trading: Trading) -> Work:
    """Caches cleared; gc.freeze() at the start and when a market closes: kept objects are never scanned again."""
    return trading.run(gc.freeze, _clear_and_freeze)


@mode
def frozen_and_raised(trading: Trading, *, young: int = 50_000, middle: int = 20, old: int = 100) -> Work:
    """Caches cleared; gc.freeze() and gc.set_threshold(50_000, 20, 100) together."""

    def start() -> None:
        gc.freeze()
        gc.set_threshold(young, middle, old)

    return trading.run(start, _clear_and_freeze)


@mode
def off_until_close(trading: Trading) -> Work:
    """gc.disable(); when a market closes, clear its cache and gc.collect(): no pause while one runs."""

    def close(cache: Cache) -> None:
        cache.clear()
        gc.collect()

    return trading.run(gc.disable, close)
