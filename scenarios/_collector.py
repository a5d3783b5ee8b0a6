"""Observation of Python's garbage collector during a scenario, with its settings restored afterwards."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List

from _books import Session
from _resident import give_back, resident_bytes

from perfbench import Work, observed


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
