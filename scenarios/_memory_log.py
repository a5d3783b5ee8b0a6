"""A replay that logs its resident memory, and the cost of the log."""

from __future__ import annotations

import os
import time
from array import array
from contextlib import contextmanager
from statistics import median
from typing import Any, Callable, Iterator

from _books import Session

from perfbench import NotAvailable, Work, observed
from perfbench.worker.scenario_api import ScenarioError

STATM = "/proc/self/statm"
PAGE = os.sysconf("SC_PAGE_SIZE")
LONGEST = 128
"""Buffer size in bytes for seven numbers."""

AIM = 0.01
EMPTY_CALLS = 1_000


@contextmanager
def kept_open() -> Iterator[Callable[[], int]]:
    """Read the resident memory from a file that stays open: the system regenerates it for each read from offset 0."""
    try:
        number = os.open(STATM, os.O_RDONLY)
    except OSError:
        raise NotAvailable("this system has no {}: run it on Linux".format(STATM)) from None
    try:
        yield lambda: int(os.pread(number, LONGEST, 0).split()[1]) * PAGE
    finally:
        os.close(number)


def not_logged(session: Session) -> Work:
    """The replay alone."""
    for number, book in enumerate(observed(session.books())):
        session.record.note(number, book)
    return Work(session.amount, output=session.record.items())


def logged(session: Session, resident: Callable[[], int], every_ms: int = 0) -> Work:
    """The replay with a call at every update, or at the first one after ``every_ms`` milliseconds of the market's clock.

    If the clock goes back, as in a file of several markets, the interval restarts. Raises ScenarioError for a negative interval.
    """
    if every_ms < 0:
        raise ScenarioError("every_ms={}: milliseconds between two calls, at least 0".format(every_ms))
    log, took = (array("q", [0]) * session.amount for _ in range(2))
    clock, calls, logged_at = time.perf_counter_ns, 0, -every_ms
    began = clock()
    for number, book in enumerate(observed(session.books())):
        session.record.note(number, book)
        now = session.record.published(number)
        if not 0 <= now - logged_at < every_ms:
            start = clock()
            log[calls] = resident()
            took[calls] = clock() - start
            calls, logged_at = calls + 1, now
    whole = clock() - began
    nothing = _empty_call()
    spent = max(sum(took[:calls]) - calls * nothing, 1)
    call = max(median(took[:calls]) - nothing, 1)
    rest = (whole - spent) / session.amount
    return Work(
        session.amount,
        output=session.record.items(),
        calls=calls,
        call_us=call / 1e3,
        logged_share=spent / whole,
        every_for_1_percent=call * (1 - AIM) / AIM / rest,
        last_rss_bytes=log[calls - 1],
    )


def _empty_call() -> float:
    """Nanoseconds that reading the clock adds to a call."""
    clock: Any = time.perf_counter_ns
    took = []
    for _ in range(EMPTY_CALLS):
        start = clock()
        took.append(clock() - start)
    return median(took)
